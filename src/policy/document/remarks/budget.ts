import { setImmediate as nextTurn } from 'node:timers/promises'

const MOST = 20_000_000
/** Comparisons after which other work gets its turn: a few milliseconds' worth. */
const TURN = 50_000
/** Pairs of rules: all of a thousand rules, some seconds' worth. */
const MOST_PAIRS = 1_000_000

/** How many patterns a check compares at most: lists of 100,000 names against each other would take for ever. */
export class Budget {
  #left = MOST
  #pairs = MOST_PAIRS
  #sinceTurn = 0
  #refused = false

  /** False where it is more than is left; then nothing is said of these. */
  spend(comparisons: number): boolean {
    if (comparisons > this.#left) {
      this.#refused = true
      return false
    }
    this.#left -= comparisons
    this.#sinceTurn += comparisons
    return true
  }

  /** False where no more rules are compared with each other. */
  pair(): boolean {
    if (this.#pairs === 0) {
      this.#refused = true
      return false
    }
    this.#pairs -= 1
    return true
  }

  /** Whether something was left out. */
  get refused(): boolean {
    return this.#refused
  }

  async turn(): Promise<void> {
    this.#sinceTurn += 20
    if (this.#sinceTurn < TURN) return
    this.#sinceTurn = 0
    await nextTurn()
  }
}
