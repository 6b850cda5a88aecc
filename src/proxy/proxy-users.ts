/** Who may use the proxy: Basic credentials (RFC 7617), each user a label in the record. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { LruMap } from '../exchange/lru-map.ts'
import type { ProxyUser } from './intercept-options.ts'

export type Authentication =
  | { readonly kind: 'ok'; readonly user: string | null }
  /** No credentials came: ask for them. */
  | { readonly kind: 'missing' }
  /** Wrong credentials, answered late so that guessing is slow. */
  | { readonly kind: 'failed' }
  /** Too many wrong guesses of this address are waiting; these credentials were not looked at. */
  | { readonly kind: 'tooMany' }

/** How long a wrong guess waits for its answer (ms), and how many of one address may wait at once. */
const GUESS_DELAY = 1_000
const GUESSES_AT_ONCE = 8

export class ProxyUsers {
  readonly #delay: number
  /** Credentials are compared as digests under a key of this process: all of one length, none of use elsewhere. */
  readonly #key = randomBytes(32)
  #users: readonly { readonly name: string; readonly digest: Buffer }[] = []
  readonly #waiting = new Map<string, number>()
  /** `address user` of late; a wrong password on one host must not lock out the others behind its address. */
  readonly #accepted = new LruMap<string, true>(10_000)

  constructor(users: readonly ProxyUser[], delay = GUESS_DELAY) {
    this.#delay = delay
    this.use(users)
  }

  /** From now on these users count; connections that have authenticated stay. */
  use(users: readonly ProxyUser[]): void {
    this.#users = users.map(({ name, password }) => ({ name, digest: this.#digest(`${name}:${password}`) }))
  }

  /** False where nobody need authenticate. */
  get required(): boolean {
    return this.#users.length > 0
  }

  /** `field` is the value of `Proxy-Authorization`. */
  async authenticate(field: string | undefined, address: string | null): Promise<Authentication> {
    if (!this.required) return { kind: 'ok', user: null }
    if (field === undefined) return { kind: 'missing' }
    const from = address ?? ''
    const given = credentials(field)
    const claimed = `${from} ${given.slice(0, Math.max(0, given.indexOf(':')))}`
    const waiting = this.#waiting.get(from) ?? 0
    if (waiting >= GUESSES_AT_ONCE && this.#accepted.get(claimed) === undefined) return { kind: 'tooMany' }
    const digest = this.#digest(given)
    let found: string | null = null
    for (const user of this.#users) if (timingSafeEqual(user.digest, digest)) found = user.name
    if (found !== null) {
      this.#accepted.set(claimed, true)
      return { kind: 'ok', user: found }
    }
    this.#waiting.set(from, waiting + 1)
    await new Promise((resolve) => setTimeout(resolve, this.#delay))
    const left = (this.#waiting.get(from) ?? 1) - 1
    if (left === 0) this.#waiting.delete(from)
    else this.#waiting.set(from, left)
    return { kind: 'failed' }
  }

  #digest(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest()
  }
}

/** `user:password` of a Basic field; empty, which no user has, for anything else. */
function credentials(field: string): string {
  const encoded = /^basic +([A-Za-z0-9+/]{1,4096}={0,2})$/i.exec(field.trim())?.[1]
  return encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8')
}
