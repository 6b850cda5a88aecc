import type Database from 'better-sqlite3'
import type { Alert, Silence } from '../../../alerts/alert.ts'
import type { AlertMemory, Notes, OutboxBook } from '../../../alerts/evaluate/memory.ts'
import type { Notification } from '../../../alerts/notification.ts'
import type { Millis } from '../../../alerts/rule.ts'
import { AlertRows } from './alert-rows.ts'
import { OutboxTable } from './outbox.ts'
import { Silences } from './silences.ts'
import { QueueRows } from './telling-queue.ts'

/** Told of what is new, before the transaction is committed. */
export interface AlertNews {
  readonly onBegun?: (alert: Alert) => void
  readonly onAdded?: (notification: Notification) => void
}

/**
 * What the evaluator remembers, over one connection that writes. To be made anew after a transaction that was rolled
 * back.
 */
export class SqliteAlertMemory implements AlertMemory {
  readonly alerts: AlertRows
  readonly queue: QueueRows
  readonly outbox: OutboxBook
  readonly notes: Notes
  readonly #silences: Silences

  constructor(db: Database.Database, news: AlertNews = {}) {
    this.alerts = new AlertRows(db, news.onBegun)
    this.queue = new QueueRows(db)
    this.notes = notesOf(db)
    this.#silences = new Silences(db)
    const table = new OutboxTable(db)
    this.outbox = {
      lastNumber: () => table.lastNumber(),
      add(notification) {
        table.put(notification)
        news.onAdded?.(notification)
      },
      overdue: (channel, before, limit) => table.overdue(channel, before, limit),
      escalated: (id) => table.escalated(id),
      oldest: (channel) => table.oldest(channel),
      isWaiting: (channel, key) => table.isWaiting(channel, key),
    }
  }

  silences(now: Millis): readonly Silence[] {
    return this.#silences.holding(now)
  }
}

function notesOf(db: Database.Database): Notes {
  const get = db.prepare<[string], { readonly value: string }>('select value from notes where name = ?')
  const remove = db.prepare<[string]>('delete from notes where name = ?')
  const set = db.prepare<[string, string]>(
    'insert into notes (name, value) values (?, ?) on conflict do update set value = excluded.value',
  )
  return {
    get: (name) => get.get(name)?.value ?? null,
    set(name, value) {
      if (value === null) remove.run(name)
      else set.run(name, value)
    },
  }
}
