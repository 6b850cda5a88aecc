import type Database from 'better-sqlite3'
import type { AccountFilter, InventoriedAccount } from '../../../../audit/inventory/account.ts'
import type { CertificateFilter, InventoriedCertificate } from '../../../../audit/inventory/certificate.ts'
import type { ChallengeFilter, InventoriedChallenge } from '../../../../audit/inventory/challenge.ts'
import type { Client, ClientFilter } from '../../../../audit/inventory/client.ts'
import type { ExchangeListFilter } from '../../../../audit/inventory/exchange-filter.ts'
import type {
  Failure,
  FailureFilter,
  RateLimitEvent,
  RateLimitFilter,
} from '../../../../audit/inventory/failure.ts'
import type { Happening } from '../../../../audit/inventory/happening.ts'
import type {
  CurrentCertificateCount,
  HappeningPlace,
  InventoryCounts,
} from '../../../../audit/inventory/inventory-counts.ts'
import type {
  AccountBinding,
  InventoryLookups,
  OrdersPage,
  TakenOrders,
} from '../../../../audit/inventory/inventory-lookups.ts'
import type { InventoryReader } from '../../../../audit/inventory/inventory-reader.ts'
import type { InventoriedOrder, OrderDetail, OrderFilter } from '../../../../audit/inventory/order.ts'
import type { Summary, SummaryFilter } from '../../../../audit/inventory/summary.ts'
import type { Page } from '../../../../audit/inventory/values.ts'
import type { RecordedExchange } from '../../../../audit/record-store.ts'
import { BEFORE_ALL, HappeningReader } from '../happenings.ts'
import { accounts } from './accounts.ts'
import { LIMITS, type Limits } from './budget.ts'
import { certificate, certificatePem, certificates } from './certificates.ts'
import { challenges } from './challenges.ts'
import { clients } from './clients.ts'
import type { Reading } from './common.ts'
import { currentCertificates } from './counts.ts'
import { Exchanges } from './exchanges.ts'
import { failures } from './failures.ts'
import { Lookups } from './lookups.ts'
import { Names } from './names.ts'
import { orderDetail } from './order-detail.ts'
import { orders } from './orders.ts'
import { Personal } from './personal.ts'
import { Prepared } from './prepared.ts'
import { rateLimits } from './rate-limits.ts'
import { References } from './references.ts'
import { summary } from './summary.ts'
import { Vocabulary } from './vocabulary.ts'

export interface QueriesOptions {
  readonly limits?: Partial<Limits>
  /** Wall time, µs. */
  readonly now?: () => number
}

/**
 * The inventory's questions, over a connection to it and a reading one to the record. Each is answered in stretches of
 * some ms, between which the thread may do other things; no transaction is open then. Rejects with FilterRefused.
 */
export class InventoryQueries
  implements Omit<InventoryReader, 'progress'>, InventoryCounts, InventoryLookups
{
  readonly #reading: Reading
  readonly #exchanges: Exchanges
  readonly #happenings: HappeningReader
  readonly #lookups: Lookups

  constructor(inventory: Database.Database, record: Database.Database, options: QueriesOptions = {}) {
    const prepared = new Prepared(inventory)
    const facts = new Prepared(record)
    const personal = new Personal(facts)
    this.#reading = {
      inventory: prepared,
      record: facts,
      vocabulary: new Vocabulary(prepared),
      names: new Names(prepared),
      personal,
      references: new References(prepared, personal),
      limits: { ...LIMITS, ...options.limits },
      now: options.now ?? (() => Date.now() * 1000),
    }
    this.#exchanges = new Exchanges(this.#reading)
    this.#happenings = new HappeningReader(inventory, record)
    this.#lookups = new Lookups(this.#reading)
  }

  async exchanges(filter: ExchangeListFilter): Promise<Page<RecordedExchange>> {
    return this.#exchanges.page(filter)
  }

  async accounts(filter: AccountFilter): Promise<Page<InventoriedAccount>> {
    return accounts(this.#reading, filter)
  }

  async clients(filter: ClientFilter): Promise<Page<Client>> {
    return clients(this.#reading, filter)
  }

  async orders(filter: OrderFilter): Promise<Page<InventoriedOrder>> {
    return orders(this.#reading, filter)
  }

  async order(id: string): Promise<OrderDetail | null> {
    return orderDetail(this.#reading, id)
  }

  async challenges(filter: ChallengeFilter): Promise<Page<InventoriedChallenge>> {
    return challenges(this.#reading, filter)
  }

  async certificates(filter: CertificateFilter): Promise<Page<InventoriedCertificate>> {
    return certificates(this.#reading, filter)
  }

  async certificate(id: string): Promise<InventoriedCertificate | null> {
    return certificate(this.#reading, id)
  }

  async certificatePem(fingerprint: string): Promise<string | null> {
    return certificatePem(this.#reading, fingerprint)
  }

  async failures(filter: FailureFilter): Promise<Page<Failure>> {
    return failures(this.#reading, filter)
  }

  async rateLimits(filter: RateLimitFilter): Promise<Page<RateLimitEvent>> {
    return rateLimits(this.#reading, filter)
  }

  async summary(filter: SummaryFilter): Promise<Summary> {
    return summary(this.#reading, filter)
  }

  async accountBinding(ca: string, url: string): Promise<AccountBinding | null> {
    return this.#lookups.accountBinding(ca, url)
  }

  async namesOfKey(spki: string, limit: number): Promise<readonly (readonly string[])[]> {
    return this.#lookups.namesOfKey(spki, limit)
  }

  async hasAccountKey(thumbprint: string): Promise<boolean> {
    return this.#lookups.hasAccountKey(thumbprint)
  }

  async takenOrders(page: OrdersPage): Promise<TakenOrders> {
    return this.#lookups.takenOrders(page)
  }

  async currentCertificates(days: readonly number[]): Promise<readonly CurrentCertificateCount[]> {
    return currentCertificates(this.#reading, days)
  }

  async happeningsAfter(
    after: HappeningPlace | null,
    limit: number,
  ): Promise<{ happenings: readonly Happening[]; place: HappeningPlace }> {
    if (after === null) return { happenings: [], place: this.#happenings.last() ?? BEFORE_ALL }
    const happenings = this.#happenings.read(after, limit)
    const last = happenings.at(-1)
    return { happenings, place: last ? { fact: last.fact, n: last.n } : after }
  }
}
