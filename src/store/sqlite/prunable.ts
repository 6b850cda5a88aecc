import { setImmediate } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import { sql } from 'kysely'
import type { Anchor } from '../../audit/record-store.ts'
import { INTENT, OUTCOME } from '../tables.ts'
import { all, builder } from './statements.ts'

/** Facts that one step looks at: some ms, between which the connection answers others. */
const STRETCH = 1_000
/** How far back an end is looked for that no exchange lies across. */
const CLEAN_CUT = 2_000

export interface Prunable {
  /** The first of them; null where there is none. */
  readonly first: number | null
  /** The last fact that may go; null where none may. */
  readonly last: Anchor | null
  /** What no fact behind it refers to was last used before this, µs. */
  readonly unusedBefore: number
}

/**
 * The facts from the record's beginning, or behind `after`, that are all older than `before`, are not above `through`, and have no open
 * intent before or among them. One young fact ends them, whatever stands behind it: a clock may have been wrong. The
 * cut is made where no exchange lies across it, if there is such a place near: otherwise outcomes are left whose
 * intents have gone.
 */
export async function prunable(
  db: Database.Database,
  before: number,
  through: number,
  after: number,
): Promise<Prunable> {
  const first = all(
    db,
    builder.selectFrom('facts').select('sequence').where('sequence', '>', after).orderBy('sequence').limit(1),
  )[0]?.sequence
  if (first === undefined) return { first: null, last: null, unusedBefore: 0 }
  const highest = Math.min(through, firstOpenIntent(db) - 1)
  let last = first - 1
  let next = { at: before }
  for (;;) {
    const facts = all(
      db,
      builder
        .selectFrom('facts')
        .select(['sequence', 'at'])
        .where('sequence', '>', last)
        .orderBy('sequence')
        .limit(STRETCH),
    )
    const end = facts.findIndex(({ sequence, at }) => sequence > highest || at >= before)
    if (end >= 0) next = facts[end]!
    last = (end < 0 ? facts : facts.slice(0, end)).at(-1)?.sequence ?? last
    if (end >= 0 || facts.length < STRETCH) break
    await setImmediate()
  }
  const cut = cleanCut(db, first, last)
  const [fact] = all(
    db,
    builder.selectFrom('facts').select(['sequence', 'digest']).where('sequence', '=', cut),
  )
  return {
    first,
    last: fact ? { sequence: fact.sequence, digest: fact.digest.toString('hex') } : null,
    unusedBefore: Math.min(before, next.at),
  }
}

function firstOpenIntent(db: Database.Database): number {
  const [row] = all(
    db,
    builder
      .selectFrom('open_intents as o')
      .innerJoin('facts as f', (join) =>
        join.onRef('f.exchange', '=', 'o.exchange').on('f.kind', '=', sql.lit(INTENT)),
      )
      .select(({ fn }) => fn.min<number | null>('f.sequence').as('first')),
  )
  return row?.first ?? Number.POSITIVE_INFINITY
}

/** The last place up to `last` that no exchange lies across; `last` where none is near. */
function cleanCut(db: Database.Database, first: number, last: number): number {
  const lowest = Math.max(first, last - CLEAN_CUT)
  const facts = all(
    db,
    builder
      .selectFrom('facts')
      .select(['sequence', 'exchange', 'kind'])
      .where('sequence', '>=', lowest)
      .where('sequence', '<=', last)
      .orderBy('sequence', 'desc'),
  )
  const ends = new Map<string, number>()
  let cut = last
  for (const { sequence, exchange, kind } of facts) {
    const id = exchange.toString('hex')
    if (kind === OUTCOME) ends.set(id, sequence)
    if (kind === INTENT && (ends.get(id) ?? Number.POSITIVE_INFINITY) > cut) cut = sequence - 1
  }
  return cut < lowest && lowest > first ? last : cut
}
