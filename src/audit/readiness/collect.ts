import { X509Certificate } from 'node:crypto'
import type { Client } from '../inventory/client.ts'
import { everyPage, type Paging } from '../inventory/every-page.ts'
import type { InventoryReader } from '../inventory/inventory-reader.ts'
import type { OrderDetail } from '../inventory/order.ts'
import type { Page } from '../inventory/values.ts'
import { type ClientHistory, type IssuedCertificate, issuedCertificate, type SeenOrder } from './history.ts'

export type ReadinessReader = Pick<
  InventoryReader,
  'clients' | 'certificates' | 'orders' | 'order' | 'certificatePem'
>

const PAGE = 1000
/** Finished orders of a client whose authorizations are looked at. */
const ORDERS = 3

/**
 * What the inventory tells of each client that ordered something, one at a time. All certificates are read once, in
 * pages, and kept as a few numbers each; then a handful of questions per client.
 */
export async function* histories(inventory: ReadinessReader): AsyncGenerator<ClientHistory> {
  const clients: Client[] = []
  for await (const one of all((page) => inventory.clients(page))) clients.push(one)
  const offering = new Set(clients.filter(asks).map(({ account }) => account?.ca ?? null))
  const byClient = new Map<string, IssuedCertificate[]>()
  const byFingerprint = new Map<string, IssuedCertificate>()
  for await (const one of all((page) => inventory.certificates(page))) {
    const issued = issuedCertificate(one)
    byFingerprint.set(one.fingerprint, issued)
    if (issued.window !== null) offering.add(one.ca)
    if (one.client === null) continue
    const before = byClient.get(one.client)
    if (before === undefined) byClient.set(one.client, [issued])
    else before.push(issued)
  }
  const unnamed = askersWithoutAccount(clients)
  for (const client of clients) {
    if (client.account === null) continue
    const certificates = (byClient.get(client.id) ?? []).sort((a, b) => a.notBefore - b.notBefore)
    const before = certificates.flatMap(({ replaces }) => byFingerprint.get(replaces ?? '') ?? [])
    yield {
      client: asks(client) || !unnamed.has(placeOf(client)) ? client : { ...client, asksRenewalInfo: true },
      certificates,
      before: new Map(before.map((one) => [one.fingerprint, one])),
      orders: await ordersOf(inventory, client.id),
      extendedKeyUsage: await extendedKeyUsage(inventory, certificates.at(-1)?.fingerprint),
      caOffersRenewalInfo: offering.has(client.account.ca),
    }
  }
}

const asks = ({ asksRenewalInfo }: Client): boolean => asksRenewalInfo

/** lego asks for renewal information as `Go-http-client`, so it counts for another client of the same place. */
function askersWithoutAccount(clients: readonly Client[]): ReadonlySet<string> {
  const askers = clients.filter(
    (one) => asks(one) && one.account === null && one.program === 'Go-http-client',
  )
  const lego = new Set(
    clients.filter(({ userAgent }) => /xenolf-acme|^lego/.test(userAgent ?? '')).map(placeOf),
  )
  return new Set(askers.map(placeOf).filter((place) => lego.has(place)))
}

function placeOf({ source, label }: Client): string {
  return JSON.stringify([source, label])
}

async function* all<T>(fetch: (asked: Paging) => Promise<Page<T>>): AsyncGenerator<T> {
  for await (const { items } of everyPage(fetch, PAGE)) yield* items
}

async function ordersOf(inventory: ReadinessReader, client: string): Promise<readonly SeenOrder[]> {
  const orders: SeenOrder[] = []
  // A page may be empty before the end.
  for await (const { id } of all((page) =>
    inventory.orders({ ...page, client, status: 'valid', limit: ORDERS }),
  )) {
    const detail = await inventory.order(id)
    if (detail !== null) orders.push(seenOrder(detail))
    if (orders.length === ORDERS) break
  }
  return orders
}

function seenOrder({ id, createdAt, identifiers, profile, authorizations }: OrderDetail): SeenOrder {
  return {
    id,
    createdAt: Date.parse(createdAt),
    names: identifiers.length,
    profile,
    authorizations: authorizations.map(({ identifier, wildcard, reused, challenges }) => {
      const judged = challenges.find(({ status }) => status === 'valid')?.judgedAt ?? null
      return {
        name: `${wildcard ? '*.' : ''}${identifier?.value ?? '?'}`,
        reused,
        validatedAt: judged === null ? null : Date.parse(judged),
      }
    }),
  }
}

async function extendedKeyUsage(
  inventory: ReadinessReader,
  fingerprint: string | undefined,
): Promise<readonly string[] | null> {
  const pem = fingerprint === undefined ? null : await inventory.certificatePem(fingerprint)
  if (pem === null) return null
  try {
    return new X509Certificate(pem).keyUsage ?? []
  } catch {
    return null
  }
}
