/** What can be asked of local CAs. Every value survives JSON; times are RFC 3339. */
import type { Identifier } from '../acme/identifier.ts'
import type { Actor } from '../audit/event.ts'

/** RFC 5280 §5.3.1: those a subscriber may give. */
export const LOCAL_REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const

/** A certificate that a local CA signed. */
export interface ShownLocalCertificate {
  readonly ca: string
  /** Which of the CA's issuers signed it. */
  readonly issuer: number
  /** Lower-case hex. */
  readonly serial: string
  readonly identifiers: readonly Identifier[]
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string
  /** Id of the broker's order. */
  readonly order: string
  readonly notBefore: string
  readonly notAfter: string
  readonly issuedAt: string
  readonly revokedAt: string | null
  /** RFC 5280 §5.3.1 in words: keyCompromise. */
  readonly reason: string | null
}

export interface LocalCertificateFilter {
  readonly ca?: string
  readonly revoked?: boolean
  readonly limit: number
}

export interface LocalRevocation {
  readonly ca: string
  /** Hex; colons and capitals do no harm. */
  readonly serial: string
  /** RFC 5280 §5.3.1 in words. */
  readonly reason: (typeof LOCAL_REASONS)[number]
}

/** Rejects with OperationRefused: 404 for what is not there, 409 for what was revoked already. */
export interface LocalCaOperations {
  /** Newest first. */
  certificates(filter: LocalCertificateFilter): Promise<readonly ShownLocalCertificate[]>
  /** It is in the revocation list when it resolves. */
  revoke(request: LocalRevocation, actor: Actor): Promise<ShownLocalCertificate>
}
