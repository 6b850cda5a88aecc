import { z } from 'zod'
import { silence, silenceRequest } from '../../alerts/alert.ts'
import { endpointText } from '../../alerts/endpoint.ts'
import { instant, instantOf } from '../../audit/inventory/values.ts'
import { expiry } from './server.ts'

export const channel = z.strictObject({
  name: z.string(),
  kind: z.string().meta({ description: 'webhook, email, slack …' }),
  waiting: z.int().meta({ description: 'Notifications it has not taken yet.' }),
  failingSince: instant().nullable(),
  lastError: z.string().nullable(),
})

export const channels = z.strictObject({ channels: z.array(channel) })

export const channelTest = z.strictObject({
  channel: z.string(),
  ok: z.boolean(),
  detail: z.string().meta({ description: 'What it answered, or why there was no answer.' }),
})

export const channelName = z.strictObject({
  name: z.string().min(1).max(32).meta({ description: 'As the configuration names it.', example: 'ops' }),
})

export const silenceWanted = silenceRequest.extend({
  until: expiry
    .transform(instantOf)
    .meta({ description: 'RFC 3339, or how long from now: 12h, 90d.', example: '12h' }),
})

export const silences = z.strictObject({ silences: z.array(silence) })

export const silencesQuery = z.strictObject({
  ended: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .meta({ description: 'true: those of the last 30 days that no longer hold, too.' }),
})

export const endpointWanted = z.strictObject({ endpoint: endpointText })
