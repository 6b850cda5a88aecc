/** RFC 7517: a public key as it stands in a protected header. Only the members of a public key are kept. */
export interface Jwk {
  readonly kty: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}
