/** ms from what happened to its notification, of the last ones. */
export class Latency {
  readonly #last: number[] = []
  #next = 0
  readonly #size: number

  constructor(size = 1_000) {
    this.#size = size
  }

  add(milliseconds: number): void {
    this.#last[this.#next] = Math.max(0, milliseconds)
    this.#next = (this.#next + 1) % this.#size
  }

  /** Null before the first. */
  quantiles(): { readonly p50: number; readonly p99: number; readonly count: number } | null {
    const count = this.#last.length
    if (count === 0) return null
    const sorted = [...this.#last].sort((a, b) => a - b)
    const at = (part: number) => sorted[Math.min(count - 1, Math.floor(count * part))]!
    return { p50: at(0.5), p99: at(0.99), count }
  }
}
