import type { Rate } from '../config/presets.ts'

/** Microseconds. Requests that left evenly may arrive bunched by so much: a new connection, a pause on the way. */
const BUNCHING = 250_000
/** The CA's clock is not ours. */
const SLOWER = 0.98

/**
 * What is kept to where a CA allows `rate`: 2 % slower, and as much less at once as could arrive bunched, but not
 * below half of what it allows. At full use the CA's own bucket then stays almost full, which is what takes up the
 * jitter of the wire.
 */
export function withMargin({ rate, burst }: Rate): Rate {
  return {
    rate: rate * SLOWER,
    burst: Math.max(Math.ceil(burst / 2), Math.floor(burst - (rate * BUNCHING) / 1e6)),
  }
}

/**
 * The generic cell rate algorithm (ITU-T I.371) for one endpoint as seen from one address: a turn every interval,
 * and up to `burst` of them at once after a rest. Times are whole µs of one monotonic clock.
 */
export class RateBucket {
  readonly from: string | null
  #interval = 1
  #tolerance = 0
  /** Theoretical arrival time of the next turn. */
  #due = 0

  constructor(from: string | null, rate: Rate) {
    this.from = from
    this.use(rate)
  }

  /** The rate from now on; turns that were taken stay taken. */
  use({ rate, burst }: Rate): void {
    this.#interval = Math.max(1, Math.ceil(1e6 / rate))
    this.#tolerance = this.#interval * (burst - 1)
  }

  /** When the next turn can be had, not before `now`. */
  next(now: number): number {
    return this.nth(1, now)
  }

  /** When the nth turn from now can be had, if all before it are taken as soon as they can be. */
  nth(n: number, now: number): number {
    return Math.max(now, this.#base(now) + (n - 1) * this.#interval)
  }

  /** How many turns can be had until `time`, that moment included. */
  countUntil(time: number, now: number): number {
    if (time < now) return 0
    return Math.max(0, Math.floor((time - this.#base(now)) / this.#interval) + 1)
  }

  take(now: number): void {
    this.#due = Math.max(this.#due, now) + this.#interval
  }

  isRestedMoreThan(other: RateBucket): boolean {
    return this.#due < other.#due
  }

  /** No turn before `time`, and no burst then. */
  holdUntil(time: number): void {
    this.#due = Math.max(this.#due, time + this.#tolerance)
  }

  #base(now: number): number {
    return Math.max(this.#due, now) - this.#tolerance
  }
}

/** The bucket whose next turn comes first; of equals the one used longest ago, for CAs count by hours too. */
export function soonest(buckets: readonly RateBucket[], now: number): RateBucket {
  let best = buckets[0]!
  for (const bucket of buckets) {
    const earlier = bucket.next(now) - best.next(now)
    if (earlier < 0 || (earlier === 0 && bucket.isRestedMoreThan(best))) best = bucket
  }
  return best
}

/** How many turns all of them give until `time`. */
export function turnsUntil(buckets: readonly RateBucket[], time: number, now: number): number {
  let turns = 0
  for (const bucket of buckets) turns += bucket.countUntil(time, now)
  return turns
}

/** When the nth turn of all of them together comes. */
export function nthTurn(buckets: readonly RateBucket[], n: number, now: number): number {
  let low = now
  let high = Math.min(...buckets.map((bucket) => bucket.nth(n, now)))
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (turnsUntil(buckets, middle, now) >= n) high = middle
    else low = middle + 1
  }
  return low
}
