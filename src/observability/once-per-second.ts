/** Tells of things that come in floods: at once, then at most every second per key, with how many there were. */
export class OncePerSecond {
  readonly #waiting = new Map<string, number>()

  /** `tell` gets the number of occurrences since the last time this key was told of. */
  note(key: string, tell: (count: number) => void): void {
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) {
      this.#waiting.set(key, waiting + 1)
      return
    }
    tell(1)
    this.#waiting.set(key, 0)
    setTimeout(() => {
      const count = this.#waiting.get(key) ?? 0
      this.#waiting.delete(key)
      if (count > 0) tell(count)
    }, 1000).unref()
  }
}
