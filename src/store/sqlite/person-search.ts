import type Database from 'better-sqlite3'
import { type Person, testFor } from '../../audit/person.ts'
import { all, builder } from './statements.ts'

/** Rows that one step reads: some tens of ms where all are bodies. */
const ROWS = 500

export interface Found {
  /** Hex: the salted digest it stands under. */
  readonly digest: string
  readonly kind: string
}

export interface PersonPage {
  readonly found: readonly Found[]
  /** Where to go on; null at the end. */
  readonly next: number | null
}

/**
 * Kept personal values that name the person. Of a body that does, everything personal of its exchange is named: the
 * signature over it, and the other side's body.
 */
export function searchPerson(db: Database.Database, person: Person, after: number): PersonPage {
  const test = testFor(person)
  const rows = all(
    db,
    builder
      .selectFrom('personal')
      .leftJoin('personal_uses', 'personal_uses.id', 'personal.id')
      .select(['personal.id', 'digest', 'kind', 'value', 'fact'])
      .where('personal.id', '>', after)
      .orderBy('personal.id')
      .limit(ROWS),
  )
  const found: Found[] = []
  for (const { id, digest, kind, value, fact } of rows) {
    if (!test(kind, value)) continue
    found.push({ digest: digest.toString('hex'), kind })
    if (kind === 'body') found.push(...(fact === null ? signatureBehind(db, id) : bodiesAround(db, fact)))
  }
  return { found, next: rows.length === ROWS ? rows.at(-1)!.id : null }
}

/** Personal bodies of both facts of the exchange. */
function bodiesAround(db: Database.Database, fact: number): Found[] {
  const rows = all(
    db,
    builder
      .selectFrom('facts as f')
      .innerJoin('facts as g', 'g.exchange', 'f.exchange')
      .innerJoin('personal_uses as u', 'u.fact', 'g.sequence')
      .innerJoin('personal as p', 'p.id', 'u.id')
      .select(['p.digest', 'p.kind'])
      .where('f.sequence', '=', fact),
  )
  return rows.map(({ digest, kind }) => ({ digest: digest.toString('hex'), kind }))
}

/** Where the fact was not written down with its bodies: a payload's signature is the row made next, and is no text. */
function signatureBehind(db: Database.Database, id: number): Found[] {
  const rows = all(
    db,
    builder
      .selectFrom('personal')
      .select(['digest', 'kind', 'value'])
      .where('id', '=', id + 1)
      .where('kind', '=', 'body'),
  )
  return rows
    .filter(({ value }) => !/^\s*[{[<]/.test(value.toString('latin1')))
    .map(({ digest, kind }) => ({ digest: digest.toString('hex'), kind }))
}
