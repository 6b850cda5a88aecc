/** What every soak is: a name, what it proves, and a run of a chosen size. `failures` empty means proved. */
export interface Soak {
  readonly proves: string
  /** What one unit of size is, and how many by default. */
  readonly unit: string
  readonly size: number
  run(options: SoakOptions): Promise<SoakReport>
}

export interface SoakOptions {
  readonly size: number
  readonly seed: number
  /** Called now and then with one line. */
  readonly progress: (line: string) => void
}

export interface SoakReport {
  readonly figures: Readonly<Record<string, number | string>>
  readonly failures: readonly string[]
  /** Limits of time that were not kept: failures of a soak, but not of a test on a busy machine. */
  readonly late: readonly string[]
}

/** A small seeded generator (mulberry32): 0 ≤ n < 1. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let n = Math.imul(state ^ (state >>> 15), state | 1)
    n ^= n + Math.imul(n ^ (n >>> 7), n | 61)
    return ((n ^ (n >>> 14)) >>> 0) / 4294967296
  }
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}
