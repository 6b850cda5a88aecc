import type Database from 'better-sqlite3'
import type { ChallengeChange } from '../../../audit/inventory/project/change.ts'
import { detailOfError, furthest, mergeStatement } from './merge-statement.ts'
import type { Moment } from './moment.ts'
import { objectKey } from './object-key.ts'

export interface ChallengeRow {
  readonly id: number
  readonly type: string | null
  readonly status: string | null
  readonly answered_at: number | null
  readonly authorization: number | null
}

/** One whose answer a CA may have judged without telling of it yet. */
export interface AnsweredChallenge {
  readonly id: number
  readonly url: string
  readonly type: string | null
  readonly authorization: number
}

/** Rows of challenges, those merely offered included. */
export class Challenges {
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  take(change: ChallengeChange, authorization: number | null, moment: Moment): ChallengeRow {
    const { url, type, status, answeredAt, error } = change
    const { first, firstAt, sequence, at } = moment
    return this.#run.merge.get(
      objectKey('challenge', moment.caName, url),
      moment.ca,
      url,
      authorization,
      moment.account,
      type,
      status,
      answeredAt,
      status === 'valid' || status === 'invalid' ? at : null,
      error?.type ?? null,
      error?.detail ?? null,
      first,
      sequence,
      firstAt,
      at,
    )!
  }

  diagnose(id: number, diagnosis: number): void {
    this.#run.diagnose.run(diagnosis, id)
  }

  /** Whether a failed challenge of the order had been seen by this time. */
  failedOf(order: number, at: number): boolean {
    return this.#run.failed.get(order, at) !== undefined
  }

  /** The challenge that must have failed where an order did: the only one that was answered and is not known to be valid. */
  suspectOf(order: number, at: number): AnsweredChallenge | null {
    const answered = this.suspectsOf(order, at)
    return answered.length === 1 ? answered[0]! : null
  }

  /** Those that were answered and are not known to be valid, at most 20: one of them has failed where an order did. */
  suspectsOf(order: number, at: number): readonly AnsweredChallenge[] {
    return this.#run.answered.all(order, at, at)
  }

  isValid(ca: string, url: string): boolean {
    return this.#run.status.get(objectKey('challenge', ca, url))?.status === 'valid'
  }
}

function statements(db: Database.Database) {
  return {
    merge: db.prepare<unknown[], ChallengeRow>(
      mergeStatement(
        'challenges',
        'key',
        {
          ca: 'first',
          url: 'first',
          authorization: 'first',
          account: 'first',
          type: 'latest',
          status: furthest('challenges', [['pending'], ['processing'], ['valid', 'invalid']]),
          answered_at: 'min',
          judged_at: 'min',
          error_type: 'latest',
          error_detail: detailOfError('challenges'),
          first_sequence: 'min',
          last_sequence: 'max',
          first_at: 'min',
          last_at: 'max',
        },
        'id, type, status, answered_at, authorization',
      ),
    ),
    status: db.prepare<[string], { status: string | null }>('select status from challenges where key = ?'),
    diagnose: db.prepare<[number, number]>('update challenges set diagnosis = ? where id = ?'),
    failed: db.prepare<[number, number], { found: 1 }>(
      `select 1 as found from order_authorizations as oa join challenges as h on h.authorization = oa.authorization
       where oa.order_id = ? and h.status = 'invalid' and h.judged_at <= ? limit 1`,
    ),
    answered: db.prepare<[number, number, number], AnsweredChallenge>(
      `select h.id, h.url, h.type, h.authorization from order_authorizations as oa
       join challenges as h on h.authorization = oa.authorization
       where oa.order_id = ? and h.answered_at <= ? and (h.judged_at is null or h.judged_at > ? or h.status = 'invalid')
       limit 20`,
    ),
  }
}
