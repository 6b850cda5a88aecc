import type { EndpointState } from '../endpoint.ts'
import type { StateRule } from '../rule.ts'
import { isWithin } from './expiry-step.ts'
import { namesText, standing } from './standing.ts'
import { DAY, MINUTE, momentText, spanText } from './time-text.ts'

/** So long what was seen last stands for what is served: it may have been renewed since. */
const FRESH = DAY

/** A place of the watch list serves a certificate that ends soon, whether acmetap ever saw it issued or not. */
export const endpointExpiring: StateRule = {
  name: 'endpoint-expiring',
  every: MINUTE,
  resolution: 'It serves a certificate with time left, or is no longer looked at.',
  *occurrences(now, { rules }, look) {
    const { severity, warning, critical, fractions } = rules['endpoint-expiring']
    for (const { endpoint, probed, served, newer } of look.endpoints()) {
      if (probed === null || served === null) continue
      const seen = Math.min(now, Math.max(Date.parse(probed), now - FRESH))
      const life = { notBefore: Date.parse(served.notBefore), notAfter: Date.parse(served.notAfter) }
      if (!isWithin(life, warning, fractions[0], seen)) continue
      const left = life.notAfter - now
      const hasEnded = left <= 0
      yield standing({
        rule: 'endpoint-expiring',
        key: endpoint,
        severity: isWithin(life, critical, fractions[1], seen) ? 'critical' : severity,
        at: now,
        title: hasEnded
          ? `${endpoint} serves a certificate that ended ${spanText(left)} ago`
          : `${endpoint} serves a certificate that ends in ${spanText(left)}`,
        cause: `The certificate for ${namesText(served.names)} by ${served.issuer} ${hasEnded ? 'ended' : 'ends'} ${momentText(life.notAfter)}.`,
        remedy: remedyOf(newer),
        fixer: 'server',
        about: {
          names: served.names,
          details: { endpoint, serial: served.serial, notAfter: served.notAfter },
        },
        evidence: { certificate: served.fingerprint },
      })
    }
  },
}

function remedyOf(newer: EndpointState['newer']): string {
  return newer === null
    ? 'Renew the certificate and let the server load it. If its client does not come through acmetap, look there.'
    : `A newer certificate was issued (serial ${newer.serial}): install it where the server reads it, and reload the server.`
}
