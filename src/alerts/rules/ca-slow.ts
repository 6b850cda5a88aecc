import type { StateRule } from '../rule.ts'
import { standing } from './standing.ts'
import { MINUTE, SECOND } from './time-text.ts'

/** A CA answers slowly, as the whole fleet sees it. */
export const caSlow: StateRule = {
  name: 'ca-slow',
  every: 5 * SECOND,
  settles: 5 * MINUTE,
  resolution: 'It answers quickly again, or there were too few answers to tell.',
  *occurrences(now, { rules }, _look, vitals) {
    const { severity, p95, exchanges } = rules['ca-slow']
    for (const ca of vitals.cas) {
      const answers = ca.exchanges - ca.failed
      if (answers < exchanges || ca.p95 === null || ca.p95 <= p95) continue
      yield standing({
        rule: 'ca-slow',
        key: ca.ca,
        severity,
        at: now,
        title: `${ca.ca}: 5 % of answers take more than ${seconds(ca.p95)}`,
        cause: `Of ${answers} answers of the last five minutes one in twenty took more than ${seconds(ca.p95)}, half more than ${seconds(ca.p50 ?? 0)}.`,
        remedy:
          "See the CA's status page, and the way from here to the CA. Clients with short time-outs may give up; put off mass renewals until it is over.",
        fixer: 'ca',
        about: { ca: ca.ca, details: { p50: seconds(ca.p50 ?? 0), p95: seconds(ca.p95) } },
        evidence: { exchange: ca.lastExchange },
      })
    }
  },
}

function seconds(millis: number): string {
  return `${(millis / SECOND).toFixed(1)} s`
}
