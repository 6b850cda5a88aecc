import type { EndpointState } from '../endpoint.ts'
import type { Millis, StateRule } from '../rule.ts'
import { standing } from './standing.ts'
import { MINUTE, momentText } from './time-text.ts'

/** A place of the watch list serves no certificate that verifies: it cannot be reached, or what it serves is wrong. */
export const endpointUnreachable: StateRule = {
  name: 'endpoint-unreachable',
  every: MINUTE,
  resolution: 'It serves a certificate that verifies, or is no longer looked at.',
  *occurrences(now, { rules }, look) {
    const { severity, after } = rules['endpoint-unreachable']
    for (const state of look.endpoints()) {
      const { endpoint, served, error } = state
      const since = failingSince(state)
      if (since === null || now - since < after) continue
      yield standing({
        rule: 'endpoint-unreachable',
        key: endpoint,
        severity,
        at: now,
        title:
          error === null
            ? `${endpoint} serves a certificate that does not verify`
            : `${endpoint} serves no certificate`,
        cause: `Every look since ${momentText(since)} failed.`,
        remedy:
          error === null
            ? 'See that the server sends the whole chain (fullchain.pem) of a CA that is trusted, for the name it is asked for.'
            : 'See that the server runs and is reachable from here; or take the place off the watch list.',
        fixer: 'server',
        said: error ?? served?.fault ?? null,
        about: { names: served?.names ?? [], details: { endpoint } },
        evidence: { certificate: served?.fingerprint ?? null },
      })
    }
  },
}

/** What is served and does not verify has been wrong since it was made, as far as can be told. */
function failingSince({ served, error, failingSince: since }: EndpointState): Millis | null {
  if (error === null && (served === null || served.trusted)) return null
  if (since !== null) return Date.parse(since)
  return served === null ? null : Date.parse(served.notBefore)
}
