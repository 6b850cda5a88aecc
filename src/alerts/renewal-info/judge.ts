import { member, stringMember } from '../../acme/members.ts'
import { retryAfterSeconds } from '../../acme/retry-after.ts'
import type { Completed, ObservedResponse } from '../../exchange/exchange.ts'
import { parseJson } from '../../exchange/parse-json.ts'

/** µs, as are all of these. */
const MINUTE = 60_000_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** RFC 9773 §4.3.2: where the CA names no time. */
export const USUAL = 6 * HOUR
/** RFC 9773 §4.3.3: so many retries with a growing pause, then it counts as an error that stays. */
const RETRIES = 4

/** What an answer says of when to ask next. */
export interface Judgement {
  /** µs until this certificate is asked about again; null: when the CA can be asked again. */
  readonly again: number | null
  /** Failures in a row, this one with them. */
  readonly failures: number
  /** µs for which the CA is asked nothing at all; 0: as before. */
  readonly pause: number
  /** The CA did not answer as it should: of several in a row it is left alone for a while. */
  readonly isTrouble: boolean
}

/** `completed` is null where there was no exchange. `failures`: in a row before this. `now`: ms since 1970. */
export function judge(completed: Completed | null, failures: number, now: number): Judgement {
  const outcome = completed?.outcome
  // Nothing was asked: acmetap itself could not, or would not.
  if (outcome === undefined || outcome.kind === 'refused')
    return { again: null, failures, pause: 5 * MINUTE, isTrouble: false }
  if (outcome.kind === 'failed') return temporary(failures)
  const { response } = outcome
  const { status } = response
  if (status === 429 || status === 503) {
    const named = retryAfter(response, now)
    return { again: null, failures, pause: clamp(named ?? 5 * MINUTE, MINUTE, HOUR), isTrouble: false }
  }
  if (status >= 500) return temporary(failures)
  if (status !== 200 || !hasWindow(response)) return lasting(failures)
  return {
    again: clamp(retryAfter(response, now) ?? USUAL, MINUTE, DAY),
    failures: 0,
    pause: 0,
    isTrouble: false,
  }
}

function temporary(failures: number): Judgement {
  const again = failures < RETRIES ? MINUTE * 4 ** failures : USUAL
  return { again, failures: failures + 1, pause: 0, isTrouble: true }
}

function lasting(failures: number): Judgement {
  return { again: Math.min(USUAL * 2 ** failures, DAY), failures: failures + 1, pause: 0, isTrouble: false }
}

/** RFC 9773 §4.2. */
function hasWindow({ decoded }: ObservedResponse): boolean {
  const suggested = member(parseJson(decoded), 'suggestedWindow')
  const [start, end] = ['start', 'end'].map((name) => Date.parse(stringMember(suggested, name) ?? ''))
  return start! < end!
}

function retryAfter({ fields }: ObservedResponse, now: number): number | null {
  const said = fields.find(([name]) => name === 'retry-after')?.[1]
  const seconds = said === undefined ? null : retryAfterSeconds(said, now)
  return seconds === null ? null : seconds * 1e6
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}
