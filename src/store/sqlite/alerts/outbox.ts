import type Database from 'better-sqlite3'
import type { Settled } from '../../../alerts/alert-desk.ts'
import { MOST_ASKED } from '../../../alerts/back-off.ts'
import type { Delivery, DeliveryFilter, Notification } from '../../../alerts/notification.ts'
import type { Millis } from '../../../alerts/rule.ts'
import type { Page } from '../../../audit/inventory/values.ts'
import type { AlertCounts } from '../../../observability/standing.ts'
import { Prepared, type Value } from '../inventory/queries/prepared.ts'
import { type Condition, pageOfNumbered } from './numbered-list.ts'

interface NotificationRow {
  readonly number: number
  readonly state: Delivery['state']
  readonly attempts: number
  readonly due: number
  readonly settled: number | null
  readonly error: string | null
  readonly body: string
}

type Overdue = Pick<Delivery, 'notification' | 'state'>

/** What is told and was told. A notification stays under its number; its body never changes. */
export class OutboxTable {
  readonly #run: ReturnType<typeof statements>
  readonly #prepared: Prepared

  constructor(db: Database.Database) {
    this.#run = statements(db)
    this.#prepared = new Prepared(db)
  }

  /** The largest number ever given; 0 at first. */
  lastNumber(): number {
    return this.#run.last.get()?.seq ?? 0
  }

  /** Under its number. Throws SqliteError where the number, or the id for this channel, is there. */
  put(notification: Notification): void {
    const { number, id, channel, key, rule, made } = notification
    const at = Date.parse(made)
    this.#run.put.run(number, id, channel, key, rule, at, at, JSON.stringify(notification))
  }

  /** Under the next number; where the channel has one with this id already, that one is given. */
  add(notification: Omit<Notification, 'number'>): Notification {
    const known = this.#run.byId.get(notification.id, notification.channel)
    if (known !== undefined) return notificationOf(known)
    const numbered = { ...notification, number: this.lastNumber() + 1 } as Notification
    this.put(numbered)
    return numbered
  }

  /**
   * Of each channel and key the oldest that waits, where it is due; the channels take turns, so that one that takes
   * nothing leaves room for the others. What is due later than anything is put off was put there before the clock was
   * set back: it is due too.
   */
  due(now: Millis, limit: number): Notification[] {
    return this.#run.due.all(now, now + MOST_ASKED, limit).map(notificationOf)
  }

  next(): Millis | null {
    return this.#run.next.get()?.due ?? null
  }

  /** What waits for its next attempt at these channels is due now. */
  hurry(channels: readonly string[], now: Millis): void {
    this.#run.hurry.run(now, JSON.stringify(channels), now)
  }

  /** Only what waits can be settled: what is over stays as it was. */
  settle(id: string, channel: string, settled: Settled): void {
    const { state, at } = settled
    if (state === 'waiting') this.#run.again.run(settled.next, settled.error, id, channel)
    else this.#run.settle.run(state, at, state === 'refused' ? settled.error : null, id, channel)
  }

  /** How many wait, by channel. */
  counts(): AlertCounts['waiting'] {
    return this.#run.counts.all()
  }

  /** Refuses what waits for a channel that is not among these. */
  keepChannels(channels: readonly string[], at: Millis): void {
    this.#run.orphaned.run(at, 'the channel is no longer in the configuration', JSON.stringify(channels))
  }

  /** Refused, or waiting and made at or before `before`; and not yet escalated. The oldest first. */
  overdue(channel: string, before: Millis, limit: number): Overdue[] {
    return this.#run.overdue
      .all(channel, before, limit)
      .map((row) => ({ notification: notificationOf(row), state: row.state }))
  }

  escalated(id: string): void {
    this.#run.escalated.run(id)
  }

  /** When the oldest that {@link overdue} may give was made; 0 where one is refused; null without any. */
  oldest(channel: string): Millis | null {
    return this.#run.oldest.get(channel)?.oldest ?? null
  }

  isWaiting(channel: string, key: string): boolean {
    return this.#run.isWaiting.get(channel, key) !== undefined
  }

  list(filter: DeliveryFilter): Page<Delivery> {
    const conditions: Condition[] = []
    const equals = (column: string, value: Value | undefined) => {
      if (value !== undefined) conditions.push({ sql: `${column} = ?`, values: [value] })
    }
    equals('channel', filter.channel)
    equals('state', filter.state)
    equals('rule', filter.rule)
    if (filter.kind === undefined) conditions.push({ sql: "key <> 'heartbeat'", values: [] })
    else equals("json_extract(body, '$.kind')", filter.kind)
    return pageOfNumbered<NotificationRow, Delivery>(this.#prepared, LIST, conditions, filter, deliveryOf)
  }

  /** Removes at most `limit` of those made before, and that nobody waits for; true when there may be more. */
  prune(before: Millis, limit: number): boolean {
    return this.#run.prune.run(before, limit).changes === limit
  }
}

const LIST = {
  name: 'deliveries',
  table: 'notifications',
  columns: 'state, attempts, due, settled, error, body',
} as const

function notificationOf({ body }: Pick<NotificationRow, 'body'>): Notification {
  return JSON.parse(body) as Notification
}

function deliveryOf(row: NotificationRow): Delivery {
  return {
    notification: notificationOf(row),
    state: row.state,
    attempts: row.attempts,
    next: row.state === 'waiting' ? new Date(row.due).toISOString() : null,
    delivered: row.state === 'delivered' && row.settled !== null ? new Date(row.settled).toISOString() : null,
    error: row.error,
  }
}

function statements(db: Database.Database) {
  const oldest = `select channel, key, min(number) as number from notifications
    where state = 'waiting' group by channel, key`
  return {
    last: db.prepare<[], { readonly seq: number }>(
      "select seq from sqlite_sequence where name = 'notifications'",
    ),
    put: db.prepare<[number, string, string, string, string | null, number, number, string]>(
      `insert into notifications (number, id, channel, key, rule, made, state, attempts, due, body)
       values (?, ?, ?, ?, ?, ?, 'waiting', 0, ?, ?)`,
    ),
    byId: db.prepare<[string, string], Pick<NotificationRow, 'body'>>(
      'select body from notifications where id = ? and channel = ?',
    ),
    due: db.prepare<[number, number, number], Pick<NotificationRow, 'body'>>(
      `select n.body from (
         select w.number, w.due, row_number() over (partition by w.channel order by w.due, w.number) as turn
         from (${oldest}) as o join notifications as w on w.number = o.number where w.due <= ? or w.due > ?
       ) as t join notifications as n on n.number = t.number order by t.turn, t.number limit ?`,
    ),
    next: db.prepare<[], { readonly due: number | null }>(
      `select min(w.due) as due from (${oldest}) as o join notifications as w on w.number = o.number`,
    ),
    hurry: db.prepare<[number, string, number]>(
      `update notifications set due = ?
       where state = 'waiting' and channel in (select value from json_each(?)) and due > ?`,
    ),
    again: db.prepare<[number, string, string, string]>(
      `update notifications set attempts = attempts + 1, due = ?, error = ?
       where id = ? and channel = ? and state = 'waiting'`,
    ),
    settle: db.prepare<[string, number, string | null, string, string]>(
      `update notifications set attempts = attempts + 1, state = ?, settled = ?, error = ?
       where id = ? and channel = ? and state = 'waiting'`,
    ),
    overdue: db.prepare<[string, number, number], Pick<NotificationRow, 'body' | 'state'>>(
      `select body, state from notifications
       where channel = ? and state <> 'delivered' and escalated = 0 and (state = 'refused' or made <= ?)
       order by number limit ?`,
    ),
    escalated: db.prepare<[string]>('update notifications set escalated = 1 where id = ?'),
    oldest: db.prepare<[string], { readonly oldest: number | null }>(
      `select min(iif(state = 'refused', 0, made)) as oldest from notifications
       where channel = ? and state <> 'delivered' and escalated = 0`,
    ),
    isWaiting: db.prepare<[string, string]>(
      "select 1 from notifications where state = 'waiting' and channel = ? and key = ? limit 1",
    ),
    counts: db.prepare<[], AlertCounts['waiting'][number]>(
      `select channel, count(*) as count from notifications where state = 'waiting' group by channel order by channel`,
    ),
    orphaned: db.prepare<[number, string, string]>(
      `update notifications set state = 'refused', settled = ?, error = ?
       where state = 'waiting' and channel not in (select value from json_each(?))`,
    ),
    prune: db.prepare<[number, number]>(
      `delete from notifications where number in (
         select number from notifications where made < ? and state <> 'waiting' order by made limit ?)`,
    ),
  }
}
