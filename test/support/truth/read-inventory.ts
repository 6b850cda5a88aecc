import type { InventoriedAccount } from '../../../src/audit/inventory/account.ts'
import type { InventoriedCertificate } from '../../../src/audit/inventory/certificate.ts'
import type { InventoriedChallenge } from '../../../src/audit/inventory/challenge.ts'
import type { Client } from '../../../src/audit/inventory/client.ts'
import type { Failure, RateLimitEvent } from '../../../src/audit/inventory/failure.ts'
import type { InventoryReader } from '../../../src/audit/inventory/inventory-reader.ts'
import type { OrderDetail } from '../../../src/audit/inventory/order.ts'
import { SUMMARY_DIMENSIONS, type Summary } from '../../../src/audit/inventory/summary.ts'
import type { Page } from '../../../src/audit/inventory/values.ts'

/** Everything the inventory answers. */
export interface InventoryDump {
  readonly accounts: readonly InventoriedAccount[]
  readonly clients: readonly Client[]
  readonly orders: readonly OrderDetail[]
  readonly challenges: readonly InventoriedChallenge[]
  readonly certificates: readonly InventoriedCertificate[]
  readonly failures: readonly Failure[]
  readonly rateLimits: readonly RateLimitEvent[]
  readonly exchanges: readonly string[]
  readonly pems: readonly (string | null)[]
  readonly summary: Summary
}

const limit = 1000

export async function readInventory(reader: InventoryReader): Promise<InventoryDump> {
  const accounts = await all((cursor) => reader.accounts({ limit, ...cursor }))
  const clients = await all((cursor) => reader.clients({ limit, ...cursor }))
  const listed = await all((cursor) => reader.orders({ limit, ...cursor }))
  const orders: OrderDetail[] = []
  for (const { id, ...rest } of listed) {
    const detail = await reader.order(id)
    if (detail === null) throw new Error(`the list has order ${id}, which is not there`)
    for (const [member, value] of Object.entries(rest))
      if (JSON.stringify(detail[member as keyof OrderDetail]) !== JSON.stringify(value))
        throw new Error(`order ${id} has another ${member} in the list than by itself`)
    orders.push(detail)
  }
  const certificates = await all((cursor) => reader.certificates({ limit, ...cursor }))
  const pems: (string | null)[] = []
  for (const { fingerprint } of certificates) pems.push(await reader.certificatePem(fingerprint))
  const exchanges = await all((cursor) => reader.exchanges({ limit, ...cursor }))
  return {
    accounts,
    clients,
    orders,
    challenges: await all((cursor) => reader.challenges({ limit, ...cursor })),
    certificates,
    failures: await all((cursor) => reader.failures({ limit, ...cursor })),
    rateLimits: await all((cursor) => reader.rateLimits({ limit, ...cursor })),
    exchanges: exchanges.map(({ intent }) => intent.exchange),
    pems,
    summary: await reader.summary({ since: 0, every: 'all', by: SUMMARY_DIMENSIONS }),
  }
}

async function all<T>(page: (from: { cursor?: string }) => Promise<Page<T>>): Promise<readonly T[]> {
  const items: T[] = []
  for (let next: string | null = null; ; ) {
    const { items: more, next: after }: Page<T> = await page(next === null ? {} : { cursor: next })
    items.push(...more)
    if (after === null) return items
    next = after
  }
}
