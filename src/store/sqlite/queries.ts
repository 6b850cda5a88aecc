/** The reader's questions, over one read-only connection: in the reader's thread while serving, in-process for the CLI. */
import { setImmediate } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import { sql } from 'kysely'
import type { Person } from '../../audit/person.ts'
import type { Anchor, ExchangeFilter, RecordTally } from '../../audit/record-store.ts'
import type { ExchangeId } from '../../exchange/exchange-id.ts'
import { decodeBytes, unpackBodies } from '../body-pack.ts'
import { exchangeIdOf, exchangeKey } from '../exchange-key.ts'
import { resourcePlace } from '../resource-place.ts'
import { INTENT, OUTCOME } from '../tables.ts'
import { type ExchangeRow, endedAfter, exchangesBetween } from './exchange-query.ts'
import { type PersonPage, searchPerson } from './person-search.ts'
import { type Prunable, prunable } from './prunable.ts'
import { all, builder, prepare } from './statements.ts'

const nothing = Buffer.alloc(0)

/** Facts that one step of a search reads: some tens of ms, between which the connection answers others. */
const STRETCH = 2_000
const FACTS_LIMIT = 10_000
const EXCHANGES_LIMIT = 1_000
const VALUES_AT_ONCE = 500

export interface PersonalText {
  readonly name: string
  readonly value: string
}

/** An exchange as texts, to be parsed by who asked. */
export interface ExchangeTexts {
  readonly intent: string
  readonly outcome: string | null
  readonly personal: readonly PersonalText[]
}

export interface EndedTexts extends ExchangeTexts {
  readonly sequence: number
}

export interface FactRow {
  readonly sequence: number
  readonly text: string
  readonly digest: string
  readonly kind: number
  readonly exchange: string
  readonly at: number
}

export interface ResourceRow {
  readonly url: string
  readonly content: string
}

export interface AccountKeyRow {
  readonly ca: string
  readonly account: string
  readonly jwk: string
  readonly thumbprint: string
  readonly source: string
}

export interface KeptValuesPage {
  readonly values: readonly { digest: string; salt: Uint8Array | null; bytes: Uint8Array }[]
  readonly next: string | null
}

interface CodedRow {
  readonly codec: number
  readonly size: number
  readonly data: Buffer
}

function statements(db: Database.Database) {
  return {
    resources: prepare<ResourceRow>(
      db,
      builder
        .selectFrom('resources')
        .select(['url', 'content'])
        .where('place', '=', 0)
        .where('ca', '=', '')
        .where('authority', '=', '')
        .where('canonical', '=', ''),
    ),
    accountKey: prepare<AccountKeyRow>(
      db,
      builder.selectFrom('account_keys').selectAll().where('ca', '=', '').where('account', '=', ''),
    ),
    factsOf: prepare<{ sequence: number; kind: number; text: string }>(
      db,
      builder
        .selectFrom('facts')
        .select(['sequence', 'kind', 'text'])
        .where('exchange', '=', nothing)
        .orderBy('sequence'),
    ),
    ends: prepare<{ first: number | null; last: number | null }>(
      db,
      builder.selectNoFrom(({ selectFrom }) => [
        selectFrom('facts')
          .select(({ fn }) => fn.min<number | null>('sequence').as('first'))
          .as('first'),
        selectFrom('facts')
          .select(({ fn }) => fn.max<number | null>('sequence').as('last'))
          .as('last'),
      ]),
    ),
    // One statement, so that all numbers are of the same moment.
    tally: prepare<{ last: number | null; open: number; events: number | null }>(
      db,
      builder.selectNoFrom(({ selectFrom }) => [
        selectFrom('facts')
          .select(({ fn }) => fn.max<number | null>('sequence').as('last'))
          .as('last'),
        selectFrom('open_intents')
          .select(({ fn }) => fn.countAll<number>().as('open'))
          .as('open'),
        selectFrom('meta')
          .select(sql<number>`cast(value as integer)`.as('events'))
          .where('name', '=', sql.lit('events'))
          .as('events'),
      ]),
    ),
    anchor: prepare<{ value: string }>(
      db,
      builder.selectFrom('meta').select('value').where('name', '=', sql.lit('anchor')),
    ),
    bodiesOf: prepare<CodedRow>(
      db,
      builder
        .selectFrom('bodies')
        .innerJoin('facts', 'facts.sequence', 'bodies.sequence')
        .select(['bodies.codec', 'bodies.size', 'bodies.data'])
        .where('facts.exchange', '=', nothing),
    ),
    blob: prepare<CodedRow>(
      db,
      builder.selectFrom('blobs').select(['codec', 'size', 'data']).where('digest', '=', nothing),
    ),
    personal: prepare<{ kind: string; value: Buffer }>(
      db,
      builder.selectFrom('personal').select(['kind', 'value']).where('digest', '=', nothing),
    ),
  }
}

export class Queries {
  readonly #db: Database.Database
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#db = db
    this.#run = statements(db)
  }

  resources(ca: string, authority: string, canonical: string): ResourceRow[] {
    return this.#run.resources.all(resourcePlace(ca, authority, canonical), ca, authority, canonical)
  }

  accountKey(ca: string, account: string): AccountKeyRow | null {
    return this.#run.accountKey.get(ca, account) ?? null
  }

  accountKeys(): AccountKeyRow[] {
    return all(this.#db, builder.selectFrom('account_keys').selectAll().orderBy('ca').orderBy('account'))
  }

  exchange(id: ExchangeId): ExchangeTexts | null {
    const facts = this.#run.factsOf.all(exchangeKey(id))
    const intent = facts.find(({ kind }) => kind === INTENT)?.text
    if (intent === undefined) return null
    const outcome = facts.find(({ kind }) => kind === OUTCOME)?.text ?? null
    return { intent, outcome, personal: this.#personalOf(intent, outcome) }
  }

  /** Reads a stretch of the record at a time, each its own short snapshot, and lets others in between. */
  async exchanges(filter: ExchangeFilter, limit: number): Promise<ExchangeTexts[]> {
    const wanted = bounded(limit, EXCHANGES_LIMIT)
    const { first, last } = this.#run.ends.get() ?? { first: null, last: null }
    const ascending = filter.after !== undefined && filter.before === undefined
    const lowest = Math.max(first ?? 1, (filter.after ?? 0) + 1)
    const highest = Math.min(last ?? 0, (filter.before ?? Infinity) - 1)
    const found: ExchangeRow[] = []
    for (let done = 0; done <= highest - lowest && found.length < wanted; done += STRETCH) {
      if (done > 0) await setImmediate()
      const low = ascending ? lowest + done : Math.max(lowest, highest - done - STRETCH + 1)
      const high = ascending ? Math.min(highest, low + STRETCH - 1) : highest - done
      const order = ascending ? 'asc' : 'desc'
      found.push(...all(this.#db, exchangesBetween(filter, low, high, wanted - found.length, order)))
    }
    return found.map(({ intent, outcome }) => ({
      intent,
      outcome,
      personal: this.#personalOf(intent, outcome),
    }))
  }

  outcomesAfter(sequence: number, limit: number): EndedTexts[] {
    return all(this.#db, endedAfter(sequence, bounded(limit, EXCHANGES_LIMIT))).map((row) => ({
      ...row,
      personal: this.#personalOf(row.intent, row.outcome),
    }))
  }

  /** Every fact but events and the intents that are still open belongs to a pair; those that went for their age count on. */
  tally(): RecordTally {
    const { last, open, events } = this.#run.tally.get() ?? { last: null, open: 0, events: 0 }
    const sequence = last ?? 0
    return { sequence, outcomes: Math.floor((sequence - (events ?? 0) - open) / 2) }
  }

  body(exchange: ExchangeId, digest: string): Buffer | null {
    const key = Buffer.from(digest, 'hex')
    for (const row of this.#run.bodiesOf.all(exchangeKey(exchange))) {
      const body = unpackBodies(decodeBytes(row)).find((packed) => packed.digest.equals(key))
      if (body) return Buffer.from(body.bytes)
    }
    const blob = this.#run.blob.get(key)
    if (blob) return decodeBytes(blob)
    return this.#run.personal.get(key)?.value ?? null
  }

  facts(from: number, limit: number): FactRow[] {
    const query = builder
      .selectFrom('facts')
      .select(['sequence', 'text', 'digest', 'kind', 'exchange', 'at'])
      .where('sequence', '>=', from)
      .orderBy('sequence')
      .limit(bounded(limit, FACTS_LIMIT))
    return all(this.#db, query).map((row) => ({
      ...row,
      text: typeof row.text === 'string' ? row.text : '',
      digest: blobOf(row.digest).toString('hex'),
      exchange: exchangeIdOf(blobOf(row.exchange)),
    }))
  }

  anchor(): Anchor | null {
    const text = this.#run.anchor.get()?.value
    return text === undefined ? null : (JSON.parse(text) as Anchor)
  }

  /** See `prunable.ts`. */
  prunable(before: number, through: number, after: number): Promise<Prunable> {
    return prunable(this.#db, before, through, after)
  }

  /** See `person-search.ts`. */
  namedBy(person: Person, after: number): PersonPage {
    return searchPerson(this.#db, person, after)
  }

  /** The cursor names a table and the last row read of it. */
  keptValues(cursor: string): KeptValuesPage {
    const [table = 'bodies', row = '0'] = cursor === '' ? [] : cursor.split(':')
    const after = Number(row)
    if (table === 'bodies') {
      const rows = all(
        this.#db,
        builder
          .selectFrom('bodies')
          .selectAll()
          .where('sequence', '>', after)
          .orderBy('sequence')
          .limit(VALUES_AT_ONCE),
      )
      const values = rows.flatMap((coded) => packedValues(coded))
      return { values, next: rows.length > 0 ? `bodies:${rows.at(-1)!.sequence}` : 'blobs:0' }
    }
    if (table === 'blobs') {
      const rows = all(
        this.#db,
        builder.selectFrom('blobs').selectAll().where('id', '>', after).orderBy('id').limit(VALUES_AT_ONCE),
      )
      const values = rows.map((coded) => ({
        digest: blobOf(coded.digest).toString('hex'),
        salt: null,
        bytes: decodedOrNothing(coded),
      }))
      return { values, next: rows.length > 0 ? `blobs:${rows.at(-1)!.id}` : 'personal:0' }
    }
    const rows = all(
      this.#db,
      builder.selectFrom('personal').selectAll().where('id', '>', after).orderBy('id').limit(VALUES_AT_ONCE),
    )
    const values = rows.map(({ digest, salt, value }) => ({
      digest: blobOf(digest).toString('hex'),
      salt: blobOf(salt),
      bytes: blobOf(value),
    }))
    return { values, next: rows.length > 0 ? `personal:${rows.at(-1)!.id}` : null }
  }

  close(): void {
    this.#db.close()
  }

  /** Values still kept of what both facts name; an outcome's wins over its intent's. Bodies are not among them. */
  #personalOf(intent: string, outcome: string | null): PersonalText[] {
    const found: PersonalText[] = []
    for (const text of [intent, outcome]) {
      if (text === null || text.includes('"personal":{}')) continue
      const { personal } = JSON.parse(text) as { personal: Record<string, string> }
      for (const [name, digest] of Object.entries(personal)) {
        const row = this.#run.personal.get(Buffer.from(digest, 'hex'))
        if (row && row.kind !== 'body') found.push({ name, value: row.value.toString('utf8') })
      }
    }
    return found
  }
}

function bounded(limit: number, most: number): number {
  return Math.max(1, Math.min(most, Math.floor(limit)))
}

/** A column's bytes; none when a stranger's hand has put another type there. */
function blobOf(value: unknown): Buffer {
  return Buffer.isBuffer(value) ? value : nothing
}

/** Bytes that can't be read are shown as none at all: their digest then does not match. */
function decodedOrNothing(row: CodedRow): Buffer {
  try {
    return decodeBytes(row)
  } catch {
    return nothing
  }
}

function packedValues(row: CodedRow & { sequence: number }): KeptValuesPage['values'] {
  try {
    return unpackBodies(decodeBytes(row)).map(({ digest, bytes }) => ({
      digest: digest.toString('hex'),
      salt: null,
      bytes,
    }))
  } catch {
    return [{ digest: `bodies of fact ${row.sequence}`, salt: null, bytes: nothing }]
  }
}
