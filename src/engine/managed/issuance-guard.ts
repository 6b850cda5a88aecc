import type { Job, KeptCertificate } from '../job.ts'
import { lifetimeOf } from './renewal-moment.ts'

/** So many issuances within this part of the life are enough for whatever happens in earnest. */
const MOST = 3
const PART = 1 / 10

/**
 * Until when a certificate is not issued again (µs since 1970), whatever says that it is due: a CA whose window has always
 * just begun, or a certificate that never is what was asked for, would else be asked without end, until its rate limits
 * are spent. Null where nothing speaks against it. `history`: its newest jobs.
 */
export function heldUntil(kept: KeptCertificate, history: readonly Job[], now: number): number | null {
  const span = lifetimeOf(kept) * PART
  const issued = history
    .filter(({ step, dryRun }) => !dryRun && (step === 'issued' || step === 'deployed' || step === 'done'))
    .map(({ createdAt }) => createdAt)
    .filter((at) => at > now - span && at <= now)
    .sort((one, other) => other - one)
  const oldest = issued[MOST - 1]
  return oldest === undefined ? null : Math.round(oldest + span)
}
