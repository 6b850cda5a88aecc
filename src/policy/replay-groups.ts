import type { Groups, ReplayGroup, ReplaySample } from './replay-report.ts'

const MOST_KEYS = 5_000
const MOST_SHOWN = 200

export type Change = 'deniedNow' | 'allowedNow' | 'warned' | 'unknown'

type Counts = { -readonly [Name in Change]: number }

/** Counts what would be different by one property; bounded, whatever values that has. */
export class ReplayGroups {
  readonly #groups = new Map<string, Counts & { readonly key: string; readonly samples: ReplaySample[] }>()
  readonly #mostSamples: number
  #others = 0

  /** `mostSamples`: of each group. */
  constructor(mostSamples: number) {
    this.#mostSamples = mostSamples
  }

  /** A key that comes twice counts once. The sample is asked for only where there is room for it. */
  add(keys: Iterable<string>, changes: readonly Change[], sample: () => ReplaySample): void {
    for (const key of new Set(keys)) {
      const group = this.#groupOf(key)
      if (group === null) {
        this.#others += 1
        continue
      }
      for (const change of changes) group[change] += 1
      if (group.samples.length < this.#mostSamples) group.samples.push(sample())
    }
  }

  groups(): Groups {
    const sorted = [...this.#groups.values()].sort((a, b) => total(b) - total(a) || (a.key < b.key ? -1 : 1))
    const others = sorted.slice(MOST_SHOWN).reduce((sum, group) => sum + total(group), this.#others)
    return { groups: sorted.slice(0, MOST_SHOWN), others }
  }

  #groupOf(key: string) {
    const known = this.#groups.get(key)
    if (known !== undefined) return known
    if (this.#groups.size >= MOST_KEYS) return null
    const group = { key, deniedNow: 0, allowedNow: 0, warned: 0, unknown: 0, samples: [] }
    this.#groups.set(key, group)
    return group
  }
}

function total({ deniedNow, allowedNow, warned, unknown }: Omit<ReplayGroup, 'samples'>): number {
  return Math.max(deniedNow + allowedNow, warned, unknown)
}
