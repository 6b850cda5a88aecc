import type { StateRule } from '../rule.ts'
import { namesText, standing } from './standing.ts'
import { MINUTE, momentText } from './time-text.ts'

/** A place of the watch list still served the certificate before the renewal when it was looked at so long after it. */
export const endpointOutdated: StateRule = {
  name: 'endpoint-outdated',
  every: MINUTE,
  resolution: 'It serves the newer certificate, or is no longer looked at.',
  *occurrences(now, { rules }, look) {
    const { severity, after } = rules['endpoint-outdated']
    for (const { endpoint, probed, served, newer } of look.endpoints()) {
      if (probed === null || served === null || newer === null) continue
      if (newer.fingerprint === served.fingerprint) continue
      const renewed = Date.parse(newer.firstSeen)
      if (Date.parse(probed) - renewed < after) continue
      yield standing({
        rule: 'endpoint-outdated',
        key: endpoint,
        severity,
        at: now,
        title: `${endpoint} still serves the certificate before the renewal`,
        cause: `A newer certificate for ${namesText(served.names)} was issued ${momentText(renewed)} (serial ${newer.serial}); the one that is served ends ${momentText(Date.parse(served.notAfter))}.`,
        remedy:
          'Reload the server, and give the client a deploy or renew hook that does it. Look also for a second server behind the name that never got the new files.',
        fixer: 'server',
        about: {
          names: served.names,
          details: { endpoint, served: served.serial, newer: newer.serial },
        },
        evidence: { certificate: newer.fingerprint },
      })
    }
  },
}
