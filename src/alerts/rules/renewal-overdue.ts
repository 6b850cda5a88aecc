import type { CurrentCertificate } from '../look.ts'
import type { Millis, Occurrence, RuleSettings, StateRule } from '../rule.ts'
import { type RenewalDue, renewalDue } from './renewal-due.ts'
import { aboutCertificate, namesText, standing } from './standing.ts'
import { MINUTE, momentText, spanText } from './time-text.ts'
import { withoutSuccessor } from './without-successor.ts'

/**
 * A certificate should have been renewed by now, and nobody has asked its CA for exactly its names since that was due:
 * a trial at a CA for tests renews nothing. Not for one that was only imported: who renews it may never come this way.
 */
export const renewalOverdue: StateRule = {
  name: 'renewal-overdue',
  every: 10 * MINUTE,
  resolution: 'A renewal was asked for, or the certificate was replaced or revoked, or ended a week ago.',
  *occurrences(now, { rules }, look) {
    const settings = rules['renewal-overdue']
    const candidates: CurrentCertificate[] = []
    const dues = new Map<string, RenewalDue>()
    for (const certificate of look.currentCertificates()) {
      if (certificate.isForTests) continue
      const due = renewalDue(certificate, settings.margin, now)
      if (now < due.overdue || !wasSeenAsking(certificate)) continue
      const asked = look.lastOrder(certificate.names, certificate.ca)
      if (asked !== null && asked.at >= due.from) continue
      candidates.push(certificate)
      dues.set(certificate.fingerprint, due)
    }
    for (const certificate of withoutSuccessor(candidates, look)) {
      yield overdue(certificate, dues.get(certificate.fingerprint)!, settings, now)
    }
  },
}

function wasSeenAsking({ source, order, client, account }: CurrentCertificate): boolean {
  return source !== 'imported' || order !== null || client !== null || account !== null
}

function overdue(
  certificate: CurrentCertificate,
  due: RenewalDue,
  settings: RuleSettings<'renewal-overdue'>,
  now: Millis,
): Occurrence {
  const { ca, fingerprint, names, notAfter, window, clientText } = certificate
  const explanation = due.by === 'incident' ? (window?.explanation ?? null) : null
  const common = {
    rule: 'renewal-overdue',
    key: fingerprint,
    at: now,
    fixer: 'client',
    ...aboutCertificate(certificate, {
      due: new Date(due.due).toISOString(),
      notAfter: new Date(notAfter).toISOString(),
      ...(explanation === null ? {} : { explanation }),
    }),
  } as const
  const who = clientText ?? 'the client'
  if (due.by === 'incident') {
    return standing({
      ...common,
      severity: 'critical',
      group: `incident ${ca ?? ''}`,
      title: `${namesText(names)}: the CA wants it renewed now`,
      cause: `The CA has put the renewal window of the certificate into the past (RFC 9773 §4.2): it is about to revoke it, and no order for these names came since.${explanation === null ? '' : ` It explains: ${explanation}`}`,
      remedy: `Renew at once: let ${who} run with its option to force the renewal, then see that the new certificate is served.`,
    })
  }
  return standing({
    ...common,
    severity: settings.severity,
    title: `${namesText(names)}: renewal overdue, ends ${endText(notAfter, now)}`,
    cause: `${REASONS[due.by]} ${momentText(due.due)}, and no order for these names came since. The certificate ends ${momentText(notAfter)}.`,
    remedy: `Look whether ${who} still runs: its timer or cron entry, its log, and its way to acmetap. Then renew by hand once.`,
  })
}

const REASONS = {
  window: 'The window that the CA suggests for the renewal ended',
  habit: 'The certificate before was renewed at a part of its life that this one reached',
  life: 'The usual time to renew was',
} as const

function endText(notAfter: Millis, now: Millis): string {
  return notAfter > now ? `in ${spanText(notAfter - now)}` : `${spanText(now - notAfter)} ago`
}
