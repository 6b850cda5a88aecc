import type { Candidate } from './evaluate-where.ts'
import { isFlagged } from './evaluate-where.ts'

const DAY = 86_400_000_000
/** RFC 5280 §5.3.1. */
export const KEY_COMPROMISE = 1
const REASONS: Readonly<Record<number, string>> = {
  0: 'unspecified',
  [KEY_COMPROMISE]: 'keyCompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  9: 'privilegeWithdrawn',
}

/** How a certificate that was chosen stands at `now` (µs), most urgent first; one line. */
export function whyChosen(candidate: Candidate, now: number): string {
  const { notAfter, revokedAt, revocationReason, renewalWindow } = candidate.certificate
  const end = Date.parse(notAfter) * 1000
  const days = Math.floor(Math.abs(end - now) / DAY)
  const reasons: string[] = []
  if (revokedAt !== null) {
    const reason = revocationReason === null ? '' : ` (${REASONS[revocationReason] ?? revocationReason})`
    reasons.push(`revoked on ${dayOf(revokedAt)}${reason}`)
  }
  if (isFlagged(candidate, 'ari', now)) {
    const explained = renewalWindow?.explanation ? `: ${renewalWindow.explanation}` : ''
    reasons.push(`its CA says to renew it now${explained}`)
  }
  if (end <= now) reasons.push(`ended on ${dayOf(notAfter)}, ${countOf(days)} ago`)
  else {
    if (isFlagged(candidate, 'overdue', now)) reasons.push('its renewal is overdue')
    reasons.push(`ends on ${dayOf(notAfter)}, in ${countOf(days)}`)
  }
  if (candidate.certificate.replacedBy !== null) reasons.push('replaced already')
  return reasons.join('; ')
}

function dayOf(instant: string): string {
  return instant.slice(0, 10)
}

function countOf(days: number): string {
  return days === 1 ? '1 day' : `${days} days`
}
