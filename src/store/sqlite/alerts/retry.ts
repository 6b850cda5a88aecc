import { messageOf } from '../../../exchange/message-of.ts'

const FIRST_PAUSE = 250
const LONGEST_PAUSE = 10_000

/** One kind of work that may fail and is then tried again, later each time. */
export class Retry {
  /** Why it failed last; null since it went well. */
  fault: string | null = null
  /** Failures in a row. */
  failures = 0
  #retryAt = 0

  /** Its time has come. */
  get isReady(): boolean {
    return this.fault === null || performance.now() >= this.#retryAt
  }

  succeeded(): void {
    this.fault = null
    this.failures = 0
  }

  failed(error: unknown): void {
    this.failures += 1
    this.fault = messageOf(error)
    this.#retryAt = performance.now() + Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.failures - 1))
  }
}
