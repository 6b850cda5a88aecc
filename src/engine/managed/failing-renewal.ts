import type { ManagedCertificateConfig } from '../../config/engine.ts'
import type { Job, KeptCertificate } from '../job.ts'
import type { Trouble } from './attempts.ts'
import { lifetimeOf } from './renewal-moment.ts'

/** A managed certificate that is due, or does not lie where it belongs, and why. Times in µs since 1970. */
export interface FailingRenewal {
  readonly certificate: string
  readonly names: readonly string[]
  readonly ca: string
  /** obtain: the CA has issued none. deploy: it is there, but files or hooks failed. held: it was issued too often. */
  readonly kind: 'obtain' | 'deploy' | 'held'
  /** Attempts that failed. */
  readonly failures: number
  readonly since: number
  /** One line. */
  readonly error: string
  /** Exchange in which it showed. */
  readonly exchange: string | null
  /** Not before; null: at once. */
  readonly next: number | null
  /** Of the newest one, served or not; null while there is none. */
  readonly notAfter: number | null
  /** Part of its life that is left is `(notAfter - now) / lifetime`. */
  readonly lifetime: number | null
}

export interface RenewalFacts {
  readonly settings: ManagedCertificateConfig
  readonly kept: KeptCertificate | null
  /** Its open one. */
  readonly job: Job | null
  readonly trouble: Trouble | null
  readonly held: number | null
}

/** Null where nothing is wrong. */
export function failingRenewal({ settings, kept, job, trouble, held }: RenewalFacts): FailingRenewal | null {
  const about = {
    certificate: settings.name,
    names: settings.names,
    ca: settings.ca,
    exchange: null,
    notAfter: kept?.notAfter ?? null,
    lifetime: kept && lifetimeOf(kept),
  }
  if (job !== null && job.failures > 0 && job.error !== null && !job.dryRun) {
    return {
      ...about,
      kind: job.step === 'issued' ? 'deploy' : 'obtain',
      failures: job.failures,
      since: job.createdAt,
      error: job.error.message,
      exchange: job.error.exchange,
      next: job.notBefore,
    }
  }
  if (trouble !== null) {
    const { text, failures, since, next } = trouble
    return { ...about, kind: 'obtain', failures, since, error: text, next }
  }
  if (held === null || kept === null) return null
  return {
    ...about,
    kind: 'held',
    failures: 0,
    since: kept.issuedAt,
    error:
      'It was issued three times within a tenth of its life and is due again: something asks for it without end',
    next: held,
  }
}
