import type { Identifier } from '../acme/identifier.ts'
import type { SubproblemDocument } from '../acme/problem.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'

export interface WantedOrder {
  /** Id of the broker's order: asked twice for the same, an issuer gives the same reference back. */
  readonly order: string
  /** Whose account at the CA it is placed under; null: the one that all share. */
  readonly tenant: string | null
  readonly identifiers: readonly Identifier[]
  /** As this CA calls it; null: its default. */
  readonly profile: string | null
  /** RFC 9773 §4.1, of a certificate of this CA and this account; null: none. */
  readonly replaces: string | null
  /** The client's exchange, which the requests to the CA belong to. */
  readonly parent: ExchangeId
}

export interface PlacedAt {
  /** What the issuer calls it. */
  readonly reference: string
  /** µs since 1970; null where it did not say. */
  readonly expiresAt: number | null
}

export interface IssuedCertificate {
  /** PEM, leaf first; the CA's default chain, then its alternates. */
  readonly chains: readonly string[]
  readonly upstreamAccount: string | null
}

/**
 * Where certificates come from: a CA through the engine, or a local one. Every call may be repeated after a kill, in this
 * process or the next, and goes on where it stands. All reject with {@link IssuerError}, or with a fault of our own.
 */
export interface Issuer {
  readonly ca: string
  /** RFC 8555 §7.4: resolves when the CA has taken the order. */
  place(wanted: WantedOrder, signal: AbortSignal): Promise<PlacedAt>
  /** Proves to the CA that acmetap controls every name. At once, without asking the CA, where finalize was sent. */
  authorize(reference: string, signal: AbortSignal): Promise<void>
  /** `csr`: DER, base64url, sent as it is. Resolves with a certificate that was checked against order and key. */
  finalize(reference: string, csr: string, signal: AbortSignal): Promise<IssuedCertificate>
  /** Nobody wants it any more. Never after finalize was sent. */
  abandon(reference: string): Promise<void>
  /** What was placed and neither finalized nor abandoned, with the broker's orders it was placed for. */
  placed(): Promise<readonly { readonly order: string; readonly reference: string }[]>
  /** `certificate`: DER. */
  revoke(
    certificate: Buffer,
    upstreamAccount: string | null,
    reason: number,
    parent: ExchangeId,
    signal: AbortSignal,
  ): Promise<'revoked' | 'alreadyRevoked'>
  /** RFC 9773; null where the CA has none. */
  renewalInfo(ariId: string, signal: AbortSignal): Promise<IssuerRenewalInfo | null>
  /** What speaks against placing such an order there, before anybody is asked: one line; null: nothing. */
  unfit(wanted: Pick<WantedOrder, 'tenant' | 'identifiers' | 'profile'>): Promise<string | null>
}

/** Times in µs since 1970. */
export interface IssuerRenewalInfo {
  readonly start: number
  readonly end: number
  readonly explanation: string | null
  /** Seconds. */
  readonly retryAfter: number
}

/**
 * refused: the CA said no, and would again. limited: not now, by a limit (429, or 503 with Retry-After). unavailable: it cannot be
 * reached, or fails. unfit: acmetap itself cannot do it there (no solver, no account, policy). wrong: what came is not what
 * was asked for. uncertain: finalize was sent and nobody knows what became of it: no other CA may be asked.
 */
export type IssuerFault = 'refused' | 'limited' | 'unavailable' | 'unfit' | 'wrong' | 'uncertain' | 'aborted'

export interface IssuerErrorDetails {
  /** Full URN, as the CA wrote it; null where it was no CA that spoke. */
  readonly type?: string | null
  /** The CA's own words. */
  readonly detail?: string | null
  readonly status?: number | null
  readonly subproblems?: readonly SubproblemDocument[]
  /** Seconds. */
  readonly retryAfter?: number | null
  /** Value of the answer's `Link` fields but for index, up and next. */
  readonly links?: readonly string[]
  /** Exchange with the CA in which it showed. */
  readonly exchange?: string | null
  /** Nothing came in time, rather than a fault. Of `unavailable` alone. */
  readonly timedOut?: boolean
  /** What other CAs said that were asked for the same: one line each, with the CA's name. */
  readonly others?: readonly string[]
}

/** `message`: one line for people, with the CA's name. Never holds a secret. */
export class IssuerError extends Error {
  readonly ca: string
  readonly fault: IssuerFault
  readonly type: string | null
  readonly detail: string | null
  readonly status: number | null
  readonly subproblems: readonly SubproblemDocument[]
  readonly retryAfter: number | null
  readonly links: readonly string[]
  readonly exchange: string | null
  readonly timedOut: boolean
  readonly others: readonly string[]

  constructor(ca: string, fault: IssuerFault, message: string, details: IssuerErrorDetails = {}) {
    super(message)
    this.name = 'IssuerError'
    this.ca = ca
    this.fault = fault
    this.type = details.type ?? null
    this.detail = details.detail ?? null
    this.status = details.status ?? null
    this.subproblems = details.subproblems ?? []
    this.retryAfter = details.retryAfter ?? null
    this.links = details.links ?? []
    this.exchange = details.exchange ?? null
    this.timedOut = details.timedOut ?? false
    this.others = details.others ?? []
  }
}
