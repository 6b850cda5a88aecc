import { abortable, stopped } from './abortable.ts'

interface Work {
  readonly stop: AbortController
  readonly ended: Promise<unknown>
  callers: number
}

/** What several ask for at the same time is done once, by what it is about; it is stopped when nobody waits for it any more. */
export class SharedWork {
  readonly #works = new Map<string, Work>()
  #isClosed = false

  /** Begins it, or joins those who wait already. Rejects with EngineError (`aborted`) for whoever gives up. */
  async join<T>(about: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal.aborted || this.#isClosed) throw stopped()
    // What is being stopped is no longer joined: it is waited for.
    for (let known = this.#works.get(about); known?.stop.signal.aborted; known = this.#works.get(about))
      await known.ended.catch(() => undefined)
    const found = this.#works.get(about) ?? this.#begin(about, work)
    found.callers += 1
    try {
      return await abortable(found.ended as Promise<T>, signal)
    } finally {
      found.callers -= 1
      // What is over has left work behind that is done by itself.
      if (found.callers === 0 && this.#works.get(about) === found) found.stop.abort()
    }
  }

  /** Resolves when it is over; at once where nobody is at it. */
  async stop(about: string): Promise<void> {
    const work = this.#works.get(about)
    work?.stop.abort()
    await work?.ended.catch(() => undefined)
  }

  /** Stops everything and waits for its end. Nothing begins any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#works.keys()].map((about) => this.stop(about)))
  }

  #begin(about: string, work: (signal: AbortSignal) => Promise<unknown>): Work {
    const stop = new AbortController()
    const ended = work(stop.signal).finally(() => this.#works.delete(about))
    ended.catch(() => undefined)
    const begun: Work = { stop, ended, callers: 0 }
    this.#works.set(about, begun)
    return begun
  }
}
