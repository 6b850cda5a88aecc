import type { Millis } from './rule.ts'

const SHORTEST: Millis = 1000
const LONGEST: Millis = 300_000
/** What a channel may ask for (Retry-After): less would hammer it, more would hold back what is urgent. */
export const MOST_ASKED: Millis = 3_600_000

/**
 * When a channel that fails is tried again: after 1 s, then twice as long each time, up to 5 min, a quarter more or
 * less, so that many that failed together do not come back together. All keys of the channel share it.
 */
export class BackOff {
  readonly #random: () => number
  #failures = 0
  #since: Millis | null = null
  #until: Millis = 0
  #error: string | null = null

  /** `before`: of the channel under other settings. It fails until it works, and is tried at once. */
  constructor(random: () => number, before: BackOff | null = null) {
    this.#random = random
    this.#since = before?.failingSince ?? null
    this.#error = before?.error ?? null
  }

  get failingSince(): Millis | null {
    return this.#since
  }
  get error(): string | null {
    return this.#error
  }
  /** Not before. What is further off than any wait is of a clock that was set back since: that is over. */
  until(now: Millis): Millis {
    if (this.#until - now > MOST_ASKED) this.#until = now
    return this.#until
  }

  /** Whether it failed before. */
  works(): boolean {
    const failed = this.#since !== null
    this.#failures = 0
    this.#since = null
    this.#until = 0
    this.#error = null
    return failed
  }

  /** `asked`: ms the channel wants us to wait, or null. `slowly`: as if it had failed often. Whether it worked before. */
  failed(now: Millis, error: string, asked: Millis | null, slowly: boolean): boolean {
    const worked = this.#since === null
    this.#since = Math.min(this.#since ?? now, now)
    this.#error = error
    // What was under way together fails together: that is one failure.
    if (now >= this.until(now)) this.#failures += 1
    const doubled = slowly ? LONGEST : Math.min(LONGEST, SHORTEST * 2 ** Math.min(this.#failures - 1, 20))
    const jittered = Math.round(doubled * (0.75 + this.#random() / 2))
    const wanted = asked === null ? 0 : Math.min(MOST_ASKED, Math.max(SHORTEST, asked))
    this.#until = Math.max(this.#until, now + Math.max(jittered, wanted))
    return worked
  }
}
