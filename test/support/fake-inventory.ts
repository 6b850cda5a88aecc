import type { InventoriedAccount } from '../../src/audit/inventory/account.ts'
import type { InventoriedCertificate } from '../../src/audit/inventory/certificate.ts'
import type { InventoriedChallenge } from '../../src/audit/inventory/challenge.ts'
import type { Client } from '../../src/audit/inventory/client.ts'
import type { Failure, RateLimitEvent } from '../../src/audit/inventory/failure.ts'
import type { InventoryProgress, InventoryReader } from '../../src/audit/inventory/inventory-reader.ts'
import type { OrderDetail } from '../../src/audit/inventory/order.ts'
import type { Summary } from '../../src/audit/inventory/summary.ts'
import type { Page } from '../../src/audit/inventory/values.ts'
import type { RecordedExchange } from '../../src/audit/record-store.ts'

/** An inventory over lists in memory, which filters nothing and remembers how it was asked. */
export class FakeInventory implements InventoryReader {
  readonly calls: [what: string, filter: Record<string, unknown>][] = []
  /** At most so many items on a page, whatever was asked for. */
  pageSize = Number.POSITIVE_INFINITY
  recordedExchanges: RecordedExchange[] = []
  accountList: InventoriedAccount[] = []
  clientList: Client[] = []
  orderList: OrderDetail[] = []
  challengeList: InventoriedChallenge[] = []
  certificateList: InventoriedCertificate[] = []
  failureList: Failure[] = []
  pems = new Map<string, string>()
  totals: Summary = {
    buckets: [],
    totals: {
      exchanges: 0,
      accounts: 0,
      clients: 0,
      orders: 0,
      certificates: 0,
      valid: 0,
      failures: 0,
      unclassified: 0,
    },
  }
  standing: InventoryProgress = { projected: 10, recorded: 10, rebuilding: false, fault: null }

  #page<T>(what: string, list: readonly T[], filter: Record<string, unknown>): Promise<Page<T>> {
    this.calls.push([what, filter])
    const from = filter.cursor === undefined ? 0 : Number(filter.cursor)
    const until = from + Math.min(Number(filter.limit), this.pageSize)
    const next = until < list.length ? String(until) : null
    return Promise.resolve({ items: list.slice(from, until), next })
  }
  exchanges(filter: object) {
    return this.#page('exchanges', this.recordedExchanges, { ...filter })
  }
  accounts(filter: object) {
    return this.#page('accounts', this.accountList, { ...filter })
  }
  clients(filter: object) {
    return this.#page('clients', this.clientList, { ...filter })
  }
  orders(filter: object) {
    return this.#page('orders', this.orderList, { ...filter })
  }
  challenges(filter: object) {
    return this.#page('challenges', this.challengeList, { ...filter })
  }
  certificates(filter: object) {
    return this.#page('certificates', this.certificateList, { ...filter })
  }
  failures(filter: object) {
    return this.#page('failures', this.failureList, { ...filter })
  }
  rateLimits(filter: object) {
    return this.#page<RateLimitEvent>('rateLimits', [], { ...filter })
  }
  async order(id: string) {
    return this.orderList.find((one) => one.id === id || one.url === id) ?? null
  }
  async certificate(id: string) {
    return this.certificateList.find((one) => one.fingerprint === id || one.serial === id) ?? null
  }
  async certificatePem(fingerprint: string) {
    return this.pems.get(fingerprint) ?? null
  }
  async summary(filter: object) {
    this.calls.push(['summary', { ...filter }])
    return this.totals
  }
  async progress() {
    return this.standing
  }
}
