import type Database from 'better-sqlite3'
import type { Silence } from '../../../alerts/alert.ts'
import type { KeptAlert, Lane } from '../../../alerts/evaluate/memory.ts'
import type { Millis } from '../../../alerts/rule.ts'

/**
 * The clock was ahead and was set back to `now`: what was noted under it would wait until it is that late again. What
 * waits is due now, what was told was told now, and what was to last for a while lasts as long from now. To be called in
 * a transaction, with nothing remembered of the database.
 */
export function clockSetBack(db: Database.Database, now: Millis): void {
  db.prepare('update waiting set due = @now where due > @now').run({ now })
  db.prepare('update notifications set due = @now where due > @now').run({ now })
  db.prepare('update notifications set made = @now where made > @now').run({ now })
  // The next one begins where this week does. Other notes are not believed when they lie ahead.
  db.prepare("delete from notes where name like 'report %' and cast(value as integer) > @now").run({ now })
  setBackLanes(db, now)
  setBackSilences(db, now)
  setBackAlerts(db, now)
}

function setBackLanes(db: Database.Database, now: Millis): void {
  const put = db.prepare<[number | null, string, string]>('update lanes set due = ?, body = ? where id = ?')
  for (const { id, body } of db
    .prepare<[], { id: string; body: string }>('select id, body from lanes')
    .all()) {
    const lane = JSON.parse(body) as Lane
    const due = lane.due === null ? null : Math.min(lane.due, now)
    const sends = lane.sends.filter((at) => at <= now)
    put.run(due, JSON.stringify({ ...lane, due, sends } satisfies Lane), id)
  }
}

function setBackSilences(db: Database.Database, now: Millis): void {
  const put = db.prepare<[number, string, string]>('update silences set until = ?, body = ? where id = ?')
  const all = db.prepare<[number], { body: string }>('select body from silences where until > ?').all(now)
  for (const { body } of all) {
    const silence = JSON.parse(body) as Silence
    const ahead = Date.parse(silence.made) - now
    if (ahead <= 0) continue
    const until = Date.parse(silence.until) - ahead
    put.run(until, JSON.stringify({ ...silence, until: new Date(until).toISOString() }), silence.id)
  }
}

function setBackAlerts(db: Database.Database, now: Millis): void {
  const put = db.prepare<[number, string, number]>('update alerts set wake = ?, kept = ? where number = ?')
  const some = db.prepare<[number], { number: number; last: string; kept: string }>(
    `select number, json_extract(body, '$.last') as last, kept from alerts
     where state = 'firing' and number > ? order by number limit 1000`,
  )
  for (let rows = some.all(0); rows.length > 0; rows = some.all(rows.at(-1)!.number))
    for (const { number, last, kept: text } of rows) {
      const kept = JSON.parse(text) as Omit<KeptAlert, 'alert'>
      const ahead = Math.max(0, Date.parse(last) - now)
      const channels = Object.entries(kept.channels).map(([name, told]) => [
        name,
        { ...told, at: told.at === null ? null : Math.min(told.at, now) },
      ])
      const until = kept.until === null ? null : kept.until - ahead
      const next = { ...kept, until, wake: now, channels: Object.fromEntries(channels) }
      put.run(now, JSON.stringify(next), number)
    }
}
