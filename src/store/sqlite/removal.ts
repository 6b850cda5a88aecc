/**
 * The writer's side of what goes: facts and values for their age, a person's values for good. Each call is one
 * transaction of some milliseconds, so that a commit of exchanges never waits for longer than one of them.
 */
import type Database from 'better-sqlite3'
import { sql } from 'kysely'
import type { Anchor } from '../../audit/record-store.ts'
import { decodeBytes, encodeBytes, packBodies, unpackBodies } from '../body-pack.ts'
import { INTENT } from '../tables.ts'
import type { Batch } from './batch.ts'
import { keptDigests } from './kept-bodies.ts'
import { builder, prepare } from './statements.ts'
import type { Writer } from './writer.ts'

/** ms that the work of one call may take, its commit not counted. */
const BUDGET = 3
const FACTS_AT_ONCE = 16
const VALUES_AT_ONCE = 16

/** How far one call came. */
export interface Step {
  readonly removed: number
  readonly done: boolean
}

const nothing = Buffer.alloc(0)

interface BodyRow {
  readonly sequence: number
  readonly codec: number
  readonly size: number
  readonly data: Buffer
  readonly kind: number
  readonly operation: string | null
  readonly asked: string | null
  readonly protected: string | null
  readonly payload: string | null
}

function statements(db: Database.Database) {
  return {
    setMeta: prepare(
      db,
      builder
        .insertInto('meta')
        .values({ name: '', value: '' })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet((values) => ({ value: values.ref('excluded.value') })),
        ),
    ),
    meta: prepare<{ value: string }>(db, builder.selectFrom('meta').select('value').where('name', '=', '')),
    dropMeta: prepare(db, builder.deleteFrom('meta').where('name', '=', '')),
    first: prepare<{ first: number | null }>(
      db,
      builder.selectFrom('facts').select(({ fn }) => fn.min<number | null>('sequence').as('first')),
    ),
    deleteFacts: prepare(db, builder.deleteFrom('facts').where('sequence', '<=', 0)),
    deleteBodies: prepare(db, builder.deleteFrom('bodies').where('sequence', '<=', 0)),
    deleteBodiesOf: prepare(db, builder.deleteFrom('bodies').where('sequence', '=', 0)),
    replaceBodies: prepare(
      db,
      builder.updateTable('bodies').set({ codec: 0, size: 0, data: nothing }).where('sequence', '=', 0),
    ),
    bodies: prepare<BodyRow>(
      db,
      builder
        .selectFrom('bodies as b')
        .innerJoin('facts as f', 'f.sequence', 'b.sequence')
        .leftJoin('facts as i', (join) =>
          join.onRef('i.exchange', '=', 'f.exchange').on('i.kind', '=', sql.lit(INTENT)),
        )
        .select([
          'b.sequence',
          'b.codec',
          'b.size',
          'b.data',
          'f.kind',
          sql<string | null>`json_extract(f.text, '$.operation')`.as('operation'),
          sql<string | null>`json_extract(i.text, '$.operation')`.as('asked'),
          sql<string | null>`json_extract(f.text, '$.jws.protected')`.as('protected'),
          sql<string | null>`json_extract(f.text, '$.jws.payload')`.as('payload'),
        ])
        .where('b.sequence', '>', 0)
        .where('b.sequence', '<=', 0)
        .orderBy('b.sequence')
        .limit(0),
    ),
    personalOfFacts: prepare<{ id: number }>(
      db,
      builder
        .selectFrom('personal_uses')
        .select('id')
        .where('fact', 'is not', null)
        .where('fact', '<=', 0)
        .limit(0),
    ),
    personalUsedBefore: prepare<{ id: number }>(
      db,
      builder.selectFrom('personal_uses').select('id').where('used', '<', 0).limit(0),
    ),
    blobsUsedBefore: prepare<{ id: number }>(
      db,
      builder.selectFrom('blob_uses').select('id').where('used', '<', 0).limit(0),
    ),
    personalByDigest: prepare<{ id: number }>(
      db,
      builder.selectFrom('personal').select('id').where('digest', '=', nothing),
    ),
    deletePersonal: prepare(db, builder.deleteFrom('personal').where('id', '=', 0)),
    deletePersonalUse: prepare(db, builder.deleteFrom('personal_uses').where('id', '=', 0)),
    deleteBlob: prepare(db, builder.deleteFrom('blobs').where('id', '=', 0)),
    deleteBlobUse: prepare(db, builder.deleteFrom('blob_uses').where('id', '=', 0)),
  }
}

export class Removal {
  readonly #db: Database.Database
  readonly #writer: Writer
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database, writer: Writer) {
    this.#db = db
    this.#writer = writer
    this.#run = statements(db)
  }

  /** The chain begins behind the anchor from now on: durable, with the event that tells it, before any fact goes. */
  moveAnchor({ anchor, event }: { readonly anchor: Anchor; readonly event: Batch }): void {
    this.#writer.change((append) => {
      this.#run.setMeta.run('anchor', JSON.stringify(anchor))
      append(event)
    })
  }

  /** Facts up to the anchor, with what they alone refer to but their personal bodies. */
  removeFacts(): Step {
    const { sequence } = this.#anchor()
    return this.#step(() => {
      const first = this.#run.first.get()?.first ?? null
      if (first === null || first > sequence) return null
      const last = Math.min(sequence, first + FACTS_AT_ONCE - 1)
      this.#run.deleteBodies.run(last)
      return this.#run.deleteFacts.run(last).changes
    })
  }

  /** How far {@link removeBodies} has come. */
  bodiesThrough(): number {
    return Number(this.#run.meta.get('bodiesThrough')?.value ?? 0)
  }

  /** Bodies of the facts up to `through` that no inventory is made from; goes on where it was the last time. */
  removeBodies(through: number): Step {
    let done = this.bodiesThrough()
    return this.#counted('bodies', () => {
      const rows = this.#run.bodies.all(done, through, FACTS_AT_ONCE)
      const changed = rows.filter((row) => this.#thin(row)).length
      done = rows.at(-1)?.sequence ?? Math.max(done, through)
      this.#run.setMeta.run('bodiesThrough', String(done))
      return rows.length === 0 ? null : changed
    })
  }

  /** Personal bodies of the facts up to `through`, counted with other bodies where `counted`. */
  removePersonalOf({ through, counted }: { readonly through: number; readonly counted: boolean }): Step {
    const step = () => this.#deletePersonal(this.#run.personalOfFacts.all(through, VALUES_AT_ONCE))
    return counted ? this.#counted('bodies', step, true) : this.#step(step, true)
  }

  /** Personal values no fact has referred to since `before`. */
  removePersonal(before: number): Step {
    return this.#counted(
      'personal',
      () => this.#deletePersonal(this.#run.personalUsedBefore.all(before, VALUES_AT_ONCE)),
      true,
    )
  }

  /** Bodies that facts shared, and none has since `before`. */
  removeBlobs(before: number): Step {
    return this.#step(() => {
      const rows = this.#run.blobsUsedBefore.all(before, VALUES_AT_ONCE)
      for (const { id } of rows) {
        this.#run.deleteBlob.run(id)
        this.#run.deleteBlobUse.run(id)
      }
      this.#writer.forgetShared()
      return rows.length === 0 ? null : rows.length
    })
  }

  /** How many went since the last event that told of it: also of a run that was cut off. */
  pending(what: string): number {
    return Number(this.#run.meta.get(`removed:${what}`)?.value ?? 0)
  }

  /** The event that tells of what is pending, and with it nothing is. */
  tell({ what, event }: { readonly what: string; readonly event: Batch }): void {
    this.#writer.change((append) => {
      this.#run.dropMeta.run(`removed:${what}`)
      append(event)
    })
  }

  /** Personal values by their salted digests (hex), with the event that tells of it where there is one. */
  erase({ digests, event }: { readonly digests: readonly string[]; readonly event: Batch | null }): void {
    this.#overwriting(() =>
      this.#writer.change((append) => {
        for (const digest of digests) {
          const row = this.#run.personalByDigest.get(Buffer.from(digest, 'hex'))
          if (row) this.#deletePersonal([row])
        }
        if (event) append(event)
      }),
    )
  }

  /** The log is empty afterwards, and what it held is in the database alone. False while somebody reads from it. */
  emptyLog(): boolean {
    const rows = this.#db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
    return rows[0]?.busy === 0
  }

  #anchor(): Anchor {
    const text = this.#run.meta.get('anchor')?.value
    return text === undefined ? { sequence: 0, digest: '' } : (JSON.parse(text) as Anchor)
  }

  #deletePersonal(rows: readonly { readonly id: number }[]): number | null {
    for (const { id } of rows) {
      this.#run.deletePersonal.run(id)
      this.#run.deletePersonalUse.run(id)
    }
    this.#writer.forgetShared()
    return rows.length === 0 ? null : rows.length
  }

  /** Whether anything of the row went. */
  #thin(row: BodyRow): boolean {
    const bodies = unpackBodies(decodeBytes(row))
    const keep = keptDigests(row)
    const kept =
      keep === 'all' ? bodies : bodies.filter(({ digest }) => keep.includes(digest.toString('hex')))
    if (kept.length === bodies.length) return false
    if (kept.length === 0) this.#run.deleteBodiesOf.run(row.sequence)
    else {
      const { codec, size, data } = encodeBytes(packBodies(kept))
      this.#run.replaceBodies.run(codec, size, data, row.sequence)
    }
    return true
  }

  /** Some pieces of work, as many as there is time for. A piece says how many it removed; null: nothing is left. */
  #step(piece: () => number | null, overwrite = false, after?: (removed: number) => void): Step {
    const work = () => {
      let removed = 0
      let done = false
      this.#writer.change(() => {
        const end = performance.now() + BUDGET
        do {
          const count = piece()
          done = count === null
          removed += count ?? 0
        } while (!done && performance.now() < end)
        after?.(removed)
      })
      return { removed, done }
    }
    return overwrite ? this.#overwriting(work) : work()
  }

  #counted(what: string, piece: () => number | null, overwrite = false): Step {
    const name = `removed:${what}`
    return this.#step(piece, overwrite, (removed) => {
      if (removed > 0) this.#run.setMeta.run(name, String(this.pending(what) + removed))
    })
  }

  /** Pages that become free are overwritten too, and not only what is taken out of those that stay. */
  #overwriting<T>(work: () => T): T {
    this.#db.pragma('secure_delete = ON')
    try {
      return work()
    } finally {
      this.#db.pragma('secure_delete = FAST')
    }
  }
}
