import type { CurrentCertificate } from '../look.ts'
import type { Millis, Occurrence, RuleSettings, StateRule } from '../rule.ts'
import { CRITICAL_PART, expiryStep, isWithin } from './expiry-step.ts'
import { aboutCertificate, namesText, standing } from './standing.ts'
import { MINUTE, momentText, spanText } from './time-text.ts'
import { withoutSuccessor } from './without-successor.ts'

/**
 * A certificate ends soon and has no successor. One alert for each certificate; `details.step` says which step it has
 * reached, and is told anew when it changes. Until a week after the end.
 */
export const certificateExpiring: StateRule = {
  name: 'certificate-expiring',
  every: 10 * MINUTE,
  resolution: 'The certificate was replaced or revoked, or ended a week ago.',
  *occurrences(now, { rules }, look) {
    const settings = rules['certificate-expiring']
    const candidates: CurrentCertificate[] = []
    for (const certificate of look.currentCertificates()) {
      if (!certificate.isForTests && expiryStep(certificate, settings, now) !== null)
        candidates.push(certificate)
    }
    for (const certificate of withoutSuccessor(candidates, look)) {
      yield expiring(certificate, expiryStep(certificate, settings, now)!, settings, now)
    }
  },
}

function expiring(
  certificate: CurrentCertificate,
  step: string,
  settings: RuleSettings<'certificate-expiring'>,
  now: Millis,
): Occurrence {
  const { fingerprint, names, notAfter, clientText, source } = certificate
  const hasEnded = notAfter <= now
  const isCritical = isWithin(certificate, settings.critical, CRITICAL_PART, now)
  const wasOnlyImported = source === 'imported' && clientText === null
  return standing({
    rule: 'certificate-expiring',
    key: fingerprint,
    severity: isCritical ? 'critical' : settings.severity,
    at: now,
    title: hasEnded
      ? `${namesText(names)}: the certificate ended ${spanText(now - notAfter)} ago`
      : `${namesText(names)}: the certificate ends in ${spanText(notAfter - now)}`,
    cause: `It ${hasEnded ? 'ended' : 'ends'} ${momentText(notAfter)}, and no newer certificate for these names was seen${wasOnlyImported ? '; nobody was ever seen asking for it here' : ''}.`,
    remedy: wasOnlyImported
      ? 'Renew it where it came from and import the new one; or remove what nobody needs any more.'
      : `Let ${clientText ?? 'its client'} renew it and look why it did not: its timer, its log, failures of these names. Silence it if the names are no longer needed.`,
    fixer: 'client',
    ...aboutCertificate(certificate, { step, notAfter: new Date(notAfter).toISOString() }),
  })
}
