import type { Identifier } from '../acme/identifier.ts'
import type { OrderFacts } from './facts.ts'
import type { CountedOrder } from './history.ts'

/** What policy asks of the inventory and the record; the composition root connects it. Undefined or a rejection: not known. */
export interface Lookups {
  /** Contacts and external account binding of an account, as they stand. */
  account(ca: string, url: string): Promise<AccountFacts | undefined>
  /** What the newOrder exchange with this id asked for. */
  order(issuance: string): Promise<SeenOrder | undefined>
  /** Sets of names of certificates that have this key (SHA-256 of its SubjectPublicKeyInfo, hex), at most 20. */
  keyUses(spki: string): Promise<readonly (readonly string[])[] | undefined>
  /** Whether an account has a key with this RFC 7638 thumbprint. */
  isAccountKey(thumbprint: string): Promise<boolean | undefined>
  /** Orders that CAs took since then (ms since 1970), oldest first: to begin with after a start. */
  ordersSince(since: number): AsyncIterable<CountedOrder>
}

export interface AccountFacts {
  /** Undefined where one was erased, or they are not kept as they are. */
  readonly contacts: readonly string[] | undefined
  readonly externalAccount: string | null
}

export interface SeenOrder extends OrderFacts {
  readonly identifiers: readonly Identifier[]
}
