import type { InventoryDump } from './read-inventory.ts'
import type { Truth } from './truth.ts'

/** What of the inventory is about one CA: where acmetap is a server too, its clients' dealings with it stay out. */
export function dealingsWith(ca: string, inventory: InventoryDump): InventoryDump {
  const there = (one: { readonly ca: string | null }): boolean => one.ca === ca
  const accounts = inventory.accounts.filter(there)
  const urls = new Set<string | null>(accounts.map(({ url }) => url))
  const kept = inventory.certificates.flatMap((one, index) => (there(one) ? [{ one, index }] : []))
  return {
    ...inventory,
    accounts,
    clients: inventory.clients.filter(({ account }) => account !== null && urls.has(account.url)),
    orders: inventory.orders.filter(there),
    challenges: inventory.challenges.filter(there),
    failures: inventory.failures.filter(there),
    certificates: kept.map(({ one }) => ({
      ...one,
      downloadedBy: one.downloadedBy.filter(({ account }) => urls.has(account)),
    })),
    pems: kept.map(({ index }) => inventory.pems[index] ?? null),
  }
}

/** The truth where nobody but acmetap itself asked: it is no client of the inventory's. */
export function withoutClients(truth: Truth): Truth {
  const orders = [...truth.orders].map(([url, one]) => [url, { ...one, program: null }] as const)
  return { ...truth, orders: new Map(orders), clients: new Set() }
}
