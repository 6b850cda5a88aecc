import type { Millis, StateRule } from '../rule.ts'
import type { FailingRenewal } from '../vitals.ts'
import { namesText, standing } from './standing.ts'
import { MINUTE, momentText, spanText } from './time-text.ts'

/** Part of the life that is left when acmetap renews by itself, where the CA says nothing. */
const DUE = 1 / 3

/**
 * acmetap itself obtains or renews a managed certificate, and does not get there. Critical when so little of its life is
 * left that somebody must act; where the new one is there and cannot be put into use, that is reckoned for the one before.
 */
export const engineRenewal: StateRule = {
  name: 'engine-renewal',
  every: MINUTE,
  resolution: 'It was obtained and lies where it belongs, or is no longer managed.',
  *occurrences(now, { rules }, _look, { failingRenewals }) {
    const { severity, attempts, critical } = rules['engine-renewal']
    for (const renewal of failingRenewals) {
      const { certificate, names, ca, kind, failures, since, exchange } = renewal
      const left = partLeft(renewal, now)
      const isCritical = left !== null && left < critical
      if (kind !== 'held' && failures < attempts && !isCritical) continue
      yield standing({
        rule: 'engine-renewal',
        key: certificate,
        group: `${ca} ${kind}`,
        severity: isCritical ? 'critical' : severity,
        at: now,
        title: `${namesText(names)}: ${TITLES[kind]}${endText(renewal, now)}`,
        cause: `Managed certificate ${certificate} of ${ca}: ${renewal.error}${failures > 0 ? `. ${failures} attempts have failed since ${momentText(since)}` : ''}. ${nextText(renewal, now)}`,
        remedy: REMEDIES[kind](certificate),
        fixer: 'acmetap',
        said: renewal.error,
        about: {
          ca,
          names: [...names],
          details: { certificate, failing: kind, failures: String(failures) },
        },
        evidence: { exchange },
      })
    }
  },
}

/** Null where none was ever obtained: nobody loses anything yet. */
function partLeft({ kind, since, notAfter, lifetime }: FailingRenewal, now: Millis): number | null {
  if (notAfter === null || lifetime === null || lifetime <= 0) return null
  return kind === 'deploy' ? DUE - (now - since) / lifetime : (notAfter - now) / lifetime
}

const TITLES: Readonly<Record<FailingRenewal['kind'], string>> = {
  obtain: 'acmetap cannot obtain its certificate',
  deploy: 'its new certificate is not in use',
  held: 'acmetap has stopped renewing its certificate',
}

function endText({ kind, notAfter }: FailingRenewal, now: Millis): string {
  if (notAfter === null) return ''
  if (kind === 'deploy') return ''
  return notAfter > now ? `, ends in ${spanText(notAfter - now)}` : `, ended ${spanText(now - notAfter)} ago`
}

function nextText({ kind, next }: FailingRenewal, now: Millis): string {
  if (next === null || next <= now) return 'It is being tried again.'
  return kind === 'held'
    ? `It is not issued again before ${momentText(next)}.`
    : `It is tried again ${momentText(next)}.`
}

const REMEDIES: Readonly<Record<FailingRenewal['kind'], (certificate: string) => string>> = {
  obtain: (certificate) =>
    `See what the CA says: acmetap engine jobs. Then mend that and try at once: acmetap engine renew ${certificate}`,
  deploy: (certificate) =>
    `The certificate is there. Mend the folder or the hook that the error names, and try at once: acmetap engine renew ${certificate}`,
  held: (certificate) =>
    `See why it was issued so often: acmetap engine jobs. Until that is mended, nothing is asked for by itself; acmetap engine renew --force ${certificate} does it once.`,
}
