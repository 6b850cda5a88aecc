/** Bounds grow by this factor: what is read off is at most half of that away from what was measured. */
const GROWTH = 1.1
const LOG_GROWTH = Math.log(GROWTH)
/** From a tenth of a millisecond to about 140 s. */
const LEAST = 0.1
const BINS = 150

/** How long things took, in ms: 600 bytes however many they are. */
export class LatencyHistogram {
  readonly #bins = new Uint32Array(BINS)
  #total = 0

  add(millis: number): void {
    this.#bins[binOf(millis)]! += 1
    this.#total += 1
  }

  addAll(other: LatencyHistogram): void {
    for (let bin = 0; bin < BINS; bin += 1) this.#bins[bin]! += other.#bins[bin]!
    this.#total += other.#total
  }

  clear(): void {
    if (this.#total > 0) this.#bins.fill(0)
    this.#total = 0
  }

  /** What this share of them stayed at or below, to 5 %; null where there are none. */
  quantile(share: number): number | null {
    if (this.#total === 0) return null
    let left = Math.max(1, Math.ceil(this.#total * share))
    for (let bin = 0; bin < BINS; bin += 1) {
      left -= this.#bins[bin]!
      if (left <= 0) return Math.round(LEAST * GROWTH ** (bin + 0.5) * 100) / 100
    }
    return null
  }
}

function binOf(millis: number): number {
  if (!(millis > LEAST)) return 0
  return Math.min(BINS - 1, Math.floor(Math.log(millis / LEAST) / LOG_GROWTH))
}
