import type Database from 'better-sqlite3'
import type { StoredIntent } from '../../../audit/record-store.ts'
import { LruMap } from '../../../exchange/lru-map.ts'
import { decodeBytes, unpackBodies } from '../../body-pack.ts'
import { exchangeKey } from '../../exchange-key.ts'
import { INTENT } from '../../tables.ts'

export interface FactRow {
  readonly sequence: number
  readonly kind: number
  readonly text: string
  readonly digest: Buffer
}

interface CodedRow {
  readonly codec: number
  readonly size: number
  readonly data: Buffer
}

/** The facts of a record in their order, and the bodies they name, over a connection that can't write. */
export class RecordFacts {
  readonly #db: Database.Database
  readonly #run: ReturnType<typeof statements>
  /** An outcome mostly comes soon after its intent. */
  #intents = new LruMap<string, StoredIntent>(4_000)

  constructor(db: Database.Database) {
    this.#db = db
    this.#run = statements(db)
  }

  /** Facts above `sequence`, in order. */
  after(sequence: number, limit: number): FactRow[] {
    return this.#run.after.all(sequence, limit)
  }

  /** Sequence number of the last fact; 0 when there is none. */
  last(): number {
    return this.#run.last.get()?.sequence ?? 0
  }

  /** Of the first fact that is still there; null when there is none. */
  first(): number | null {
    return this.#run.first.get()?.sequence ?? null
  }

  /** Hex; null where the fact is not there. */
  digestOf(sequence: number): string | null {
    return this.#run.digest.get(sequence)?.digest.toString('hex') ?? null
  }

  /** µs: of the last fact; null when there is none. */
  lastAt(): number | null {
    const row = this.#run.newest.get()
    return row === undefined ? null : (JSON.parse(row.text) as { at: number }).at
  }

  stream(): string | null {
    return this.#run.stream.get()?.value ?? null
  }

  remember(intent: StoredIntent): void {
    this.#intents.set(intent.exchange, intent)
  }

  /** Null where the intent is gone for its age. */
  intentOf(exchange: string): StoredIntent | null {
    const known = this.#intents.get(exchange)
    if (known) {
      this.#intents.delete(exchange)
      return known
    }
    const row = this.#run.intent.get(exchangeKey(exchange))
    return row ? (JSON.parse(row.text) as StoredIntent) : null
  }

  /** A body that the fact of this number names, by its digest (hex); null when it is not kept. */
  body(sequence: number, digest: string): Buffer | null {
    const key = Buffer.from(digest, 'hex')
    const packed = this.#run.bodies.get(sequence)
    if (packed) {
      const found = unpackBodies(decodeBytes(packed)).find((body) => body.digest.equals(key))
      if (found) return Buffer.from(found.bytes)
    }
    return this.repeating(digest)
  }

  /** A body that is stored once for all facts. */
  repeating(digest: string): Buffer | null {
    const row = this.#run.blob.get(Buffer.from(digest, 'hex'))
    return row ? decodeBytes(row) : null
  }

  /** A body that holds personal data, by its salted digest (hex). */
  personal(digest: string): Buffer | null {
    return this.#run.personal.get(Buffer.from(digest, 'hex'))?.value ?? null
  }

  close(): void {
    this.#db.close()
  }
}

function statements(db: Database.Database) {
  return {
    after: db.prepare<[number, number], FactRow>(
      'select sequence, kind, text, digest from facts where sequence > ? order by sequence limit ?',
    ),
    last: db.prepare<[], { sequence: number | null }>('select max(sequence) as sequence from facts'),
    first: db.prepare<[], { sequence: number | null }>('select min(sequence) as sequence from facts'),
    newest: db.prepare<[], { text: string }>('select text from facts order by sequence desc limit 1'),
    digest: db.prepare<[number], { digest: Buffer }>('select digest from facts where sequence = ?'),
    stream: db.prepare<[], { value: string }>("select value from meta where name = 'stream'"),
    intent: db.prepare<[Buffer], { text: string }>(
      `select text from facts where exchange = ? and kind = ${INTENT}`,
    ),
    bodies: db.prepare<[number], CodedRow>('select codec, size, data from bodies where sequence = ?'),
    blob: db.prepare<[Buffer], CodedRow>('select codec, size, data from blobs where digest = ?'),
    personal: db.prepare<[Buffer], { value: Buffer }>('select value from personal where digest = ?'),
  }
}
