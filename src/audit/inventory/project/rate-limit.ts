import { problemShortName } from '../../../acme/problem-types.ts'
import type { Diagnosis } from '../../diagnosis/diagnosis.ts'
import { isOfPolicy } from './policy.ts'
import { type Seen, timeOf } from './seen.ts'

/** A limit that the CA, or acmetap's own pacing, applied to an exchange. */
export interface RateLimitSaid {
  readonly by: 'ca' | 'acmetap'
  readonly limit: string
  readonly key: string | null
  /** µs. */
  readonly until: number | null
  readonly detail: string | null
}

/** RFC 8555 §6.6, and a front end that is busy (503). Null for what is no limit. */
export function rateLimitSaid(
  { intent, outcome }: Pick<Seen, 'intent' | 'outcome'>,
  diagnosis: Diagnosis | null,
): RateLimitSaid | null {
  const { problem, status } = outcome
  const isLimit = problem !== null && problemShortName(problem.type) === 'rateLimited'
  const { decision } = intent
  const isPacing = decision.rule === 'paced-out' && !isOfPolicy(decision)
  const byPacing = outcome.outcome === 'refused' && isLimit && isPacing
  const byCa =
    outcome.outcome === 'response' && (isLimit || status === 429 || isBusy(status, problem, outcome))
  if (!byPacing && !byCa) return null
  const { limit, key, until } = diagnosis?.details ?? {}
  return {
    by: byCa ? 'ca' : 'acmetap',
    limit: limit ?? (byPacing ? 'pacing' : 'unknown'),
    key: key ?? null,
    until: timeOf(until ?? null) ?? untilOf(outcome),
    detail: problem?.detail ?? null,
  }
}

/** A CA that answers 503 and when to come again is busy; any other 503 is out of order. */
function isBusy(
  status: number | null,
  problem: Seen['outcome']['problem'],
  { retryAfter }: Seen['outcome'],
): boolean {
  return status === 503 && (retryAfter !== null || /\bbusy\b/i.test(problem?.detail ?? ''))
}

function untilOf({ at, retryAfter, problem }: Seen['outcome']): number | null {
  const told = /\bretry in (\d{1,6}) s\b/.exec(problem?.detail ?? '')?.[1]
  const seconds = retryAfter ?? (told === undefined ? null : Number(told))
  return seconds === null ? null : at + seconds * 1e6
}
