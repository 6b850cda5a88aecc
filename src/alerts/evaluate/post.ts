import type { Notification } from '../notification.ts'
import type { Millis } from '../rule.ts'
import { notificationId } from './ids.ts'
import type { OutboxBook } from './memory.ts'

export type Draft = Omit<Notification, 'id' | 'number' | 'made'>

/** Numbers a notification, names it and puts it into the outbox. */
export function post(outbox: OutboxBook, draft: Draft, now: Millis): Notification {
  const number = outbox.lastNumber() + 1
  const id = notificationId(draft.channel, draft.key, number)
  const notification = { id, number, made: new Date(now).toISOString(), ...draft }
  outbox.add(notification)
  return notification
}

/** What tells of no alert: a report, a sign of life. */
export function wordsAlone(
  channel: string,
  kind: 'report' | 'heartbeat',
  title: string,
  text: string,
): Draft {
  return {
    channel,
    kind,
    key: kind,
    rule: null,
    severity: 'info',
    title,
    shared: null,
    alerts: [],
    count: 0,
    occurrences: 0,
    text,
  }
}
