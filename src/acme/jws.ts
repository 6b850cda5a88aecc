import type { Ambiguity } from './ambiguity.ts'
import type { Jwk } from './jwk.ts'

/** The members of a protected header that RFC 8555 §6.2 gives a meaning. Absent members are undefined. */
export interface ProtectedHeader {
  readonly alg: string | undefined
  readonly nonce: string | undefined
  readonly url: string | undefined
  readonly kid: string | undefined
  readonly jwk: Jwk | undefined
}

/** A flattened JWS (RFC 7515 §7.2.2), decoded. The three byte strings re-encode to exactly what came. */
export interface Jws {
  readonly protectedBytes: Buffer
  readonly payloadBytes: Buffer
  readonly signatureBytes: Buffer
  readonly header: ProtectedHeader
  /** The payload's JSON value; undefined when it is empty (POST-as-GET, RFC 8555 §6.3) or not JSON. */
  readonly payload: unknown
}

/** `jws` is null when the body is no flattened JWS; what could be read two ways is in `ambiguities`. */
export interface JwsReading {
  readonly jws: Jws | null
  readonly ambiguities: readonly Ambiguity[]
}
