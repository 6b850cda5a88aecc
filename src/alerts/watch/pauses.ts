/** When a place is looked at again. All in ms. */
import type { EndpointState } from '../endpoint.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** After a renewal was seen for its names: when servers have usually taken the new certificate, and when they must have. */
export const AFTER_RENEWAL = [HOUR, 12 * HOUR] as const

/** `failures`: in a row. `random`: 0 to 1. A tenth earlier or later, so that places drift apart. */
export function pauseAfter(
  { newer }: Pick<EndpointState, 'newer'>,
  failures: number,
  every: number,
  random: number,
): number {
  const usual =
    failures > 0
      ? Math.min(every, 5 * MINUTE * 3 ** Math.min(failures - 1, 10))
      : newer === null
        ? every
        : Math.min(every, HOUR)
  return usual * (0.9 + 0.2 * random)
}
