import type { Actor } from '../audit/event.ts'
import { LruMap } from '../exchange/lru-map.ts'
import type { Operations } from './operations.ts'
import { RequestRefused } from './problem.ts'

const AGAIN_AFTER = 60_000
/** Questions that are remembered: a forgotten one is noted once more. */
const CAPACITY = 10_000
/** Each question is a fact: whoever may only read must not fill the disk, or hold up the exchanges' own facts. */
const BURST = 600
const EACH_SECOND = 5
/** How a page is asked for is not what is asked for. */
const PAGING = new Set(['cursor', 'limit'])

/** Notes in the record what was asked with a token, and the same question within a minute once. */
export class Searches {
  readonly #note: Operations['note']
  readonly #burst: number
  readonly #now: () => number
  readonly #asked = new LruMap<string, number>(CAPACITY)
  /** Questions a token may still ask, and when that was so. */
  readonly #left = new LruMap<string, { readonly left: number; readonly at: number }>(CAPACITY)

  /** `now` in milliseconds, monotonic. */
  constructor(note: Operations['note'], burst: number = BURST, now: () => number = () => performance.now()) {
    this.#note = note
    this.#burst = burst
    this.#now = now
  }

  /**
   * Resolves when it is durable. Rejects with StoreUnavailable: then nothing may be answered; and with RequestRefused (429)
   * for a token that asked too many different questions.
   */
  async note(actor: Actor, what: string, written: Readonly<Record<string, string>>): Promise<void> {
    if (actor.kind !== 'token') return
    const filter = Object.fromEntries(
      Object.entries(written)
        .filter(([name]) => !PAGING.has(name))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    )
    const question = JSON.stringify([actor.token, what, filter])
    const [last, now] = [this.#asked.get(question), this.#now()]
    if (last !== undefined && now - last < AGAIN_AFTER) return
    this.#spend(actor.token ?? '', now)
    await this.#note(actor, { event: 'searched', what, filter })
    this.#asked.set(question, now)
  }

  #spend(token: string, now: number): void {
    const { left, at } = this.#left.get(token) ?? { left: this.#burst, at: now }
    const has = Math.min(this.#burst, left + ((now - at) / 1000) * EACH_SECOND)
    if (has < 1) {
      throw new RequestRefused(
        429,
        `this token asked more than ${this.#burst} different questions, each of which is recorded: ask more slowly, ${EACH_SECOND} a second`,
        { fields: { 'retry-after': '1' } },
      )
    }
    this.#left.set(token, { left: has - 1, at: now })
  }
}
