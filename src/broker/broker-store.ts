import type { Identifier } from '../acme/identifier.ts'
import type { Resealed } from '../engine/engine-store.ts'
import type { Sealed, SealedPlace } from '../engine/sealing.ts'
import type { BrokerAccount, BrokerAuthorization, BrokerCertificate, BrokerOrder, EabKey } from './objects.ts'

/** An endpoint and the account that asks: what belongs to another one is not there for it. */
export interface Owner {
  readonly endpoint: string
  readonly account: string
}

/**
 * `keyInUse`: another account of the endpoint has that key, whatever its status. `eabSpent`: as many accounts as may be were made
 * with that EAB key. `eabGone`: there is none, or it was revoked or had ended when the account was made.
 */
export type AccountRefusal = 'keyInUse' | 'eabSpent' | 'eabGone'

export interface OrderPage {
  /** Ids, newest first. */
  readonly orders: readonly string[]
  /** Where the next page begins; null: that was all. */
  readonly next: string | null
}

/**
 * What an ACME server must not forget. Every write is durable when its promise resolves, and rejects where it is not: with
 * EngineError (`input`) where what is to be added is there already, or what is to be put is not. Reads of one object ask for
 * owner and id at once: missing and foreign are the same null, by the same work.
 */
export interface BrokerStore {
  account(endpoint: string, id: string): Promise<BrokerAccount | null>
  accountByKey(endpoint: string, thumbprint: string): Promise<BrokerAccount | null>
  /** Newest first; for people. */
  accounts(filter: { readonly eabKey?: string; readonly limit: number }): Promise<readonly BrokerAccount[]>
  /** Counts a use of its EAB key in the same transaction. Null: it was added. */
  addAccount(account: BrokerAccount): Promise<AccountRefusal | null>
  /**
   * Contacts, terms, status, key. Null: it was put. `changed`: it has another status or key than `expected`, so that no
   * request that was on its way undoes a deactivation or a key change; nothing was changed.
   */
  putAccount(
    account: BrokerAccount,
    expected: Pick<BrokerAccount, 'status' | 'thumbprint'>,
  ): Promise<'keyInUse' | 'changed' | null>

  order(owner: Owner, id: string): Promise<BrokerOrder | null>
  /** Whoever's it is. For those who go on with it, never for clients. */
  anyOrder(id: string): Promise<BrokerOrder | null>
  /** But for those that are invalid (RFC 8555 §7.1.2.1). A page that begins where nothing is of the owner is empty. */
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
  /** In the order of `ids`, without those that are not there. */
  authorizations(owner: Owner, ids: readonly string[]): Promise<readonly BrokerAuthorization[]>
  /**
   * Of this account and of each identifier and kind at most one, in the order of `wanted`: valid rather than pending, and then
   * the one with the latest end after `until`.
   */
  reusable(
    owner: Owner,
    wanted: readonly { readonly identifier: Identifier; readonly wildcard: boolean }[],
    until: number,
  ): Promise<readonly BrokerAuthorization[]>
  /** Where none of an order: pre-authorization (RFC 8555 §7.4.1). */
  addAuthorization(authorization: BrokerAuthorization): Promise<void>
  /** Status, challenges, end. False: status or challenges are not those that are expected any more, and nothing was changed. */
  putAuthorization(
    authorization: BrokerAuthorization,
    expected: Pick<BrokerAuthorization, 'status' | 'challenges'>,
  ): Promise<boolean>
  /** Every pending one with a challenge that is `processing`, whoever's it is, oldest first: to go on with after a kill. */
  beingValidated(): Promise<readonly BrokerAuthorization[]>
  /** Ids of orders that are pending and have this authorization. */
  pendingOrdersOf(owner: Owner, authorization: string): Promise<readonly string[]>

  certificate(owner: Owner, id: string): Promise<BrokerCertificate | null>
  certificateByFingerprint(endpoint: string, fingerprint: string): Promise<BrokerCertificate | null>
  certificateByAriId(endpoint: string, ariId: string): Promise<BrokerCertificate | null>
  /** The certificate, and the order as it stands with it, in one transaction. Rejects where the order has ended. */
  addCertificate(certificate: BrokerCertificate, order: BrokerOrder): Promise<void>
  /** revokedAt, replacedBy: what is null leaves what is kept. */
  putCertificate(certificate: BrokerCertificate): Promise<void>

  /** Newest first. */
  eabKeys(): Promise<readonly EabKey[]>
  eabKey(id: string): Promise<EabKey | null>
  addEabKey(key: EabKey): Promise<void>
  /** Everything but `used`, which accounts count. */
  putEabKey(key: EabKey): Promise<void>

  /**
   * Forgets certificates that ended before `before`, with their orders; orders that became invalid, and authorizations that
   * ended, before then. Some at a time, so that nobody waits for it. How many objects.
   */
  prune(before: number): Promise<number>
  /** As in EngineStore: every sealed value with its place, and putting others in their place. */
  sealed(): Promise<readonly { readonly place: SealedPlace; readonly sealed: Sealed }[]>
  reseal(changes: readonly Resealed[]): Promise<void>
  close(): Promise<void>
}
