import { z } from 'zod'
import { instant, paging, word } from '../audit/inventory/values.ts'
import { alert } from './alert.ts'
import { RULES, SEVERITIES } from './rule-names.ts'

export const NOTIFICATION_KINDS = [
  'firing',
  'resolved',
  'digest',
  'escalation',
  'report',
  'heartbeat',
  'test',
] as const

/**
 * What one channel is told at once. `id` stays the same however often it is sent: a receiver that has seen it may drop
 * it. Notifications of one channel and `key` are sent in the order of `number`.
 */
export const notification = z.strictObject({
  id: z.string().meta({ description: 'UUID.' }),
  number: z.int().meta({ description: 'Order in which they were made.' }),
  channel: z.string(),
  kind: z.enum(NOTIFICATION_KINDS),
  /** Alerts with the same key are told in order: rule and what it groups by. */
  key: z.string(),
  made: instant(),
  rule: z.enum(RULES).nullable(),
  severity: z.enum(SEVERITIES),
  title: z
    .string()
    .meta({ description: 'Of one alert its title; of several how many, and what they share.' }),
  /** What they have in common, where there are several: cause, resolver, address, CA … */
  shared: z.string().nullable(),
  /** At most 20; `count` says how many there are. */
  alerts: z.array(alert),
  count: z.int().meta({ description: 'Alerts it tells of.' }),
  occurrences: z.int().meta({ description: 'How often they were seen in all.' }),
  /** Plain text of a report, digest, heartbeat or test; null where the alerts say all. */
  text: z.string().nullable(),
})
export type Notification = z.output<typeof notification>

/** A notification with what became of it. */
export const delivery = z.strictObject({
  notification,
  state: z.enum(['waiting', 'delivered', 'refused']).meta({
    description:
      'refused: the channel will never take it; it went to the channel of escalation, if there is one.',
  }),
  attempts: z.int(),
  next: instant().nullable().meta({ description: 'When it is tried again.' }),
  delivered: instant().nullable(),
  error: z.string().nullable().meta({ description: 'Of the last attempt, without secrets.' }),
})
export type Delivery = z.output<typeof delivery>

export const deliveryFilter = z.strictObject({
  channel: word.optional(),
  kind: notification.shape.kind
    .optional()
    .meta({ description: 'Without it, signs of life (heartbeat) are left out.' }),
  state: delivery.shape.state.optional(),
  rule: z.enum(RULES).optional(),
  ...paging,
})
export type DeliveryFilter = z.output<typeof deliveryFilter>
