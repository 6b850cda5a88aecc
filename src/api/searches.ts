import type { Actor } from '../audit/event.ts'
import { LruMap } from '../exchange/lru-map.ts'
import type { Operations } from './operations.ts'

const AGAIN_AFTER = 60_000
/** Questions that are remembered: a forgotten one is noted once more. */
const CAPACITY = 10_000
/** How a page is asked for is not what is asked for. */
const PAGING = new Set(['cursor', 'limit'])

/** Notes in the record what was asked with a token, and the same question within a minute once. */
export class Searches {
  readonly #note: Operations['note']
  readonly #now: () => number
  readonly #asked = new LruMap<string, number>(CAPACITY)

  /** `now` in milliseconds, monotonic. */
  constructor(note: Operations['note'], now: () => number = () => performance.now()) {
    this.#note = note
    this.#now = now
  }

  /** Resolves when it is durable. Rejects with StoreUnavailable: then nothing may be answered. */
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
    await this.#note(actor, { event: 'searched', what, filter })
    this.#asked.set(question, now)
  }
}
