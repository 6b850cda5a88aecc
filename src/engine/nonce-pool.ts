import type { Clock } from '../exchange/clock.ts'

/** Nonces kept; a CA that sends more gets the older ones forgotten. */
const MOST = 100
/** µs. CAs forget nonces after some minutes to hours; one that is refused costs a request. */
const OLDEST = 5 * 60_000_000
const USED = 1000

/** Anti-replay nonces of one CA (RFC 8555 §6.5): the newest goes first, and none goes twice. */
export class NoncePool {
  readonly #clock: Clock
  #fresh: { readonly nonce: string; readonly at: number }[] = []
  /** Given out before, in order: a CA that sends one again does not make us use it again. */
  readonly #used = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#fresh.length
  }

  /** RFC 8555 §6.5.1: what is no base64url is ignored. */
  add(nonce: string): void {
    if (!isNonce(nonce) || this.#used.has(nonce) || this.#fresh.some((known) => known.nonce === nonce)) return
    this.#fresh.push({ nonce, at: this.#clock.now().monotonic })
    if (this.#fresh.length > MOST) this.#fresh.shift()
  }

  /** Null where a new one has to be asked for. */
  take(): string | null {
    const newest = this.#fresh.pop()
    if (newest === undefined) return null
    if (this.#clock.now().monotonic - newest.at > OLDEST) {
      this.#fresh = []
      return null
    }
    this.claim(newest.nonce)
    return newest.nonce
  }

  /** Marks a nonce as given out, which is not in the pool: false where it is none, or was given out before. */
  claim(nonce: string): boolean {
    if (!isNonce(nonce) || this.#used.has(nonce)) return false
    this.#used.add(nonce)
    if (this.#used.size > USED) this.#used.delete(this.#used.values().next().value!)
    return true
  }

  /** The CA no longer knows its nonces: those before the newest are most likely gone too. */
  clear(): void {
    this.#fresh = []
  }
}

function isNonce(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,512}$/.test(text)
}
