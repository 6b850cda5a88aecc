import type Database from 'better-sqlite3'
import type { Diagnosis } from '../../../audit/diagnosis/diagnosis.ts'
import type { Moment } from './moment.ts'
import { objectKey } from './object-key.ts'

export interface FailureFacts {
  readonly mode: number
  readonly operation: number
  readonly names: number | null
  readonly challenge: number | null
  readonly challengeType: string | null
  readonly order: number | null
  readonly outcome: number
  readonly status: number | null
  readonly problem: number | null
  readonly detail: string | null
  readonly diagnosis: Diagnosis
  /** Number of the class. */
  readonly class: number
}

/** Key of the failure that is an exchange itself. */
export function exchangeFailure(exchange: string): string {
  return objectKey('failure of exchange', exchange)
}

/** Key of the failure of a challenge, however often it is polled and by whatever answer it is told. */
export function challengeFailure(ca: string, url: string): string {
  return objectKey('failure of challenge', ca, url)
}

/** Key of the failure of an order that does not say which challenge it was. */
export function orderFailure(orderKey: string): string {
  return objectKey('failure of order', orderKey)
}

/** Rows of failures. Where one was seen first stays; what its challenge says of it wins over what others say. */
export class Failures {
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  /** Leaves one that is there as it is; true where there was none. */
  add(key: string, facts: FailureFacts, moment: Moment): boolean {
    return this.#run.add.run(...values(key, facts, moment)).changes > 0
  }

  /** Whether a request about the order failed with the problem already, before this fact. */
  isToldBefore(order: number, operation: number, problem: number, sequence: number): boolean {
    return this.#run.told.get(order, operation, problem, sequence) !== undefined
  }

  /** The challenge itself tells. What an order had told before was about it. True where nothing had told. */
  ofChallenge(key: string, facts: FailureFacts, moment: Moment, orders: readonly { key: string }[]): boolean {
    let isNew = this.#run.find.get(key) === undefined
    for (const order of orders) {
      const told = orderFailure(order.key)
      if (this.#run.find.get(told) === undefined) continue
      if (this.#run.find.get(key) === undefined) this.#run.rename.run(key, told)
      else this.#run.remove.run(told)
      isNew = false
    }
    this.#run.tell.run(...values(key, facts, moment))
    return isNew
  }
}

function values(key: string, facts: FailureFacts, moment: Moment): unknown[] {
  return [
    key,
    moment.first,
    moment.exchange,
    moment.firstAt,
    moment.ca === 0 ? null : moment.ca,
    facts.mode,
    facts.operation,
    moment.account,
    moment.client,
    facts.names,
    facts.challenge,
    facts.challengeType,
    facts.order,
    facts.outcome,
    facts.status,
    facts.problem,
    facts.detail,
    facts.class,
    JSON.stringify(facts.diagnosis.details),
  ]
}

function statements(db: Database.Database) {
  const insert = `insert into failures (key, sequence, exchange, at, ca, mode, operation, account, client, names, challenge,
    challenge_type, order_id, outcome, status, problem, detail, diagnosis, details)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (key) do`
  return {
    add: db.prepare<unknown[]>(`${insert} nothing`),
    tell: db.prepare<unknown[]>(
      `${insert} update set names = excluded.names, challenge = excluded.challenge,
       challenge_type = coalesce(excluded.challenge_type, failures.challenge_type),
       order_id = coalesce(failures.order_id, excluded.order_id), problem = excluded.problem,
       detail = excluded.detail, diagnosis = excluded.diagnosis, details = excluded.details`,
    ),
    find: db.prepare<[string], { id: number }>('select id from failures where key = ?'),
    told: db.prepare<[number, number, number, number], { id: number }>(
      `select id from failures indexed by failures_order
       where order_id = ? and operation = ? and problem = ? and sequence < ? limit 1`,
    ),
    rename: db.prepare<[string, string]>('update failures set key = ? where key = ?'),
    remove: db.prepare<[string]>('delete from failures where key = ?'),
  }
}
