import { abortable } from './abortable.ts'

/** What only one may do at a time, by what it is about; whoever comes later waits for those before. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>()

  /**
   * Resolves with what ends the turn, once those before have ended theirs. `waits`: told where there are any. Rejects with
   * EngineError (`aborted`); the turn is then given up.
   */
  async take(about: string, signal: AbortSignal, waits: () => void): Promise<() => void> {
    const before = this.#last.get(about)
    const { promise, resolve } = Promise.withResolvers<void>()
    const over = Promise.all([before, promise]).then(() => {
      if (this.#last.get(about) === over) this.#last.delete(about)
    })
    this.#last.set(about, over)
    if (before === undefined) return resolve
    waits()
    try {
      await abortable(before, signal)
    } catch (error) {
      resolve()
      throw error
    }
    return resolve
  }
}
