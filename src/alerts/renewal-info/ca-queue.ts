import type { Watched } from './watched.ts'

const MINUTE = 60_000_000
/** µs between two requests to one CA, and between two looks through all certificates for those that are due. */
const APART = 1_000_000
const LOOK = 10_000_000
/** Most of a CA's certificates that are lined up at once. */
const MOST = 600
/** Troubles in a row after which a CA counts as down. */
const DOWN = 3

/** Whose turn it is at one CA: one request a second, none while it is down. Times are µs of the monotonic clock. */
export class CaQueue {
  #due: Watched[] = []
  #nextLook = 0
  #nextAsk = 0
  #troubles = 0
  #isAsking = false

  /** The certificate to ask about now, the one that waited longest first; null where there is none. */
  take(now: number, all: () => Iterable<Watched>): Watched | null {
    if (this.#isAsking || now < this.#nextAsk) return null
    if (this.#due.length === 0 && now >= this.#nextLook) {
      this.#nextLook = now + LOOK
      this.#due = [...all()]
        .filter(({ due }) => due <= now)
        .sort((one, other) => other.due - one.due)
        .slice(-MOST)
    }
    for (let one = this.#due.pop(); one !== undefined; one = this.#due.pop()) {
      if (one.isGone || one.due > now) continue
      this.#isAsking = true
      this.#nextAsk = now + APART
      return one
    }
    return null
  }

  /** What was taken has been asked about. `pause`: µs. */
  settle(now: number, pause: number, isTrouble: boolean): void {
    this.#isAsking = false
    this.#troubles = isTrouble ? this.#troubles + 1 : 0
    const down = this.#troubles < DOWN ? 0 : Math.min(5 * MINUTE * 2 ** (this.#troubles - DOWN), 60 * MINUTE)
    this.#nextAsk = Math.max(this.#nextAsk, now + Math.max(pause, down))
  }
}
