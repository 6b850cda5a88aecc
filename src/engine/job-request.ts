import type { Identifier } from '../acme/identifier.ts'
import type { CertificateKeyType, JobReason, KeptCertificate } from './job.ts'

/** What a certificate is wanted for; {@link import('./job.ts').Job} says what the members mean. */
export interface JobRequest {
  readonly certificate: string
  readonly reason: JobReason
  readonly line?: { readonly plan: string; readonly line: number } | null
  readonly ca: string
  readonly identifiers: readonly Identifier[]
  readonly profile: string | null
  readonly replaces: string | null
  readonly preferredChain: string | null
  readonly solver: string | null
  readonly dryRun: boolean
  /** A new key, that of the certificate before, or a request (DER) whose key somebody else holds. */
  readonly key:
    | { readonly type: CertificateKeyType }
    | { readonly reuse: KeptCertificate }
    | { readonly csr: Buffer }
  /** For an account that must be made first. */
  readonly agreeTerms?: boolean
  readonly contact?: readonly string[]
}
