import type { StateRule } from '../rule.ts'
import { standing } from './standing.ts'
import { MINUTE, momentText, spanText } from './time-text.ts'

const HARM = 'Clients that trust it refuse connections to acmetap from then on.'

/** One of acmetap's own roots ends soon. */
export const rootExpiring: StateRule = {
  name: 'root-expiring',
  every: 5 * MINUTE,
  resolution: 'The root was replaced.',
  *occurrences(now, { rules }, _look, vitals) {
    const { severity, before } = rules['root-expiring']
    for (const { name, fingerprint, notAfter, run, harm = HARM } of vitals.roots) {
      const left = notAfter - now
      if (left > before) continue
      const hasEnded = left <= 0
      yield standing({
        rule: 'root-expiring',
        key: fingerprint,
        severity: hasEnded ? 'critical' : severity,
        at: now,
        title: hasEnded ? `The ${name} root has ended` : `The ${name} root ends in ${spanText(left)}`,
        cause: `It ${hasEnded ? 'ended' : 'ends'} ${momentText(notAfter)}. ${harm}`,
        remedy: `Make its successor now, so that clients can be given both before the change: ${run}`,
        fixer: 'acmetap',
        about: { details: { root: name, fingerprint, notAfter: new Date(notAfter).toISOString() } },
      })
    }
  },
}
