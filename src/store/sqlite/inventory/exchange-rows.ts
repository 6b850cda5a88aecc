import type Database from 'better-sqlite3'

/** Of an exchange whose outcome is still to come. Words, identifiers and objects are numbers. */
export interface RunningRow {
  readonly sequence: number
  readonly at: number
  readonly ca: number | null
  readonly mode: number
  readonly operation: number
  readonly account: number | null
  readonly client: number | null
  readonly names: number | null
  readonly order: number | null
}

export interface EndedRow extends RunningRow {
  readonly ended: number
  readonly outcome: number
  readonly status: number | null
  readonly problem: number | null
  readonly diagnosis: number | null
}

const HOUR = 3_600_000_000
const PRUNED_AT_ONCE = 500

/**
 * Rows of exchanges, their counts by hour, and which sequence numbers an hour has. An exchange that ends in the slice
 * it began in is written once; counts are written at a slice's end.
 */
export class ExchangeRows {
  readonly #run: ReturnType<typeof statements>
  readonly #running = new Map<number, RunningRow>()
  readonly #counts = new Map<string, { readonly of: readonly number[]; exchanges: number }>()
  readonly #hours = new Map<number, { first: number; last: number }>()

  /** Of the rows that are written; null when it is not known. */
  #highest: number | null = null

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  begin(row: RunningRow): void {
    this.#highest ??= this.#run.highest.get()?.sequence ?? 0
    // A fact that comes again: what is written stands.
    const isWritten = row.sequence <= this.#highest && this.#run.find.get(row.sequence) !== undefined
    if (!isWritten) this.#running.set(row.sequence, row)
    const hour = Math.floor(row.at / HOUR)
    const { first, last } = this.#hours.get(hour) ?? { first: row.sequence, last: row.sequence }
    this.#hours.set(hour, { first: Math.min(first, row.sequence), last: Math.max(last, row.sequence) })
  }

  /** Whether the end of the exchange that began with this fact is still to be taken in. */
  isRunning(sequence: number): boolean {
    return this.#running.has(sequence) || this.#run.running.get(sequence) !== undefined
  }

  /** Of an exchange that has ended. */
  clientOf(sequence: number): number | null {
    return this.#run.client.get(sequence)?.client ?? null
  }

  end(row: EndedRow): void {
    const { sequence, at, ca, mode, operation, account, client, names, order } = row
    const { ended, outcome, status, problem, diagnosis } = row
    const end = [ended, operation, outcome, status, problem, diagnosis, account, client, names, order]
    const changed = this.#running.delete(sequence)
      ? this.#run.whole.run(sequence, at, ca, mode, ...end).changes
      : this.#run.end.run(...end, sequence).changes
    if (changed === 0) return
    if (this.#highest !== null) this.#highest = Math.max(this.#highest, sequence)
    this.#count([Math.floor(at / HOUR), ca ?? 0, mode, operation, outcome, problem ?? 0, diagnosis ?? 0], 1)
  }

  /** Takes away rows of facts that are gone, some hundred at a time; their counts stay. False when none is left. */
  prune(last: number): boolean {
    this.flush()
    const rows = this.#run.oldest.all(last, PRUNED_AT_ONCE)
    for (const row of rows) {
      if (row.outcome !== null) {
        const { hour, ca, mode, operation, outcome, problem, diagnosis } = row
        const of = [hour, ca, mode, operation, outcome, problem, diagnosis]
        this.#run.uncount.run(...of)
        this.#run.count.run(...of, 1, 1)
      }
      this.#run.remove.run(row.sequence)
    }
    if (rows.length < PRUNED_AT_ONCE) this.#run.clean.run()
    return rows.length === PRUNED_AT_ONCE
  }

  flush(): void {
    for (const {
      sequence,
      at,
      ca,
      mode,
      operation,
      account,
      client,
      names,
      order,
    } of this.#running.values()) {
      this.#run.begin.run(sequence, at, ca, mode, operation, account, client, names, order)
    }
    for (const { of, exchanges } of this.#counts.values()) this.#run.count.run(...of, 0, exchanges)
    for (const [hour, { first, last }] of this.#hours) this.#run.hour.run(hour, first, last)
    this.#clear()
  }

  /** After a rollback. */
  forget(): void {
    this.#highest = null
    this.#clear()
  }

  #clear(): void {
    this.#running.clear()
    this.#counts.clear()
    this.#hours.clear()
  }

  #count(of: readonly number[], exchanges: number): void {
    const key = of.join(' ')
    const counted = this.#counts.get(key)
    if (counted) counted.exchanges += exchanges
    else this.#counts.set(key, { of, exchanges })
  }
}

interface OldRow {
  readonly sequence: number
  readonly hour: number
  readonly ca: number
  readonly mode: number
  readonly operation: number
  readonly outcome: number | null
  readonly problem: number
  readonly diagnosis: number
}

function statements(db: Database.Database) {
  const dimensions = 'hour, ca, mode, operation, outcome, problem, diagnosis'
  return {
    begin: db.prepare<unknown[]>(
      `insert or ignore into exchanges (sequence, at, ca, mode, operation, account, client, names, order_id)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    whole: db.prepare<unknown[]>(
      `insert or ignore into exchanges (sequence, at, ca, mode, ended, operation, outcome, status, problem, diagnosis,
       account, client, names, order_id) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    end: db.prepare<unknown[]>(
      `update exchanges set ended = ?, operation = ?, outcome = ?, status = ?, problem = ?, diagnosis = ?, account = ?,
       client = ?, names = ?, order_id = ? where sequence = ? and ended is null`,
    ),
    highest: db.prepare<[], { sequence: number | null }>('select max(sequence) as sequence from exchanges'),
    find: db.prepare<[number], { sequence: number }>('select sequence from exchanges where sequence = ?'),
    running: db.prepare<[number], { sequence: number }>(
      'select sequence from exchanges where sequence = ? and ended is null',
    ),
    client: db.prepare<[number], { client: number | null }>(
      'select client from exchanges where sequence = ?',
    ),
    count: db.prepare<unknown[]>(
      `insert into summary (${dimensions}, kept, exchanges) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
       on conflict do update set exchanges = exchanges + excluded.exchanges`,
    ),
    uncount: db.prepare<unknown[]>(
      `update summary set exchanges = exchanges - 1 where hour = ? and ca = ? and mode = ? and operation = ?
       and outcome = ? and problem = ? and diagnosis = ? and kept = 0`,
    ),
    clean: db.prepare('delete from summary where exchanges <= 0'),
    hour: db.prepare<unknown[]>(
      `insert into hours (hour, first, last) values (?, ?, ?)
       on conflict do update set first = min(first, excluded.first), last = max(last, excluded.last)`,
    ),
    oldest: db.prepare<[number, number], OldRow>(
      `select sequence, at / ${HOUR} as hour, coalesce(ca, 0) as ca, mode, operation, outcome,
       coalesce(problem, 0) as problem, coalesce(diagnosis, 0) as diagnosis
       from exchanges where sequence <= ? order by sequence limit ?`,
    ),
    remove: db.prepare<[number]>('delete from exchanges where sequence = ?'),
  }
}
