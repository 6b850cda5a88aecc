import type { Identifier } from '../acme/identifier.ts'
import type { Resealed } from '../engine/engine-store.ts'
import type { Sealed, SealedPlace } from '../engine/sealing.ts'
import type { BrokerAccount, BrokerAuthorization, BrokerCertificate, BrokerOrder, EabKey } from './objects.ts'

/** An endpoint and the account that asks: what belongs to another one is not there for it. */
export interface Owner {
  readonly endpoint: string
  readonly account: string
}

/** `keyInUse`: another account of the endpoint has that key. `eabSpent`, `eabGone`: no more accounts with that EAB key. */
export type AccountRefusal = 'keyInUse' | 'eabSpent' | 'eabGone'

export interface OrderPage {
  /** Ids, newest first. */
  readonly orders: readonly string[]
  /** Where the next page begins; null: that was all. */
  readonly next: string | null
}

/**
 * What an ACME server must not forget. Every write is durable when its promise resolves. Reads of one object ask for owner
 * and id at once: missing and foreign are the same null, by the same work.
 */
export interface BrokerStore {
  account(endpoint: string, id: string): Promise<BrokerAccount | null>
  accountByKey(endpoint: string, thumbprint: string): Promise<BrokerAccount | null>
  /** Newest first; for people. */
  accounts(filter: { readonly eabKey?: string; readonly limit: number }): Promise<readonly BrokerAccount[]>
  /** Counts a use of its EAB key in the same transaction. Null: it was added. */
  addAccount(account: BrokerAccount): Promise<AccountRefusal | null>
  /** Contacts, status, key. Null: it was put. */
  putAccount(account: BrokerAccount): Promise<AccountRefusal | null>

  order(owner: Owner, id: string): Promise<BrokerOrder | null>
  /** Whoever's it is. For those who go on with it, never for clients. */
  anyOrder(id: string): Promise<BrokerOrder | null>
  ordersOf(owner: Owner, from: string | null, limit: number): Promise<OrderPage>
  /** Every one that is neither valid nor invalid, oldest first. */
  openOrders(): Promise<readonly BrokerOrder[]>
  /** Newest first; for people. */
  orders(filter: {
    readonly endpoint?: string
    readonly ca?: string
    readonly limit: number
  }): Promise<readonly BrokerOrder[]>
  /** With those of its authorizations that are new, in one transaction. */
  addOrder(order: BrokerOrder, authorizations: readonly BrokerAuthorization[]): Promise<void>
  /** Rejects where there is none. False: it has another status or `changedAt` than `expected`, and nothing was changed. */
  putOrder(order: BrokerOrder, expected: Pick<BrokerOrder, 'status' | 'changedAt'>): Promise<boolean>

  authorization(owner: Owner, id: string): Promise<BrokerAuthorization | null>
  authorizations(owner: Owner, ids: readonly string[]): Promise<readonly BrokerAuthorization[]>
  /** Of this account, valid or pending, of this identifier and kind, with the latest end after `until`. */
  reusable(
    owner: Owner,
    wanted: readonly { readonly identifier: Identifier; readonly wildcard: boolean }[],
    until: number,
  ): Promise<readonly BrokerAuthorization[]>
  /** Where none of an order: pre-authorization (RFC 8555 §7.4.1). */
  addAuthorization(authorization: BrokerAuthorization): Promise<void>
  putAuthorization(authorization: BrokerAuthorization): Promise<void>
  /** Ids of orders that are pending and have this authorization. */
  pendingOrdersOf(owner: Owner, authorization: string): Promise<readonly string[]>

  certificate(owner: Owner, id: string): Promise<BrokerCertificate | null>
  certificateByFingerprint(endpoint: string, fingerprint: string): Promise<BrokerCertificate | null>
  certificateByAriId(endpoint: string, ariId: string): Promise<BrokerCertificate | null>
  /** The certificate, and the order as it stands with it, in one transaction. */
  addCertificate(certificate: BrokerCertificate, order: BrokerOrder): Promise<void>
  /** revokedAt, replacedBy. */
  putCertificate(certificate: BrokerCertificate): Promise<void>

  /** Newest first. */
  eabKeys(): Promise<readonly EabKey[]>
  eabKey(id: string): Promise<EabKey | null>
  addEabKey(key: EabKey): Promise<void>
  /** Everything but `used`, which accounts count. */
  putEabKey(key: EabKey): Promise<void>

  /** Ended orders, dead authorizations and certificates that ended before `before` are forgotten. How many objects. */
  prune(before: number): Promise<number>
  /** As in EngineStore: every sealed value with its place, and putting others in their place. */
  sealed(): Promise<readonly { readonly place: SealedPlace; readonly sealed: Sealed }[]>
  reseal(changes: readonly Resealed[]): Promise<void>
  close(): Promise<void>
}
