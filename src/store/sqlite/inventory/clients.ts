import type Database from 'better-sqlite3'
import { type ClientPlace, productOf } from '../../../audit/inventory/project/client.ts'
import { LruMap } from '../../../exchange/lru-map.ts'
import type { Sighting } from './accounts.ts'
import { objectKey } from './object-key.ts'

/** What an exchange shows of its client beside its place. */
export interface ClientSighting extends Sighting {
  readonly first: number
  readonly firstAt: number
  readonly userAgent: string | null
  readonly mode: string
  readonly asksRenewalInfo: boolean
}

export interface ClientAccount {
  readonly id: number
  readonly key: string
  /** The exchange shows that the account asked; else it makes no client of that account. */
  readonly proven: boolean
}

/** Whoever asks may call itself anything: of more than these the newest are kept. */
const MOST_VERSIONS = 100

/** A row as it stands in memory. */
interface Row {
  readonly id: number
  account: number | null
  readonly versions: string[]
  readonly modes: string[]
  userAgent: string | null
  askedAt: number | null
  lastSequence: number
  lastAt: number
}

interface StoredRow {
  readonly id: number
  readonly account: number | null
  readonly versions: string
  readonly modes: string
  readonly user_agent: string | null
  readonly asked_ari_at: number | null
  readonly last_sequence: number
  readonly last_at: number
}

/**
 * Rows of clients: who asks is an account at a place (source, label, program). An exchange that shows no account
 * counts for the client seen last at its place; one that stands without an account until then is taken over by the
 * first account that shows up there.
 */
export class Clients {
  readonly #run: ReturnType<typeof statements>
  #rows = new LruMap<string, Row>(10_000)
  /** By place: the key of the client with an account that was seen there last. */
  #latest = new LruMap<string, string>(10_000)
  readonly #changed = new Map<number, Row>()

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  /** Changes nothing; null where nobody is known. */
  find(place: ClientPlace, accountKey: string | null): number | null {
    if (accountKey !== null) return this.#read(keyOf(place, accountKey))?.id ?? null
    return (this.#latestAt(place) ?? this.#read(keyOf(place, null)))?.id ?? null
  }

  take(
    place: ClientPlace,
    account: ClientAccount | null,
    makes: boolean,
    sighting: ClientSighting,
  ): number | null {
    const isKnown = account !== null && (account.proven || this.#read(keyOf(place, account.key)) !== null)
    const row = isKnown ? this.#of(place, account, sighting) : this.#anybody(place, makes, sighting)
    if (row === null) return null
    this.#see(row, sighting)
    return row.id
  }

  flush(): void {
    for (const row of this.#changed.values()) {
      const { versions, modes, userAgent, askedAt, lastSequence, lastAt, id } = row
      this.#run.update.run(
        JSON.stringify(versions),
        userAgent,
        JSON.stringify(modes),
        askedAt,
        lastSequence,
        lastAt,
        id,
      )
    }
    this.#changed.clear()
  }

  forget(): void {
    this.#rows = new LruMap(10_000)
    this.#latest = new LruMap(10_000)
    this.#changed.clear()
  }

  #of(place: ClientPlace, account: { id: number; key: string }, sighting: ClientSighting): Row {
    const key = keyOf(place, account.key)
    const row =
      this.#read(key) ?? this.#adopt(place, account.id, key) ?? this.#insert(place, account.id, key, sighting)
    this.#latest.set(placeKey(place), key)
    return row
  }

  #anybody(place: ClientPlace, makes: boolean, sighting: ClientSighting): Row | null {
    const key = keyOf(place, null)
    return (
      this.#latestAt(place) ?? this.#read(key) ?? (makes ? this.#insert(place, null, key, sighting) : null)
    )
  }

  #latestAt(place: ClientPlace): Row | null {
    const name = placeKey(place)
    const known = this.#latest.get(name)
    if (known !== undefined) return known === '' ? null : this.#read(known)
    this.flush()
    const { source, label, program } = place
    const key = this.#run.latest.get(source, label, program)?.key ?? ''
    this.#latest.set(name, key)
    return key === '' ? null : this.#read(key)
  }

  #adopt(place: ClientPlace, account: number, key: string): Row | null {
    const row = this.#read(keyOf(place, null))
    if (row === null) return null
    this.#run.adopt.run(account, key, row.id)
    row.account = account
    this.#rows.delete(keyOf(place, null))
    this.#rows.set(key, row)
    return row
  }

  #insert(place: ClientPlace, account: number | null, key: string, sighting: ClientSighting): Row {
    const { source, label, program } = place
    const { first, firstAt, sequence, at } = sighting
    const made = this.#run.insert.run(key, account, source, label, program, first, sequence, firstAt, at)
    const row: Row = {
      id: Number(made.lastInsertRowid),
      account,
      versions: [],
      modes: [],
      userAgent: null,
      askedAt: null,
      lastSequence: sequence,
      lastAt: at,
    }
    this.#rows.set(key, row)
    return row
  }

  #read(key: string): Row | null {
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    const stored = this.#run.find.get(key)
    if (stored === undefined) return null
    // One that fell out of memory before it was written is still in here.
    const row = this.#changed.get(stored.id) ?? rowOf(stored)
    this.#rows.set(key, row)
    return row
  }

  #see(row: Row, { sequence, at, userAgent, mode, asksRenewalInfo, firstAt }: ClientSighting): void {
    const { version } = productOf(userAgent)
    if (version !== null && !row.versions.includes(version)) {
      row.versions.push(version)
      if (row.versions.length > MOST_VERSIONS) row.versions.shift()
    }
    if (!row.modes.includes(mode)) row.modes.push(mode)
    if (userAgent !== null && sequence >= row.lastSequence) row.userAgent = userAgent
    if (asksRenewalInfo) row.askedAt = Math.max(row.askedAt ?? 0, firstAt)
    row.lastSequence = Math.max(row.lastSequence, sequence)
    row.lastAt = Math.max(row.lastAt, at)
    this.#changed.set(row.id, row)
  }
}

function keyOf(place: ClientPlace, account: string | null): string {
  return objectKey('client', account, place.source, place.program, place.label)
}

function placeKey({ source, label, program }: ClientPlace): string {
  return JSON.stringify([source, label, program])
}

function rowOf(stored: StoredRow): Row {
  return {
    id: stored.id,
    account: stored.account,
    versions: JSON.parse(stored.versions) as string[],
    modes: JSON.parse(stored.modes) as string[],
    userAgent: stored.user_agent,
    askedAt: stored.asked_ari_at,
    lastSequence: stored.last_sequence,
    lastAt: stored.last_at,
  }
}

function statements(db: Database.Database) {
  return {
    find: db.prepare<[string], StoredRow>(
      'select id, account, versions, modes, user_agent, asked_ari_at, last_sequence, last_at from clients where key = ?',
    ),
    latest: db.prepare<unknown[], { key: string }>(
      `select key from clients where source is ? and label is ? and program is ? and account is not null
       order by last_sequence desc, key limit 1`,
    ),
    insert: db.prepare<unknown[]>(
      `insert into clients (key, account, source, label, program, versions, modes, first_sequence, last_sequence, first_at, last_at)
       values (?, ?, ?, ?, ?, '[]', '[]', ?, ?, ?, ?)`,
    ),
    adopt: db.prepare<[number, string, number]>('update clients set account = ?, key = ? where id = ?'),
    update: db.prepare<unknown[]>(
      `update clients set versions = ?, user_agent = ?, modes = ?, asked_ari_at = ?, last_sequence = ?, last_at = ?
       where id = ?`,
    ),
  }
}
