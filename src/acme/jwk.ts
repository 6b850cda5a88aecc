/**
 * RFC 7517: a public key as it stands in a protected header. Only the members of a public key are kept, and what
 * it says of its own use (RFC 7517 §4.2–§4.4), where it says anything.
 */
export interface Jwk {
  readonly kty: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
  readonly alg?: string
  readonly use?: string
  readonly key_ops?: readonly string[]
}
