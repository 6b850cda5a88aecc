import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import { type ProblemName, problemUrn } from '../../acme/problem-types.ts'
import type { ExchangeFilter } from '../../audit/record-store.ts'
import { INTENT, OUTCOME, type Tables } from '../tables.ts'
import { builder } from './statements.ts'

/** One exchange as its facts' texts; `outcome` null while it is open. */
export interface ExchangeRow {
  readonly sequence: number
  readonly intent: string
  readonly outcome: string | null
}

/**
 * Exchanges whose intent lies from `low` to `high` and which the filter lets through: a stretch of the record
 * is read as it lies, so that what a question costs is known however old the record is.
 */
export function exchangesBetween(
  filter: ExchangeFilter,
  low: number,
  high: number,
  limit: number,
  order: 'asc' | 'desc',
) {
  let query = builder
    .selectFrom('facts as i')
    .leftJoin('facts as o', (join) =>
      join.onRef('o.exchange', '=', 'i.exchange').on('o.kind', '=', sql.lit(OUTCOME)),
    )
    .select(['i.sequence', 'i.text as intent', 'o.text as outcome'])
    .where('i.sequence', '>=', low)
    .where('i.sequence', '<=', high)
    .where('i.kind', '=', sql.lit(INTENT))
  if (filter.since !== undefined) query = query.where('i.at', '>=', filter.since)
  if (filter.until !== undefined) query = query.where('i.at', '<=', filter.until)
  for (const name of ['ca', 'mode', 'operation'] as const) {
    const value = filter[name]
    if (value !== undefined) query = query.where(member('i', `$.${name}`), '=', value)
  }
  if (filter.outcome !== undefined) query = query.where(member('o', '$.outcome'), '=', filter.outcome)
  if (filter.problem !== undefined) {
    const types = [filter.problem, problemUrn(filter.problem as ProblemName)]
    query = query.where((either) =>
      either.or([
        either(member('o', '$.problem.type'), 'in', types),
        either(member('o', '$.objectError.type'), 'in', types),
      ]),
    )
  }
  for (const name of ['account', 'issuance'] as const) {
    const value = filter[name]
    if (value !== undefined) query = query.where(inEither(`$.${name}`, value))
  }
  if (filter.name !== undefined) query = query.where(named(filter.name))
  return query.orderBy('i.sequence', order).limit(limit) satisfies SelectQueryBuilder<
    Pick<Tables, 'facts'> & { i: Tables['facts']; o: Tables['facts'] | null },
    'i' | 'o',
    ExchangeRow
  >
}

/** Exchanges by the order in which they ended; `sequence` is the outcome's. */
export function endedAfter(sequence: number, limit: number) {
  return builder
    .selectFrom('facts as o')
    .innerJoin('facts as i', (join) =>
      join.onRef('i.exchange', '=', 'o.exchange').on('i.kind', '=', sql.lit(INTENT)),
    )
    .select(['o.sequence', 'i.text as intent', 'o.text as outcome'])
    .where('o.sequence', '>', sequence)
    .where('o.kind', '=', sql.lit(OUTCOME))
    .orderBy('o.sequence')
    .limit(limit)
}

function member(fact: 'i' | 'o', path: string): RawBuilder<string | null> {
  return sql<string | null>`json_extract(${sql.ref(`${fact}.text`)}, ${sql.lit(path)})`
}

function inEither(path: string, value: string): RawBuilder<boolean> {
  return sql<boolean>`(${member('i', path)} = ${value} or ${member('o', path)} = ${value})`
}

function named(value: string): RawBuilder<boolean> {
  const inFact = (fact: 'i' | 'o') =>
    sql`exists (select 1 from json_each(${sql.ref(`${fact}.text`)}, '$.identifiers') as e where json_extract(e.value, '$.value') = ${value})`
  return sql<boolean>`(${inFact('i')} or ${inFact('o')})`
}
