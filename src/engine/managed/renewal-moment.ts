import { createHash } from 'node:crypto'
import type { KeptCertificate } from '../job.ts'

/** RFC 9773 §4.2, as the CA said last. µs since 1970. */
export interface RenewalWindow {
  readonly start: number
  readonly end: number
  /** Page that says why, where there is one. */
  readonly explanation: string | null
}

export interface RenewalMoment {
  /** µs since 1970. */
  readonly at: number
  readonly by: 'ari' | 'lifetime'
}

const DAY = 86_400_000_000
const SHORT = 10 * DAY
/** A window cannot put the renewal off for longer than until so much of the life is left. */
const LATEST = 1 / 10

/** µs. */
export function lifetimeOf({ notBefore, notAfter }: Pick<KeptCertificate, 'notBefore' | 'notAfter'>): number {
  return Math.max(0, notAfter - notBefore)
}

/**
 * When a certificate is to be renewed. By the CA's window: a moment in it that is random but always the same for this
 * certificate and window, so that neither a restart nor a second look changes it, and a fleet is spread over the window.
 * Without one, or with one that makes no sense: when a third of its life is left, or half of one under ten days.
 */
export function renewalMoment(
  kept: Pick<KeptCertificate, 'notBefore' | 'notAfter' | 'fingerprint'>,
  window: RenewalWindow | null,
): RenewalMoment {
  const lifetime = lifetimeOf(kept)
  if (window === null || window.end <= window.start || window.start >= kept.notAfter) {
    const left = lifetime < SHORT ? lifetime / 2 : lifetime / 3
    return { at: Math.round(kept.notAfter - left), by: 'lifetime' }
  }
  const chosen = window.start + chance(kept.fingerprint, window) * (window.end - window.start)
  return { at: Math.round(Math.min(chosen, kept.notAfter - lifetime * LATEST)), by: 'ari' }
}

/** From 0 up to 1. */
function chance(fingerprint: string, { start, end }: RenewalWindow): number {
  const digest = createHash('sha256').update(`${fingerprint} ${start} ${end}`).digest()
  return digest.readUIntBE(0, 6) / 2 ** 48
}
