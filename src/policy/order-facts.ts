import type { AskedOrder } from '../exchange/asked.ts'
import type { OrderFacts } from './facts.ts'

/** RFC 3339 §5.6. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i

/**
 * What a newOrder that came at `at` (ms since 1970) asks for. A time that can't be read makes the validity as long as a
 * number can be: nobody gets past a limit by writing it oddly.
 */
export function orderFactsOf({ profile, notBefore, notAfter, replaces }: AskedOrder, at: number): OrderFacts {
  return { profile, validity: validityOf(notBefore, notAfter, at), replaces: replaces !== null }
}

function validityOf(notBefore: string | null, notAfter: string | null, at: number): number | null {
  if (notAfter === null) return null
  const from = notBefore === null ? at : millisecondsOf(notBefore)
  const validity = millisecondsOf(notAfter) - from
  return Number.isFinite(validity) ? validity : Number.MAX_SAFE_INTEGER
}

function millisecondsOf(text: string): number {
  return INSTANT.test(text) ? Date.parse(text) : Number.NaN
}
