import type { Instant } from './exchange.ts'

/** Where the program takes its time from: durations come from the monotonic clock, never from the wall. */
export interface Clock {
  now(): Instant
}

/**
 * The system's clocks in µs. `Date.now()` has only milliseconds, so the wall time is the monotonic time plus an
 * offset, which is taken anew whenever the wall clock has been set by more than 2 ms.
 */
export function systemClock(): Clock {
  let offset = 0
  return {
    now() {
      const monotonic = Math.floor(performance.now() * 1000)
      const wall = Date.now() * 1000
      if (Math.abs(wall - (monotonic + offset)) > 2000) offset = wall - monotonic
      return { wall: monotonic + offset, monotonic }
    },
  }
}
