/** Lines of which the rate is taken, at most; and fewer than these two it says nothing. */
const WINDOW = 100
const FEWEST_LINES = 5
const FEWEST_FAILURES = 3

/** Says when a plan has to stop: what goes wrong for many goes wrong for the rest. */
export class FailureRate {
  readonly #stopAt: number
  readonly #ended: boolean[] = []

  /** `stopAt`: percent. */
  constructor(stopAt: number) {
    this.#stopAt = stopAt
  }

  add(failed: boolean): void {
    this.#ended.push(failed)
    if (this.#ended.length > WINDOW) this.#ended.shift()
  }

  /** Why; null while it may go on. */
  stops(): string | null {
    const lines = this.#ended.length
    const failures = this.#ended.filter(Boolean).length
    if (failures === 0 || (lines < FEWEST_LINES && failures < FEWEST_FAILURES)) return null
    if ((failures * 100) / lines < this.#stopAt) return null
    return `${failures} of the last ${lines} lines failed, and it stops at ${this.#stopAt} percent`
  }
}
