import type { Alert } from '../alert.ts'
import type { Notification } from '../notification.ts'
import type { AlertSettings, Millis } from '../rule.ts'
import { asTold, worst } from './compose.ts'
import { orderKey } from './lane.ts'
import type { AlertMemory, KeptAlert } from './memory.ts'
import { post } from './post.ts'
import { type Escalation, receiversOf, undeliveredLimits } from './route.ts'
import type { Telling } from './telling.ts'

/** At once. */
const BATCH = 100

/** Tells a second channel what the first has not taken in time, or has refused for good. */
export function escalateUndelivered(
  memory: AlertMemory,
  telling: Telling,
  settings: AlertSettings,
  now: Millis,
): void {
  for (const [channel, limit] of undeliveredLimits(settings))
    for (const { notification, state } of memory.outbox.overdue(channel, now - limit, BATCH)) {
      const kept = stillNews(memory, notification)
      const escalation = escalationOf(kept, channel, settings)
      if (escalation !== null) {
        const why =
          state === 'refused'
            ? `Channel ${channel} refused this notification.`
            : `Channel ${channel} has not taken this since ${notification.made.slice(0, 16).replace('T', ' ')} UTC.`
        copy(memory, telling, settings, { notification, kept, to: escalation.channel, why }, now)
      }
      memory.outbox.escalated(notification.id)
    }
}

/** When the next one is overdue; null while nothing waits. */
export function nextOverdue(memory: AlertMemory, settings: AlertSettings): Millis | null {
  let soonest: Millis | null = null
  for (const [channel, limit] of undeliveredLimits(settings)) {
    const oldest = memory.outbox.oldest(channel)
    if (oldest !== null) soonest = Math.min(oldest + limit, soonest ?? Number.POSITIVE_INFINITY)
  }
  return soonest
}

/** Alerts it names that somebody must still know about. An escalation goes no further: two channels would play ball. */
function stillNews(memory: AlertMemory, { kind, alerts }: Notification): readonly KeptAlert[] {
  if (kind !== 'firing' && kind !== 'digest') return []
  return alerts.flatMap(({ id }) => {
    const kept = memory.alerts.byId(id)
    const isNews =
      kept !== null &&
      kept.alert.silenced === null &&
      (kept.alert.state === 'firing' || kept.isNotice || kept.alert.severity === 'critical')
    return isNews ? [kept] : []
  })
}

function escalationOf(
  kept: readonly KeptAlert[],
  channel: string,
  settings: AlertSettings,
): Escalation | null {
  for (const { alert } of kept)
    for (const escalation of receiversOf(alert, settings).escalations)
      if (escalation.from.includes(channel)) return escalation
  return null
}

interface Copy {
  readonly notification: Notification
  readonly kept: readonly KeptAlert[]
  readonly to: string
  readonly why: string
}

function copy(
  memory: AlertMemory,
  telling: Telling,
  settings: AlertSettings,
  { notification, kept, to, why }: Copy,
  now: Millis,
): void {
  const channel = settings.channels?.find(({ name }) => name === to)
  // Another channel may not have taken them either, or `to` is told anyway.
  const made = Date.parse(notification.made)
  const news = kept.filter(({ channels }) => (channels[to]?.at ?? 0) < made)
  if (channel === undefined || news.length === 0) return
  const alerts: Alert[] = news.map(({ alert }) => asTold(alert, 'escalation'))
  const { rule, title, shared, count, occurrences } = notification
  post(
    memory.outbox,
    {
      channel: to,
      kind: 'escalation',
      key: orderKey(channel, alerts[0]!),
      rule,
      severity: worst(alerts),
      title: `Not delivered: ${title}`,
      shared,
      alerts,
      count,
      occurrences,
      text: why,
    },
    now,
  )
  for (const one of news) telling.tookOver(one, to, now)
}
