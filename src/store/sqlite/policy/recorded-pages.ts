import type Database from 'better-sqlite3'
import type { StoredIntent } from '../../../audit/record-store.ts'
import { LruMap } from '../../../exchange/lru-map.ts'
import type { RecordedEnd } from '../../../policy/recorded-request.ts'
import { INTENT, OUTCOME } from '../../tables.ts'

/** Facts that one read passes: some tens of ms, and a snapshot of its own. */
const STRETCH = 4_000
/** Facts by which the order of the record and that of its times may differ. */
const SLACK = 2_000
const MOST_TEXTS = 20_000

export interface RecordedRow {
  readonly intent: StoredIntent
  /** Null while it runs. */
  readonly outcome: RecordedOutcome | null
}

/** What a replay reads of an outcome, which is much longer. */
export interface RecordedOutcome extends RecordedEnd {
  readonly sequence: number
}

export interface RecordedPage {
  /** In the order of their intents. */
  readonly rows: readonly RecordedRow[]
  /** Sequence number of the last fact that was passed. */
  readonly passed: number
}

/** Exchanges of some operations in the order of the record, over a connection that can't write. */
export class RecordedPages {
  readonly #db: Database.Database
  readonly #run: ReturnType<typeof statements>
  readonly #texts = new LruMap<string, string | null>(MOST_TEXTS)

  constructor(db: Database.Database, operations: readonly string[]) {
    this.#db = db
    this.#run = statements(db, operations)
  }

  /** The first and last fact that are there; null for an empty record. */
  ends(): { readonly first: number; readonly last: number } | null {
    const { first, last } = this.#run.ends.get() ?? { first: null, last: null }
    return first === null || last === null ? null : { first, last }
  }

  /** Facts from the beginning went for their age. */
  isCut(): boolean {
    return this.#run.anchor.get() !== undefined
  }

  /** µs: of the first fact from this one on. */
  timeOf(sequence: number): number | null {
    return this.#run.time.get(sequence)?.at ?? null
  }

  /** Sequence number from which on facts are of `at` (µs) and later, or some before it. */
  sequenceAt(at: number): number {
    const ends = this.ends()
    if (ends === null) return 0
    let low = ends.first
    let high = ends.last + 1
    while (low < high) {
      const middle = (low + high) >>> 1
      const time = this.timeOf(middle)
      if (time !== null && time < at) low = middle + 1
      else high = middle
    }
    return Math.max(ends.first, low - SLACK)
  }

  /** Facts after `sequence`, up to `last`. */
  after(sequence: number, last: number): RecordedPage {
    const passed = Math.min(last, sequence + STRETCH)
    const rows = this.#run.page.all(sequence, passed).map(({ text, ended, end }) => {
      const intent = JSON.parse(text) as StoredIntent
      if (ended === null || end === null) return { intent, outcome: null }
      const [outcome, status, account] = JSON.parse(end) as [string, number | null, string | null]
      return { intent, outcome: { sequence: ended, exchange: intent.exchange, outcome, status, account } }
    })
    return { rows, passed }
  }

  /** Personal values that are still kept, by name; bodies are not among them. */
  personal({ personal }: StoredIntent): Record<string, string> {
    const texts: Record<string, string> = {}
    for (const [name, digest] of Object.entries(personal)) {
      const text = this.#text(digest)
      if (text !== null) texts[name] = text
    }
    return texts
  }

  close(): void {
    this.#db.close()
  }

  #text(digest: string): string | null {
    const known = this.#texts.get(digest)
    if (known !== undefined) return known
    const row = this.#run.personal.get(Buffer.from(digest, 'hex'))
    const text = row === undefined ? null : row.value.toString('utf8')
    this.#texts.set(digest, text)
    return text
  }
}

interface PageRow {
  readonly text: string
  readonly ended: number | null
  /** JSON: outcome, status, account. */
  readonly end: string | null
}

const MEMBER = '"operation":"'

/**
 * Before `operation` stands nothing in an intent that a client could write, so its first place in the text is the
 * member's own; looking there is some ten times as fast as to parse what is not wanted.
 */
function statements(db: Database.Database, operations: readonly string[]) {
  const wanted = operations.map((name) => `'${name.slice(0, 5)}'`).join(', ')
  return {
    page: db.prepare<[number, number], PageRow>(
      `select i.text, o.sequence as ended, json_extract(o.text, '$.outcome', '$.status', '$.account') as end from facts i
       left join facts o on o.exchange = i.exchange and o.kind = ${OUTCOME}
       where i.sequence > ? and i.sequence <= ? and i.kind = ${INTENT}
       and substr(i.text, instr(i.text, '${MEMBER}') + ${MEMBER.length}, 5) in (${wanted})
       order by i.sequence`,
    ),
    ends: db.prepare<[], { first: number | null; last: number | null }>(
      'select (select min(sequence) from facts) as first, (select max(sequence) from facts) as last',
    ),
    anchor: db.prepare<[], { value: string }>("select value from meta where name = 'anchor'"),
    time: db.prepare<[number], { at: number }>(
      'select at from facts where sequence >= ? order by sequence limit 1',
    ),
    personal: db.prepare<[Buffer], { value: Buffer }>(
      "select value from personal where digest = ? and kind <> 'body'",
    ),
  }
}
