import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { isBase64url } from '../acme/base64url.ts'
import type { ReplayNonces } from './replay-nonces.ts'

/** Nonces that may be open at a time: whoever fetches many does not soon make those of others stale. A bit each, 512 kB. */
const WINDOW = 2 ** 22

/** Bytes of one block of AES, and characters of a nonce. */
const BLOCK = 16
const LENGTH = 22

/**
 * Nonces of one process: a counter, encrypted under a key that nobody else has and that ends with the process, as Boulder
 * has it. So nobody learns how many there were, and none outlives a restart. A bit for each of the last `window`
 * counters says whether it is still open; older ones are stale. Memory never grows.
 *
 * A nonce is one block of AES over 64 bits of counter and 64 bits of zero. On one block AES is a pseudo-random permutation:
 * whatever was not encrypted here decrypts to noise, which has the zeros once in 2^64, and an open counter behind them once
 * in 2^42 of those. AES-GCM, whose tag is longer, takes Node twenty times as long, for every answer to a POST.
 */
export class MemoryNonces implements ReplayNonces {
  readonly #window: number
  readonly #open: Uint8Array
  readonly #cipher
  readonly #decipher
  #next = 0

  constructor(window: number = WINDOW) {
    const key = randomBytes(32)
    // No mode chains blocks here: each is a message of its own, and no two are equal.
    this.#cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
    this.#decipher = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false)
    this.#window = window
    this.#open = new Uint8Array(Math.ceil(window / 8))
  }

  issue(): string {
    const counter = this.#next++
    this.#mark(counter, true)
    const block = Buffer.alloc(BLOCK)
    block.writeBigUInt64BE(BigInt(counter), BLOCK / 2)
    return this.#cipher.update(block).toString('base64url')
  }

  /** Between looking and marking nothing else runs: of several that use one nonce at once, one is the first. */
  async redeem(nonce: string): Promise<boolean> {
    const counter = this.#counterOf(nonce)
    if (counter === null || !this.#isOpen(counter)) return false
    this.#mark(counter, false)
    return true
  }

  /** Null: no nonce of this process. */
  #counterOf(nonce: string): number | null {
    if (nonce.length !== LENGTH || !isBase64url(nonce)) return null
    const block = this.#decipher.update(Buffer.from(nonce, 'base64url'))
    if (block.readBigUInt64BE(0) !== 0n) return null
    const counter = Number(block.readBigUInt64BE(BLOCK / 2))
    return counter < this.#next && counter >= this.#next - this.#window ? counter : null
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
