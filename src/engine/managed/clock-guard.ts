import type { Clock } from '../../exchange/clock.ts'

/** µs by which the wall clock may be set while running, and be off, without anybody asking why. */
const MOST = 3_600_000_000
/** µs for which a CA's word is waited for at the start. Where none comes, the clock is believed. */
const PATIENCE = 120_000_000

/**
 * Whether the wall clock can be trusted with decisions on when to renew: a clock that is years ahead would renew
 * everything at once. It is not while CAs say another time; after a jump of more than an hour against the monotonic
 * clock, and while it is before `earliest` (µs since 1970), it is not until a CA agrees.
 */
export class ClockGuard {
  readonly #clock: Clock
  readonly #earliest: number
  /** Whether the Date of CAs agrees within an hour; null where none has said one lately. */
  readonly #agrees: () => boolean | null
  readonly #began: number
  #offset: number
  #isSuspect = false
  #isConfirmed = false

  constructor(clock: Clock, earliest: number, agrees: () => boolean | null) {
    const { wall, monotonic } = clock.now()
    this.#clock = clock
    this.#earliest = earliest
    this.#agrees = agrees
    this.#began = monotonic
    this.#offset = wall - monotonic
  }

  trusted(): boolean {
    const { wall, monotonic } = this.#clock.now()
    const offset = wall - monotonic
    if (Math.abs(offset - this.#offset) > MOST) this.#isSuspect = true
    this.#offset = offset
    if (wall < this.#earliest) this.#isSuspect = true
    const said = this.#agrees()
    if (said === true) {
      this.#isSuspect = false
      this.#isConfirmed = true
      return true
    }
    if (said === false) {
      this.#isSuspect = true
      return false
    }
    return !this.#isSuspect && (this.#isConfirmed || monotonic - this.#began >= PATIENCE)
  }
}
