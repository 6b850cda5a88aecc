import type { Identifier } from '../acme/identifier.ts'
import type { Jwk } from '../acme/jwk.ts'
import type { Operation } from '../acme/operation.ts'
import type { ExchangeId } from './exchange-id.ts'

/** A URL a CA has named in an answer, and what it is. Keyed by CA, forwarded authority and exact URL. */
export interface Resource {
  readonly ca: string
  readonly authority: string
  /** Absolute, byte for byte as the CA wrote it. */
  readonly url: string
  /** {@link canonicalTarget} of the URL's path: what a lax server might take it for. */
  readonly canonical: string
  readonly operation: Operation
  /** URL of the account, order and authorization it belongs to, where the answer told. */
  readonly account: string | null
  readonly order: string | null
  readonly authorization: string | null
  /** Id of the newOrder exchange that began the issuance. */
  readonly issuance: ExchangeId | null
  readonly identifiers: readonly Identifier[]
}

/** An account's public key, learned from a CA's successful answer or imported. */
export interface AccountKey {
  readonly ca: string
  /** The account URL: what requests carry as `kid`. */
  readonly account: string
  readonly jwk: Jwk
  /** RFC 7638. */
  readonly thumbprint: string
  readonly source: 'newAccount' | 'keyChange' | 'import'
}

/** What one answer taught. Stored in the same transaction as the answer's outcome. */
export interface Learned {
  readonly resources: readonly Resource[]
  readonly keys: readonly AccountKey[]
}

export const NOTHING_LEARNED: Learned = { resources: [], keys: [] }

/** Where learned resources and keys are kept. What is in memory is a cache of it. */
export interface LearnedStore {
  /** Every resource of this CA and authority whose `canonical` is the one given. */
  resources(ca: string, authority: string, canonical: string): Promise<readonly Resource[]>
  accountKey(ca: string, account: string): Promise<AccountKey | null>
}
