import type { EndpointState } from './endpoint.ts'
import type { Millis } from './millis.ts'

/** What rules may ask. Answers at once: in the thread where rules are evaluated it is a question to a database. */
export interface Look {
  /** First time this is asked about since the record began; from then on it is known. Survives a restart. */
  isNew(what: 'ca' | 'name' | 'account', value: string): boolean
  /** When the first exchange of the record was: what is new in the first days is not news. Null without any. */
  recordBegan(): Millis | null
  /** Accounts first seen since then, with the same CA, from the same client address or label (or, without both, CA). */
  accountsMade(ca: string, source: string | null, label: string | null, since: Millis): number
  /** Of exactly these names at this CA since then. */
  issuances(ca: string, names: readonly string[], since: Millis): Issuances
  /** How many nonces of the client the CA refused since then; no more than the last 100 failures are looked at. */
  refusedNonces(client: string, since: Millis): number
  /** Not replaced, not revoked, and the end not more than a week ago. */
  currentCertificates(): Iterable<CurrentCertificate>
  /** Those of them with this name, as a certificate has it (a wildcard with its `*.`). */
  currentWith(name: string): Iterable<CurrentCertificate>
  /** Newest newOrder that this CA (null: any) took for exactly these names. Null when there was none. */
  lastOrder(
    names: readonly string[],
    ca: string | null,
  ): { readonly at: Millis; readonly status: string | null } | null
  /**
   * Clients with a current certificate or an order of the last 100 days, but for those in whose place another came up
   * since: the account at another address, or another account at the same.
   */
  clients(): Iterable<ClientRhythm>
  /** What the last probes of the watch list found. */
  endpoints(): Iterable<EndpointState>
}

export interface Issuances {
  readonly orders: number
  readonly certificates: number
  readonly keys: number
  /** Orders whose certificate is there and was fetched by nobody. */
  readonly undelivered: number
}

export interface CurrentCertificate {
  readonly fingerprint: string
  readonly serial: string
  readonly ca: string | null
  readonly names: readonly string[]
  readonly notBefore: Millis
  readonly notAfter: Millis
  /** Of a CA for tests, by the name of its issuer: nothing trusts it. */
  readonly isForTests: boolean
  /** Renewal information (RFC 9773): as the client or acmetap's own poll got it last. */
  readonly window: {
    readonly start: Millis
    readonly end: Millis
    readonly explanation: string | null
  } | null
  readonly source: string
  readonly imported: string | null
  readonly order: string | null
  readonly account: string | null
  readonly client: string | null
  readonly clientText: string | null
  readonly label: string | null
  /**
   * At which part of its life the certificate before it was replaced, 0 to 1; null where there was none. One that was
   * got at the same time, for another type of key, is not the one before.
   */
  readonly replacedPredecessorAt: number | null
}

export interface ClientRhythm {
  readonly client: string
  readonly text: string
  readonly label: string | null
  readonly first: Millis
  readonly last: Millis
  /** From when its silence counts: `last`, or the end of the last day and more in which nobody at all was heard. */
  readonly silentFrom: Millis
  /**
   * Longest of its last 20 pauses of over an hour between two exchanges; null where after fewer than 3 of them it came
   * without ordering anything: who comes only to order has no rhythm but that of its certificates.
   */
  readonly longestPause: Millis | null
  /** Soonest end of its current certificates; null where it has none. */
  readonly soonestExpiry: Millis | null
  readonly names: readonly string[]
}
