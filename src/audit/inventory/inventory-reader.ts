import type { RecordedExchange } from '../record-store.ts'
import type { AccountFilter, InventoriedAccount } from './account.ts'
import type { CertificateFilter, InventoriedCertificate } from './certificate.ts'
import type { ChallengeFilter, InventoriedChallenge } from './challenge.ts'
import type { Client, ClientFilter } from './client.ts'
import type { ExchangeListFilter } from './exchange-filter.ts'
import type { Failure, FailureFilter, RateLimitEvent, RateLimitFilter } from './failure.ts'
import type { InventoriedOrder, OrderDetail, OrderFilter } from './order.ts'
import type { Summary, SummaryFilter } from './summary.ts'
import type { Page } from './values.ts'

/** How far the inventory has come behind the record. */
export interface InventoryProgress {
  /** Sequence number of the last fact that is in the inventory, and of the last in the record. */
  readonly projected: number
  readonly recorded: number
  /** A rebuild from the first fact is under way. */
  readonly rebuilding: boolean
  /** Why it stands still; null where it does not. */
  readonly fault: string | null
}

/**
 * Questions to the inventory. Lists are newest first, a page at a time; a page may hold fewer than `limit` before the
 * end, so that no question runs long: follow `next`. Every answer knows of all facts that were in the record when it
 * was asked, or of as many as could be taken in within half a second. Rejects with FilterRefused where a filter names
 * a CA, account or client that is not in the inventory.
 */
export interface InventoryReader {
  exchanges(filter: ExchangeListFilter): Promise<Page<RecordedExchange>>
  accounts(filter: AccountFilter): Promise<Page<InventoriedAccount>>
  clients(filter: ClientFilter): Promise<Page<Client>>
  orders(filter: OrderFilter): Promise<Page<InventoriedOrder>>
  /** By id, or by URL; null when there is none. */
  order(id: string): Promise<OrderDetail | null>
  challenges(filter: ChallengeFilter): Promise<Page<InventoriedChallenge>>
  certificates(filter: CertificateFilter): Promise<Page<InventoriedCertificate>>
  /** By fingerprint or serial number; null when there is none. */
  certificate(id: string): Promise<InventoriedCertificate | null>
  /** PEM of the certificate and what came with it; null when it is not kept. */
  certificatePem(fingerprint: string): Promise<string | null>
  failures(filter: FailureFilter): Promise<Page<Failure>>
  rateLimits(filter: RateLimitFilter): Promise<Page<RateLimitEvent>>
  summary(filter: SummaryFilter): Promise<Summary>
  progress(): Promise<InventoryProgress>
}
