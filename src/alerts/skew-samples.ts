/** µs. CAs that are asked for little answer once an hour; what is older than this says nothing of now. */
const OLDEST = 3 * 3600_000_000
/** µs between two samples. */
const APART = 1_000_000
const MOST = 15
/** RFC 9110 §5.6.7: a Date has whole seconds, so the time it stands for is half a second later on average. ms. */
const HALF_A_SECOND = 500

interface Sample {
  readonly monotonic: number
  /** The CA's time less our monotonic clock, ms. */
  readonly offset: number
}

/**
 * How far the clock of a CA is from ours, by the Date of its answers. Kept against the monotonic clock: when our wall
 * clock is set right, the skew is gone at once, without new answers.
 */
export class SkewSamples {
  #samples: Sample[] = []

  /** `monotonic`: µs, when the answer was there. `date`: ms since 1970, asked for only where it is wanted. */
  note(monotonic: number, date: () => number | null): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && monotonic - last.monotonic < APART) return
    const millis = date()
    if (millis === null) return
    this.#samples.push({ monotonic, offset: millis + HALF_A_SECOND - monotonic / 1000 })
    if (this.#samples.length > MOST) this.#samples.shift()
  }

  /** The CA's clock less ours, in ms: the median of the last answers. Null where there were none lately. */
  skew(monotonic: number, wall: number): number | null {
    this.#samples = this.#samples.filter((sample) => monotonic - sample.monotonic <= OLDEST)
    const offsets = this.#samples.map(({ offset }) => offset).sort((one, other) => one - other)
    const middle = offsets[Math.floor((offsets.length - 1) / 2)]
    return middle === undefined ? null : Math.round(middle - (wall - monotonic) / 1000)
  }
}
