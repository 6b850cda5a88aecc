import { setImmediate } from 'node:timers/promises'

/** How much one question may do. */
export interface Limits {
  /** Rows that match one condition are few up to this number: they are all read, in whatever order. */
  readonly few: number
  /** Name sets that a filter by name may lead to before it is tested row by row instead. */
  readonly nameSets: number
  /** Rows of the first stretch between which others have their turn. */
  readonly stretch: number
  /** Rows examined in all. */
  readonly rows: number
  /** Time in ms after which a stretch ends where it is: its rows cost more than those before. */
  readonly long: number
  /** Time in ms after which no stretch is begun, and after which no more objects are put together. */
  readonly searching: number
  readonly composing: number
}

export const LIMITS: Limits = {
  few: 5_000,
  nameSets: 2_000,
  stretch: 2_000,
  rows: 1_000_000,
  long: 15,
  searching: 30,
  composing: 50,
}

/** A stretch that took less than this is followed by a longer one, in ms. */
const SHORT = 6

/** What one question has used of its limits. The first stretch and the first object are always allowed. */
export class Budget {
  readonly limits: Limits
  readonly #began = performance.now()
  #resumed = this.#began
  #stretch: number
  #examined = 0

  constructor(limits: Limits) {
    this.limits = limits
    this.#stretch = limits.stretch
  }

  /** Rows that the next stretch may examine. */
  get stretch(): number {
    return this.#stretch
  }

  get examined(): number {
    return this.#examined
  }

  get isLong(): boolean {
    return performance.now() - this.#resumed >= this.limits.long
  }

  /** A stretch has examined so many rows; resolves when others had their turn. False when it was the last. */
  async another(rows: number): Promise<boolean> {
    this.#examined += rows
    if (performance.now() - this.#resumed < SHORT) this.#stretch *= 2
    if (this.#examined >= this.limits.rows || this.#took() >= this.limits.searching) return false
    await this.#yield()
    return true
  }

  /** Between objects that are put together. False when the page must end here. */
  async mayCompose(): Promise<boolean> {
    if (performance.now() - this.#resumed >= SHORT) await this.#yield()
    return this.#took() < this.limits.composing
  }

  #took(): number {
    return performance.now() - this.#began
  }

  async #yield(): Promise<void> {
    await setImmediate()
    this.#resumed = performance.now()
  }
}
