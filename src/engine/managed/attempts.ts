import type { Clock } from '../../exchange/clock.ts'
import { waitAfter } from '../back-off.ts'
import { EngineError } from '../engine-error.ts'

/** What could not even be begun: no job says so. */
export interface Trouble {
  readonly text: string
  readonly failures: number
  /** µs since 1970. */
  readonly since: number
  readonly next: number
}

interface Attempt extends Trouble {
  /** µs of the monotonic clock. */
  readonly notBefore: number
}

/** When what failed to begin (its account could not be made, say) is begun again: as the jobs' own attempts. */
export class Attempts {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #failed = new Map<string, Attempt>()

  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock
    this.#random = random
  }

  mustWait(certificate: string): boolean {
    return this.#clock.now().monotonic < (this.#failed.get(certificate)?.notBefore ?? 0)
  }

  troubleOf(certificate: string): Trouble | null {
    return this.#failed.get(certificate) ?? null
  }

  /** Everything may be begun at once. */
  forget(): void {
    this.#failed.clear()
  }

  began(certificate: string): void {
    this.#failed.delete(certificate)
  }

  failed(certificate: string, error: unknown, text: string): void {
    const before = this.#failed.get(certificate)
    const failures = (before?.failures ?? 0) + 1
    const { wall, monotonic } = this.#clock.now()
    const fault = error instanceof EngineError ? error : new EngineError('network', text)
    const wait = waitAfter(failures, fault, this.#random()) * 1e6
    this.#failed.set(certificate, {
      text,
      failures,
      since: before?.since ?? wall,
      next: wall + wait,
      notBefore: monotonic + wait,
    })
  }
}
