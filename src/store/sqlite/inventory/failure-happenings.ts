import type { DiagnosisClass } from '../../../audit/diagnosis/classes.ts'
import type { HappeningOf } from '../../../audit/inventory/happening.ts'
import type { RateLimitSaid } from '../../../audit/inventory/project/rate-limit.ts'
import { timeOf } from '../../../audit/inventory/project/seen.ts'
import { instantOf } from '../../../audit/inventory/values.ts'
import type { FailureFacts } from './failures.ts'
import type { ExchangeShown, HappeningRows } from './happening-rows.ts'
import type { Moment } from './moment.ts'

type Failed = HappeningOf<'failed'>

/** A failure that was seen first, beside what its row has. */
interface ShownFailure extends Pick<Failed, 'failure' | 'validation' | 'shownBy'> {
  readonly outcome: string
  readonly problem: string | null
  /** What the exchange said of a limit. */
  readonly limit: RateLimitSaid | null
}

/** Says what failures were seen first: that something failed, and where a limit made it fail, that limit. */
export class FailureHappenings {
  readonly #rows: HappeningRows

  constructor(rows: HappeningRows) {
    this.#rows = rows
  }

  add(
    shown: ShownFailure,
    facts: Omit<FailureFacts, keyof ExchangeShown>,
    moment: Moment,
    exchange: ExchangeShown,
  ): void {
    const { failure, validation, shownBy, outcome, problem } = shown
    const { challengeType, status, detail, diagnosis } = facts
    this.#rows.add(
      'failed',
      {
        failure,
        validation,
        shownBy,
        challengeType,
        outcome,
        status,
        problem: problem === null ? null : { type: problem, detail },
        class: diagnosis.class,
        details: diagnosis.details,
      },
      facts,
      moment,
      exchange,
    )
    const limit = limitOf(shown, facts)
    if (limit === null) return
    const { by, key, until } = limit
    this.#rows.add(
      'limited',
      {
        by,
        limit: limit.limit,
        key,
        until: until === null || until > LAST_INSTANT ? null : instantOf(until),
        status,
        detail: limit.detail,
      },
      facts,
      moment,
      exchange,
    )
  }
}

/** µs: the end of the year 9999. Whoever says how long to wait may say anything. */
const LAST_INSTANT = 253_402_300_799e6

const LIMITS: ReadonlySet<DiagnosisClass> = new Set(['rate-limit', 'ca-busy'])

/** A text may tell of a limit where neither status nor type does. */
function limitOf(
  { limit }: ShownFailure,
  { diagnosis, detail }: Pick<FailureFacts, 'diagnosis' | 'detail'>,
): RateLimitSaid | null {
  if (limit?.by === 'acmetap') return limit
  if (!LIMITS.has(diagnosis.class)) return null
  const { details } = diagnosis
  return (
    limit ?? {
      by: 'ca',
      limit: details.limit ?? 'unknown',
      key: details.key ?? null,
      until: timeOf(details.until ?? null),
      detail,
    }
  )
}
