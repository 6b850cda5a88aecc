import type { StateRule } from '../rule.ts'
import { standing } from './standing.ts'
import { MINUTE, SECOND } from './time-text.ts'

/** A CA does not answer, or answers with errors, to so much of what the whole fleet asked in the last five minutes. */
export const caDown: StateRule = {
  name: 'ca-down',
  every: 5 * SECOND,
  settles: 5 * MINUTE,
  resolution: 'Most exchanges of the last five minutes went well again, or there were too few to tell.',
  *occurrences(now, { rules }, _look, vitals) {
    const { severity, share, exchanges } = rules['ca-down']
    for (const ca of vitals.cas) {
      const bad = ca.failed + ca.serverErrors
      if (ca.exchanges < exchanges || bad === 0 || bad / ca.exchanges < share) continue
      const rate = Math.round((100 * bad) / ca.exchanges)
      yield standing({
        rule: 'ca-down',
        key: ca.ca,
        severity,
        at: now,
        title: `${ca.ca}: ${rate} % of exchanges fail`,
        cause: `Of ${ca.exchanges} exchanges of the last five minutes ${ca.failed} got no answer and ${ca.serverErrors} an error of the CA (5xx).`,
        remedy: `See the CA's status page. If it tells of nothing, see whether acmetap reaches the CA: acmetap ca probe ${ca.ca}. Clients try again by themselves.`,
        fixer: ca.failed > ca.serverErrors ? 'network' : 'ca',
        said: ca.error,
        about: {
          ca: ca.ca,
          details: {
            exchanges: `${ca.exchanges}`,
            failed: `${ca.failed}`,
            serverErrors: `${ca.serverErrors}`,
          },
        },
        evidence: { exchange: ca.lastExchange },
      })
    }
  },
}
