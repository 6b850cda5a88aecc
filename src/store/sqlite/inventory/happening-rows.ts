import type Database from 'better-sqlite3'
import type { Happening } from '../../../audit/inventory/happening.ts'
import type { HappeningBody } from './happenings.ts'
import type { Moment } from './moment.ts'

/** What every happening of an exchange shares beside its moment. */
export interface ExchangeShown {
  readonly mode: number
  readonly operation: number
}

const TRIM_AFTER = 256
const TRIMMED_AT_ONCE = 512

/**
 * Rows of happenings. Who takes in objects says what it saw first; a fact that is taken in again shows nothing new, so
 * it says nothing. Rows go when they are older than `keepFrom`, some hundred at a time.
 */
export class HappeningRows {
  readonly #insert: Database.Statement<unknown[]>
  readonly #trim: Database.Statement<[number, number]>
  /** Facts up to this one have told what they had to tell already, in an inventory that was before this one. */
  readonly #toldUntil: number
  #keepFrom = 0
  #fact = 0
  #n = 0
  #added = 0

  constructor(db: Database.Database, toldUntil: number) {
    this.#toldUntil = toldUntil
    this.#insert = db.prepare(
      `insert into happenings (fact, n, kind, at, exchange, ca, mode, operation, account, client, order_id, names, body)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#trim = db.prepare(
      `delete from happenings where (fact, n) in (select fact, n from happenings order by fact, n limit ?) and at < ?`,
    )
  }

  /** µs: what was before is of no interest any more. */
  keepFrom(at: number): void {
    this.#keepFrom = at
  }

  add(
    kind: Happening['kind'],
    body: HappeningBody,
    about: { readonly names: number | null; readonly order: number | null },
    moment: Moment,
    { mode, operation }: ExchangeShown,
  ): void {
    const { sequence, at, exchange, ca, account, client } = moment
    if (sequence <= this.#toldUntil || at < this.#keepFrom) return
    this.#n = sequence === this.#fact ? this.#n + 1 : 0
    this.#fact = sequence
    const shown = [at, exchange, ca === 0 ? null : ca, mode, operation, account, client]
    this.#insert.run(sequence, this.#n, kind, ...shown, about.order, about.names, JSON.stringify(body))
    this.#added += 1
  }

  /** At the end of a slice. */
  flush(): void {
    if (this.#added < TRIM_AFTER) return
    this.#added = 0
    this.#trim.run(TRIMMED_AT_ONCE, this.#keepFrom)
  }

  /** After a rollback. */
  forget(): void {
    this.#fact = 0
    this.#n = 0
  }
}
