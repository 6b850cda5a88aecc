/**
 * src/audit/inventory/project turns exchanges into what they say of accounts, orders and the rest: pure functions, no
 * SQL, no clock. The same exchange gives the same changes, always. Start with `project.ts`.
 */
import type { Identifier } from '../../../acme/identifier.ts'
import { parseJson } from '../../../exchange/parse-json.ts'
import type { RecordedProblem } from '../../record.ts'
import type { StoredIntent, StoredOutcome } from '../../record-store.ts'

/** An exchange that has ended, and those of its bodies that are kept. */
export interface Seen {
  readonly intent: StoredIntent
  readonly outcome: StoredOutcome
  /** What was asked: the payload of the JWS. Null where there is none, or none is kept any more. */
  readonly payload: unknown
  /** The answer's body. */
  readonly answer: Buffer | null
}

/** What it was: where only the answer showed it, what the answer showed. */
export function operationOf({ intent, outcome }: Pick<Seen, 'intent' | 'outcome'>): string {
  return outcome.operation ?? intent.operation
}

/** The CA did as it was asked. */
export function succeeded({ outcome }: Pick<Seen, 'outcome'>): boolean {
  const { status } = outcome
  return outcome.outcome === 'response' && status !== null && status >= 200 && status <= 299
}

export function answerOf({ answer }: Seen): unknown {
  return parseJson(answer)
}

/** URL of the account that signed: of a newAccount that which the CA answered with. */
export function signerOf({ intent, outcome }: Pick<Seen, 'intent' | 'outcome'>): string | null {
  return intent.operation === 'newAccount' ? outcome.account : (intent.jws?.kid ?? null)
}

/** Names the exchange is about: those its request names or is known to be about, else those of the answer. */
export function identifiersOfExchange({
  intent,
  outcome,
}: Pick<Seen, 'intent' | 'outcome'>): readonly Identifier[] {
  return intent.identifiers.length > 0 ? intent.identifiers : outcome.identifiers
}

/** The error an object tells, in the words the record keeps (redacted). */
export interface ToldError {
  readonly type: string
  readonly detail: string | null
}

export function toldError(problem: RecordedProblem | null): ToldError | null {
  return problem && { type: problem.type, detail: problem.detail }
}

/** RFC 3339 to µs since 1970; null for what is no time. */
export function timeOf(text: string | null): number | null {
  const at = text === null ? Number.NaN : Date.parse(text)
  return Number.isNaN(at) ? null : at * 1000
}

/** Longer is not told apart from junk. */
export const MAX_URL = 2048
