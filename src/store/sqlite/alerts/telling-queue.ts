import type Database from 'better-sqlite3'
import type { Lane, TellingKind, TellingQueue, Waiting } from '../../../alerts/evaluate/memory.ts'
import type { Millis } from '../../../alerts/rule.ts'

/** What waits to be told, and the allowances under which it is. */
export class QueueRows implements TellingQueue {
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  put({ channel, alert, kind, lane, group, due }: Waiting): void {
    this.#run.put.run(channel, alert, kind, lane, group, due)
  }

  drop(channel: string, alert: string): void {
    this.#run.drop.run(channel, alert)
  }

  waiting(lane: string): readonly Waiting[] {
    return this.#run.waiting
      .all(lane)
      .map(({ told_with, ...waiting }): Waiting => ({ ...waiting, group: told_with }))
  }

  lane(id: string): Lane | null {
    const row = this.#run.lane.get(id)
    return row === undefined ? null : laneOf(row)
  }

  putLane(lane: Lane): void {
    this.#run.putLane.run(lane.id, lane.channel, lane.due, JSON.stringify(lane))
  }

  dueLanes(now: Millis): readonly Lane[] {
    return this.#run.dueLanes.all(now).map(laneOf)
  }

  nextDue(): Millis | null {
    return this.#run.nextDue.get()?.due ?? null
  }

  forget(channel: string): void {
    this.#run.forgetWaiting.run(channel)
    this.#run.forgetLanes.run(channel)
  }
}

interface LaneRow {
  readonly body: string
}

interface WaitingRow {
  readonly channel: string
  readonly alert: string
  readonly kind: TellingKind
  readonly lane: string
  readonly told_with: string
  readonly due: number
}

function laneOf({ body }: LaneRow): Lane {
  return JSON.parse(body) as Lane
}

function statements(db: Database.Database) {
  return {
    put: db.prepare<[string, string, string, string, string, number]>(
      'insert or replace into waiting (channel, alert, kind, lane, told_with, due) values (?, ?, ?, ?, ?, ?)',
    ),
    drop: db.prepare<[string, string]>('delete from waiting where channel = ? and alert = ?'),
    waiting: db.prepare<[string], WaitingRow>(
      'select channel, alert, kind, lane, told_with, due from waiting where lane = ? order by number',
    ),
    lane: db.prepare<[string], LaneRow>('select body from lanes where id = ?'),
    putLane: db.prepare<[string, string, number | null, string]>(
      `insert into lanes (id, channel, due, body) values (?, ?, ?, ?)
       on conflict (id) do update set channel = excluded.channel, due = excluded.due, body = excluded.body`,
    ),
    dueLanes: db.prepare<[number], LaneRow>(
      'select body from lanes where due is not null and due <= ? order by due, id',
    ),
    nextDue: db.prepare<[], { readonly due: number | null }>(
      'select min(due) as due from lanes where due is not null',
    ),
    forgetWaiting: db.prepare<[string]>('delete from waiting where channel = ?'),
    forgetLanes: db.prepare<[string]>('delete from lanes where channel = ?'),
  }
}
