import type { Identifier } from './identifier.ts'

/** A request for a certificate (RFC 2986), read strictly: what a policy may rest on. */
export interface CertificateRequest {
  /** subjectAltName of types dNSName and iPAddress, as written (an address as RFC 5952 has it). */
  readonly names: readonly Identifier[]
  /** Every common name of the subject, as written. */
  readonly commonNames: readonly string[]
  /** Kinds of subjectAltName that are neither: email, uri, otherName, directoryName, registeredId, x400, ediParty. */
  readonly otherNames: readonly string[]
  readonly key: RequestedKey
  readonly signature: {
    /** `sha256WithRSA`, `ecdsaWithSHA256`, `Ed25519` …; the dotted number where it has no name here. */
    readonly algorithm: string
    /** By the key of the request itself; null where it cannot be checked. */
    readonly verified: boolean | null
  }
  /** Dotted numbers of the requested extensions, subjectAltName included. */
  readonly extensions: readonly string[]
  /** RFC 7633: TLS feature status_request. */
  readonly mustStaple: boolean
  /** What makes it a request that two readers could take differently, or that no CA should take: one line each. */
  readonly faults: readonly string[]
}

export interface RequestedKey {
  /** RSA, ECDSA, Ed25519, Ed448; the dotted algorithm where it has no name here. */
  readonly type: string
  /** Bits of the modulus or the curve; null where it is not known. */
  readonly size: number | null
  /** P-256, P-384, P-521, or the dotted curve; null for a key without one. */
  readonly curve: string | null
  /** SHA-256 of the SubjectPublicKeyInfo, hex: what certificates of the inventory are found by. */
  readonly spki: string
  /** RFC 7638, base64url: what account keys are known by; null for a key that has no JWK. */
  readonly thumbprint: string | null
}
