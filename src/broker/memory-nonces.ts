import { createCipheriv, createDecipheriv, randomBytes, randomFillSync } from 'node:crypto'
import { isBase64url } from '../acme/base64url.ts'
import type { ReplayNonces } from './replay-nonces.ts'

/** Bytes. */
const IV = 12
const COUNTER = 8
const TAG = 16
/** Characters: 36 bytes, so that base64url has no spare bits. */
const LENGTH = ((IV + COUNTER + TAG) / 3) * 4

/** Nonces that may be open at a time: whoever fetches many does not soon make those of others stale. A bit each, 512 kB. */
const WINDOW = 2 ** 22

/**
 * Nonces of one process, as Boulder makes them: the encryption of a counter under a key that nobody else has and that ends
 * with the process. So nobody can make or guess one, nobody learns how many there were, and none outlives a restart. A
 * bit for each of the last `window` counters says whether it is still open; older ones are stale. Memory never grows.
 */
export class MemoryNonces implements ReplayNonces {
  readonly #key = randomBytes(32)
  readonly #window: number
  readonly #open: Uint8Array
  /** The next counter. Far below 2^48, where random IVs of 96 bits would begin to meet. */
  #next = 0
  readonly #ivs = Buffer.alloc(IV * 256)
  #ivsUsed = this.#ivs.length

  constructor(window: number = WINDOW) {
    this.#window = window
    this.#open = new Uint8Array(Math.ceil(window / 8))
  }

  issue(): string {
    const counter = this.#next++
    this.#mark(counter, true)
    const iv = this.#iv()
    const plain = Buffer.alloc(COUNTER)
    plain.writeBigUInt64BE(BigInt(counter))
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv)
    const sealed = cipher.update(plain)
    cipher.final()
    return Buffer.concat([iv, sealed, cipher.getAuthTag()]).toString('base64url')
  }

  /** Between looking and marking nothing else runs: of several that use one nonce at once, one is the first. */
  async redeem(nonce: string): Promise<boolean> {
    const counter = this.#counterOf(nonce)
    if (counter === null || counter < this.#next - this.#window || !this.#isOpen(counter)) return false
    this.#mark(counter, false)
    return true
  }

  /** Null: no nonce of this process. */
  #counterOf(nonce: string): number | null {
    if (nonce.length !== LENGTH || !isBase64url(nonce)) return null
    const bytes = Buffer.from(nonce, 'base64url')
    const opened = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, IV), { authTagLength: TAG })
    opened.setAuthTag(bytes.subarray(IV + COUNTER))
    try {
      const plain = opened.update(bytes.subarray(IV, IV + COUNTER))
      opened.final()
      return Number(plain.readBigUInt64BE())
    } catch {
      return null
    }
  }

  #iv(): Buffer {
    if (this.#ivsUsed === this.#ivs.length) {
      randomFillSync(this.#ivs)
      this.#ivsUsed = 0
    }
    this.#ivsUsed += IV
    return this.#ivs.subarray(this.#ivsUsed - IV, this.#ivsUsed)
  }

  #isOpen(counter: number): boolean {
    const place = counter % this.#window
    return (this.#open[place >> 3]! & (1 << (place & 7))) !== 0
  }

  #mark(counter: number, open: boolean): void {
    const place = counter % this.#window
    if (open) this.#open[place >> 3]! |= 1 << (place & 7)
    else this.#open[place >> 3]! &= ~(1 << (place & 7))
  }
}
