/**
 * src/exchange holds the one value that flows through the program. Its type grows by stage, so that a stage
 * can't be skipped: Received → Classified → Inspected → Decided → Completed. It knows no HTTP server, no SQL.
 * An exchange is one HTTP request with its response (RFC 9110 §3.9 calls it so).
 */
import type { Ambiguity } from '../acme/ambiguity.ts'
import type { Jwk } from '../acme/jwk.ts'
import type { Jws } from '../acme/jws.ts'
import type { Operation } from '../acme/operation.ts'
import type { ProblemDocument } from '../acme/problem.ts'
import type { Asked } from './asked.ts'
import type { Connection } from './connection.ts'
import type { Decision, Denial } from './decision.ts'
import type { ExchangeId } from './exchange-id.ts'
import type { Mode } from './mode.ts'
import type { Resource } from './resource.ts'
import type { Turn } from './turn.ts'

/** One moment on two clocks: wall time in µs since 1970 (UTC), monotonic time in µs since an arbitrary start. */
export interface Instant {
  readonly wall: number
  readonly monotonic: number
}

/** Field names as they came (lower-case for HTTP/2), in order, repeated where repeated. */
export type FieldList = readonly (readonly [name: string, value: string])[]

export interface ObservedRequest {
  readonly method: string
  /** The raw request target, byte for byte. */
  readonly target: string
  /** `Host` or `:authority`, byte for byte; null when there was none. */
  readonly authority: string | null
  readonly fields: FieldList
  /** The exact bytes that came, up to the limit; `truncated` says there was more. */
  readonly body: Buffer
  readonly truncated: boolean
  /** `1.0`, `1.1` or `2`. */
  readonly httpVersion: string
  /** Ambiguities of the HTTP message itself, found while it was received. */
  readonly ambiguities: readonly Ambiguity[]
}

export interface ObservedResponse {
  readonly status: number
  /** As the CA sent them, without hop-by-hop fields. Names in lower case. */
  readonly fields: FieldList
  /** The exact bytes that came. */
  readonly body: Buffer
  /** The body without its content coding, for reading; null when it could not be decoded within bounds. */
  readonly decoded: Buffer | null
}

/** A CA an exchange is addressed to, as the configuration names it. */
export interface Destination {
  readonly ca: string
  /** The host name the client used: the CA's own in intercept, acmetap's in relay. Byte for byte. */
  readonly authority: string
}

/** What a client of listener `proxy` asked for that is no configured CA: a host outside, reached blindly or not at all. */
export interface OtherHost {
  /** Lower case, without brackets and trailing dot. */
  readonly host: string
  readonly port: number
  /** `CONNECT host:port`, or an absolute-form `http://` request (RFC 9112 §3.2.2). */
  readonly form: 'connect' | 'absolute'
}

/** Why a tunnel ended: a closed set. `shutdown`: acmetap is stopping. */
export const TUNNEL_ENDS = [
  'clientClosed',
  'serverClosed',
  'clientReset',
  'serverReset',
  'idle',
  'shutdown',
] as const
export type TunnelEnd = (typeof TUNNEL_ENDS)[number]

export interface TunnelTotals {
  /** Bytes from the client, and to it. */
  readonly up: number
  readonly down: number
  /** µs from the moment both sides were connected. */
  readonly duration: number
  readonly end: TunnelEnd
}

export interface Received {
  readonly id: ExchangeId
  readonly parent: ExchangeId | null
  readonly mode: Mode
  readonly connection: Connection
  /** Null when the authority belongs to no configured CA. */
  readonly destination: Destination | null
  /** Set for a request that leads outside the configured CAs; then `destination` is null. */
  readonly otherHost?: OtherHost
  readonly request: ObservedRequest
  readonly receivedAt: Instant
}

export interface Classified extends Received {
  readonly operation: Operation
  /** The learned resource the target is, if it is one. */
  readonly resource: Resource | null
  readonly ambiguities: readonly Ambiguity[]
}

/**
 * verified: by the key in the request or the account's known key. invalid: that key did not sign this.
 * keyUnknown: no key is known for the account. unverifiable: an algorithm or key we cannot check.
 */
export type Verdict = 'verified' | 'invalid' | 'keyUnknown' | 'unverifiable'

/** A signed request, read. */
export interface JwsInspection {
  readonly jws: Jws
  readonly verdict: Verdict
  /** RFC 7638 thumbprint of the key that signed, where it is known. */
  readonly thumbprint: string | null
  /** The public key of the request or, by `kid`, of the account. */
  readonly key: Jwk | null
}

export interface Inspected extends Classified {
  readonly inspection: JwsInspection | null
  /** Set in broker, where acmetap is the server: why this is no request that a server acts on (RFC 8555 §6.2 to §6.5). */
  readonly refusal?: Denial
  /** In broker, whose account it is: the label of its EAB key or of its path. */
  readonly label?: string | null
}

export interface Decided extends Inspected {
  /** Null for what is not signed, or asks for nothing beyond its URL. */
  readonly asked: Asked | null
  readonly decision: Decision
}

/** Why the network failed us: a closed set. */
export const FAILURES = [
  'connectRefused',
  'connectTimeout',
  'nameNotResolved',
  'tls',
  'reset',
  'responseTimeout',
  'responseTooLarge',
  'responseUnreadable',
  'aborted',
  /** The address is not one to connect to: internal, or our own listener. */
  'addressRefused',
  /** The proxy on the way out said no. */
  'proxyRefused',
] as const
export type FailureCause = (typeof FAILURES)[number]

export interface UpstreamFailure {
  readonly cause: FailureCause
  /** For operators: one line, no secrets. */
  readonly message: string
}

export type AnswerSource = 'ca' | 'cache' | 'shared' | 'acmetap'

/** Exactly one of the three; a CA's own problem document is a response, not a failure. */
export type Outcome =
  | {
      readonly kind: 'response'
      readonly response: ObservedResponse
      readonly durationCa: number
      /** `ca` where it is left out. `cache`: kept from an earlier answer. `shared`: of another client's equal request. `acmetap`: of the ACME server that acmetap is. */
      readonly source?: AnswerSource
      /** For an operation `tunnel` that was opened. */
      readonly tunnel?: TunnelTotals
    }
  | { readonly kind: 'refused'; readonly problem: ProblemDocument }
  | {
      readonly kind: 'failed'
      readonly failure: UpstreamFailure
      readonly problem: ProblemDocument
      readonly durationCa: number
    }

export interface Completed extends Decided {
  readonly turn: Turn
  readonly outcome: Outcome
  readonly completedAt: Instant
}
