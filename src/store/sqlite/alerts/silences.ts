import { randomBytes } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { Silence, SilenceRequest } from '../../../alerts/alert.ts'
import type { Millis } from '../../../alerts/rule.ts'
import { FilterRefused } from '../../../audit/inventory/values.ts'

const DAY = 86_400_000
const LONGEST = 366 * DAY
const TOLD = 30 * DAY
/** Each alert is held against each of them. */
const MOST = 1000
const MATCHERS = ['rule', 'key', 'name', 'client', 'label', 'ca'] as const

export class Silences {
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  /** Throws FilterRefused where `until` is past or more than a year ahead, or nothing is given to match. */
  add(request: SilenceRequest, by: string, now: Millis): Silence {
    const until = Date.parse(request.until)
    if (!(until > now)) throw new FilterRefused('until', 'must be in the future')
    if (until > now + LONGEST) throw new FilterRefused('until', 'must be within a year from now')
    if (MATCHERS.every((matcher) => request[matcher] === undefined))
      throw new FilterRefused('rule', `or one of ${MATCHERS.slice(1).join(', ')} must be given`)
    if (request.key !== undefined && request.rule === undefined)
      throw new FilterRefused('key', 'is a key of a rule: give the rule too')
    if (this.#run.count.get(now)!.count >= MOST)
      throw new FilterRefused('rule', `cannot be silenced: ${MOST} silences hold already; end some of them`)
    const silence: Silence = {
      ...request,
      id: randomBytes(8).toString('hex'),
      by,
      made: new Date(now).toISOString(),
      ended: null,
    }
    this.put(silence)
    return silence
  }

  put(silence: Silence): void {
    const ended = silence.ended === null ? null : Date.parse(silence.ended)
    this.#run.add.run(silence.id, Date.parse(silence.until), ended, JSON.stringify(silence))
  }

  /** False when there is no such silence, or it has ended. */
  end(id: string, now: Millis): boolean {
    return this.#run.end.run(now, id, now).changes > 0
  }

  /** Those that hold; the oldest first. */
  holding(now: Millis): Silence[] {
    return this.#run.holding.all(now).map(silenceOf)
  }

  /** Those that hold, and with `ended` those of the last 30 days that no longer do; newest first. */
  list(ended: boolean, now: Millis): Silence[] {
    return ended ? this.#run.since.all(now - TOLD, now - TOLD).map(silenceOf) : this.holding(now).reverse()
  }

  prune(before: Millis): void {
    this.#run.prune.run(before)
  }
}

interface SilenceRow {
  readonly ended: number | null
  readonly body: string
}

function silenceOf({ ended, body }: SilenceRow): Silence {
  const silence = JSON.parse(body) as Silence
  return { ...silence, ended: ended === null ? null : new Date(ended).toISOString() }
}

function statements(db: Database.Database) {
  return {
    add: db.prepare<[string, number, number | null, string]>(
      'insert into silences (id, until, ended, body) values (?, ?, ?, ?)',
    ),
    end: db.prepare<[number, string, number]>(
      'update silences set ended = ? where id = ? and ended is null and until > ?',
    ),
    holding: db.prepare<[number], SilenceRow>(
      'select ended, body from silences where until > ? and ended is null order by number',
    ),
    count: db.prepare<[number], { readonly count: number }>(
      'select count(*) as count from silences where until > ? and ended is null',
    ),
    since: db.prepare<[number, number], SilenceRow>(
      'select ended, body from silences where until > ? and coalesce(ended, until) > ? order by number desc',
    ),
    prune: db.prepare<[number]>('delete from silences where until < ?'),
  }
}
