import type Database from 'better-sqlite3'
import type { ClientRhythm } from '../../../alerts/look.ts'
import type { Millis } from '../../../alerts/rule.ts'
import { HOUR } from '../inventory/queries/vocabulary.ts'
import { type Reading, userOf, whoIs } from './who-is.ts'

const DAY = 24 * HOUR
const WEEK = 7 * DAY
const ORDERED_WITHIN = 100 * DAY
const PAUSES = 20
/** Visits in which nothing was ordered that show a rhythm. */
const LEAST_IDLE = 3
/** Exchanges of one client that are looked through for its pauses. */
const MOST_EXCHANGES = 4_000
const MOST_SETS = 100

interface ClientRow {
  readonly id: number
  readonly key: string
  readonly label: string | null
  readonly first_at: number
  readonly last_at: number
}

/** How regularly clients come. What takes another question is asked when a rule looks at it. */
export class ClientRhythms {
  readonly #inventory: Database.Database
  readonly #reading: Reading

  constructor(inventory: Database.Database, reading: Reading) {
    this.#inventory = inventory
    this.#reading = reading
  }

  *all(now: Millis): Generator<ClientRhythm> {
    const at = now * 1000
    const heardFrom = this.#heardFrom(at)
    const ends = new Map(
      this.#inventory
        .prepare<[number], [number, number]>(SOONEST)
        .raw()
        .all(at - WEEK),
    )
    const clients = this.#inventory.prepare<[], ClientRow>(CLIENTS)
    for (const row of clients.iterate()) {
      const ending = ends.get(row.id) ?? null
      if (ending === null && !this.#hasOrdered(row.id, at - ORDERED_WITHIN)) continue
      yield new Rhythm(row, ending, Math.max(row.last_at, heardFrom), at - WEEK, this.#reading)
    }
  }

  #hasOrdered(client: number, since: number): boolean {
    const newest = this.#reading.db.get<{ first_at: number }>(NEWEST_ORDER, client)
    return newest !== undefined && newest.first_at >= since
  }

  /** The end of the last day and more without any exchange, acmetap's own included: it was off, or cut off. */
  #heardFrom(at: number): number {
    let after = Math.floor(at / HOUR)
    const hours = this.#inventory.prepare<[number], number>(HOURS).pluck()
    for (const hour of hours.iterate(Math.floor((at - ORDERED_WITHIN) / HOUR))) {
      if ((after - hour) * HOUR > DAY) return Math.min(at, after * HOUR)
      after = hour
    }
    return 0
  }
}

const HOURS = 'select hour from hours where hour >= ? order by hour desc'

const SOONEST = `select client, min(not_after) from certificates indexed by certificates_current
  where revoked_at is null and replaced_by is null and not_after >= ? and client is not null group by client`

/** Without those in whose place another came up since they were seen last. */
const CLIENTS = `select id, key, label, first_at, last_at from clients as k
  where not exists (
    select 1 from clients as n indexed by clients_account
    where n.account = k.account and n.id <> k.id and n.program is k.program and n.first_at > k.last_at)
  and not exists (
    select 1 from clients as n indexed by clients_place
    where n.source = k.source and n.label is k.label and n.program is k.program and n.id <> k.id and n.first_at > k.last_at)`

const NEWEST_ORDER =
  'select first_at from orders indexed by orders_client where client = ? order by first_sequence desc limit 1'

const EXCHANGES =
  'select at, operation from exchanges indexed by exchanges_client where client = ? order by sequence desc limit ?'

const SETS = `select distinct names from certificates indexed by certificates_client
  where client = ? and revoked_at is null and replaced_by is null and not_after >= ? and names is not null
  order by first_sequence desc limit ?`

class Rhythm implements ClientRhythm {
  readonly client: string
  readonly first: Millis
  readonly last: Millis
  readonly silentFrom: Millis
  readonly soonestExpiry: Millis | null
  readonly #row: ClientRow
  readonly #current: number
  readonly #reading: Reading

  constructor(row: ClientRow, ending: number | null, silentFrom: number, current: number, reading: Reading) {
    this.#row = row
    this.#current = current
    this.#reading = reading
    this.client = row.key
    this.first = row.first_at / 1000
    this.last = row.last_at / 1000
    this.silentFrom = silentFrom / 1000
    this.soonestExpiry = ending === null ? null : ending / 1000
  }

  get text(): string {
    return whoIs(this.#reading, this.#row.id) ?? 'unknown'
  }

  get label(): string | null {
    return userOf(this.#reading, this.#row.label)
  }

  get names(): readonly string[] {
    const { db, names } = this.#reading
    const sets = db.all<{ names: number }>(SETS, this.#row.id, this.#current, MOST_SETS)
    return [...new Set(sets.flatMap((set) => names.set(set.names)).map(({ value }) => value))]
  }

  get longestPause(): Millis | null {
    const { db, vocabulary } = this.#reading
    const newOrder = vocabulary.id('newOrder')
    const rows = db.all<{ at: number; operation: number }>(EXCHANGES, this.#row.id, MOST_EXCHANGES)
    let pauses = 0
    let longest = 0
    let idle = 0
    let hasOrdered = false
    for (const [n, { at, operation }] of rows.entries()) {
      if (operation === newOrder) hasOrdered = true
      const before = rows[n + 1]
      if (before === undefined || at - before.at <= HOUR) continue
      pauses++
      longest = Math.max(longest, at - before.at)
      if (!hasOrdered) idle++
      hasOrdered = false
      if (pauses === PAUSES) break
    }
    return pauses < LEAST_IDLE || idle < LEAST_IDLE ? null : longest / 1000
  }
}
