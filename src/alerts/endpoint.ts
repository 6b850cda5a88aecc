import { z } from 'zod'
import { instant, paging, word } from '../audit/inventory/values.ts'
import { STARTTLS, endpointText as writtenEndpoint } from '../config/alerts.ts'
import type { EndpointStanding } from '../observability/standing.ts'

export { STARTTLS }

/** A place that serves certificates, as the watch list has it: `host:port` or `host:port/starttls kind`. */
export const endpointText = writtenEndpoint().meta({ example: 'mail.example.com:25/smtp' })

export const endpoint = z.strictObject({
  endpoint: endpointText,
  source: z.enum(['config', 'added', 'imported', 'learned']),
  probed: instant().nullable(),
  /** What was served, when it was last seen to serve anything. */
  served: z
    .strictObject({
      fingerprint: z.string(),
      serial: z.string(),
      names: z.array(z.string()).meta({ description: 'At most 100.' }),
      issuer: z.string(),
      notBefore: instant(),
      notAfter: instant(),
      /** Subject of each certificate that came, the end entity first. */
      chain: z.array(z.string()),
      /** It verifies against the usual roots and those of the configured CAs, for this host. */
      trusted: z.boolean(),
      /** Why not. */
      fault: z.string().nullable(),
    })
    .nullable(),
  /** Why nothing could be seen; null when it could. */
  error: z.string().nullable(),
  /** Since when nothing could be seen, or what was served does not verify; null while it does. */
  failingSince: instant().nullable(),
  /** The newest certificate of the inventory for exactly the served names, where it is newer than the served one. */
  newer: z.strictObject({ fingerprint: z.string(), serial: z.string(), firstSeen: instant() }).nullable(),
})
export type EndpointState = z.output<typeof endpoint>

/** In one word, the worst first: what cannot be seen, what does not verify, what is older than it could be. */
export function standingOf({
  probed,
  served,
  error,
  newer,
}: Pick<EndpointState, 'probed' | 'served' | 'error' | 'newer'>): EndpointStanding {
  if (probed === null) return 'unknown'
  if (error !== null || served === null) return 'unreachable'
  if (!served.trusted) return 'untrusted'
  return newer === null ? 'ok' : 'outdated'
}

export const endpointFilter = z.strictObject({
  source: endpoint.shape.source.optional(),
  host: word.optional(),
  ...paging,
})
export type EndpointFilter = z.output<typeof endpointFilter>
