/** Failures in a row after which nothing is asked for a while, and how long in ms. */
const FAILURES = 5
const PAUSE = 10_000

/** Leaves a service alone that does not answer; after a pause one question is let through to find out. */
export class Circuit {
  readonly #monotonic: () => number
  #failures = 0
  /** Of the monotonic clock. */
  #closedUntil = 0
  #trying = false

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  /** Why it is not asked now; null where it may be, and then {@link ended} or {@link notAsked} has to follow. */
  refusal(): string | null {
    if (this.#failures < FAILURES) return null
    const wait = this.#closedUntil - this.#monotonic()
    if (wait <= 0 && !this.#trying) {
      this.#trying = true
      return null
    }
    const soon = wait > 0 ? `in ${Math.ceil(wait / 1000)} s` : 'just now'
    return `not asked: it failed ${this.#failures} times in a row and is tried again ${soon}`
  }

  /** It was not asked after all: that says nothing of it. */
  notAsked(): void {
    this.#trying = false
  }

  ended(answered: boolean): void {
    this.#trying = false
    if (answered) this.#failures = 0
    else {
      this.#failures += 1
      if (this.#failures >= FAILURES) this.#closedUntil = this.#monotonic() + PAUSE
    }
  }
}
