import type { RecordedExchange } from '../record-store.ts'

/** What a decision asks of the inventory: single questions, found by an index. */
export interface InventoryLookups {
  /** Null where it was never seen. A contact is null where it was erased. */
  accountBinding(ca: string, url: string): Promise<AccountBinding | null>
  /** Sets of names, sorted, that a key (SHA-256 of its SubjectPublicKeyInfo, hex) was certified for: at most `limit`. */
  namesOfKey(spki: string, limit: number): Promise<readonly (readonly string[])[]>
  /** Whether an account has a key with this RFC 7638 thumbprint. */
  hasAccountKey(thumbprint: string): Promise<boolean>
  /** newOrder exchanges that a CA took, oldest first, a page at a time. */
  takenOrders(page: OrdersPage): Promise<TakenOrders>
}

export interface AccountBinding {
  readonly contacts: readonly (string | null)[]
  /** Key id (RFC 8555 §7.3.4). */
  readonly externalAccount: string | null
}

/** `since` in µs; `after`: `next` of the page before, 0 at first. */
export interface OrdersPage {
  readonly since: number
  readonly after: number
  readonly limit: number
}

export interface TakenOrders {
  readonly orders: readonly RecordedExchange[]
  /** Null at the end. A page may be empty before it. */
  readonly next: number | null
}
