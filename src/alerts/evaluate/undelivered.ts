import type { Alert } from '../alert.ts'
import type { Notification } from '../notification.ts'
import type { AlertSettings, Millis } from '../rule.ts'
import { asTold, worst } from './compose.ts'
import { orderKey } from './lane.ts'
import type { AlertMemory, KeptAlert } from './memory.ts'
import { post } from './post.ts'
import { type Escalation, receiversOf, undeliveredLimits } from './route.ts'
import { tallyOf } from './tally.ts'
import type { Telling } from './telling.ts'
import { sharedBy, titleOf } from './words.ts'

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

/**
 * What the second channel is told. A digest tells of several rules: each has an order of its own at a channel that gets
 * none, so it becomes one copy for each.
 */
function copy(
  memory: AlertMemory,
  telling: Telling,
  settings: AlertSettings,
  { notification, kept, to, why }: Copy,
  now: Millis,
): void {
  const channel = settings.channels?.find(({ name }) => name === to)
  const news = kept.filter((one) => isNewsTo(to, one, Date.parse(notification.made)))
  if (channel === undefined) return
  for (const [key, some] of Map.groupBy(news, ({ alert }) => orderKey(channel, alert))) {
    const alerts = some.map(({ alert }) => asTold(alert, 'escalation'))
    const told = notification.kind === 'digest' ? partOf(alerts) : wholeOf(notification)
    const title = `Not delivered: ${told.title}`
    const severity = worst(alerts)
    post(
      memory.outbox,
      { ...told, channel: to, kind: 'escalation', key, severity, title, alerts, text: why },
      now,
    )
    for (const one of some) telling.tookOver(one, to, now)
  }
}

/** Another channel may not have taken it either, or `to` was told anyway, also that it ended. */
function isNewsTo(to: string, { alert, channels }: KeptAlert, made: Millis): boolean {
  const at = channels[to]?.at ?? null
  return at === null || (at < made && alert.state === 'firing')
}

type What = Pick<Notification, 'rule' | 'title' | 'shared' | 'count' | 'occurrences'>

function wholeOf({ rule, title, shared, count, occurrences }: Notification): What {
  return { rule, title, shared, count, occurrences }
}

function partOf(alerts: readonly Alert[]): What {
  const [first] = alerts
  const tally = tallyOf(alerts)!
  const rule = alerts.every((one) => one.rule === first!.rule) ? first!.rule : null
  return {
    rule,
    title: alerts.length === 1 ? first!.title : titleOf(rule, 'firing', tally),
    shared: sharedBy(tally),
    count: tally.alerts,
    occurrences: tally.occurrences,
  }
}
