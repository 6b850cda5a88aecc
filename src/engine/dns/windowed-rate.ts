import { LruMap } from '../../exchange/lru-map.ts'

/** How many askers are remembered; those that were not seen for longest are forgotten first. */
const REMEMBERED = 20_000

interface Seen {
  /** When the last ones passed, oldest at `next`; µs. */
  readonly times: Float64Array
  next: number
  refused: number
}

/** At most `most` in any `window` µs for each key: no burst beyond it, wherever the window is laid. */
export class WindowedRate {
  readonly #most: number
  readonly #window: number
  readonly #seen = new LruMap<string, Seen>(REMEMBERED)

  constructor(most: number, window: number) {
    this.#most = most
    this.#window = window
  }

  /** Zero: it passes, and is counted. Otherwise how many in a row did not pass. `now`: monotonic µs. */
  refused(key: string, now: number): number {
    let seen = this.#seen.get(key)
    if (seen === undefined) {
      seen = { times: new Float64Array(this.#most).fill(Number.NEGATIVE_INFINITY), next: 0, refused: 0 }
      this.#seen.set(key, seen)
    }
    const oldest = seen.times[seen.next] ?? Number.NEGATIVE_INFINITY
    if (now - oldest < this.#window) {
      seen.refused += 1
      return seen.refused
    }
    seen.times[seen.next] = now
    seen.next = (seen.next + 1) % this.#most
    seen.refused = 0
    return 0
  }
}
