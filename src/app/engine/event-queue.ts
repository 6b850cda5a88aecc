/** Events that somebody may read as they come. What nobody reads is kept up to a bound, then the oldest go. */
export class EventQueue<Event> {
  readonly #kept: Event[] = []
  #wake: (() => void) | null = null
  #isOver = false

  push(event: Event): void {
    if (this.#isOver) return
    this.#kept.push(event)
    if (this.#kept.length > MOST) this.#kept.shift()
    this.#wake?.()
  }

  /**
   * What comes while `work` runs, and what it makes of its result as the last. Rejects as `work` does, after what came
   * before. `work` is not stopped where nobody reads on: its signal is for that.
   */
  async *during(work: Promise<Event>): AsyncGenerator<Event> {
    const ended = work.then(
      (last) => {
        this.push(last)
        this.#end()
      },
      (error: unknown) => {
        this.#end()
        throw error
      },
    )
    // Awaited below; where the reader goes before, nobody is told.
    ended.catch(() => {})
    while (!this.#isOver || this.#kept.length > 0) {
      const next = this.#kept.shift()
      if (next !== undefined) yield next
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
    }
    await ended
  }

  #end(): void {
    this.#isOver = true
    this.#wake?.()
  }
}

const MOST = 10_000
