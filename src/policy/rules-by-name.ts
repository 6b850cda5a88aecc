import type { NameSet } from './names/name-set.ts'
import type { Pattern } from './names/pattern.ts'
import type { PolicyName } from './names/policy-name.ts'
import { RuleIndex } from './names/rule-index.ts'
import type { RequiredNames } from './required-names.ts'

/** Patterns of a set that is asked as it is: many rules may share it, and it was read bit by bit. */
const BIG = 1000
/** Of remembered unions. */
const MOST_UNIONS = 1000

/** Which rules have to be asked about a name. Rules that require the same patterns are looked up together. */
export class RulesByName {
  readonly #always: readonly number[]
  readonly #ofAddresses: readonly number[]
  /** Rules of each distinct set of patterns: first those of the index, then the big ones. */
  readonly #groups: readonly (readonly number[])[]
  readonly #index: RuleIndex
  readonly #big: readonly { readonly group: number; readonly set: NameSet }[]
  readonly #unions = new Map<string, readonly number[]>()

  /** `setOf`: the set that these patterns make; undefined where none was made. */
  constructor(
    required: readonly RequiredNames[],
    setOf: (patterns: readonly Pattern[]) => NameSet | undefined,
  ) {
    this.#always = required.flatMap(({ patterns }, rule) => (patterns === null ? [rule] : []))
    this.#ofAddresses = required.flatMap(({ addresses }, rule) => (addresses ? [rule] : []))
    const rules = new Map<readonly Pattern[], number[]>()
    for (const [rule, { patterns }] of required.entries()) {
      if (patterns === null) continue
      const sharing = rules.get(patterns)
      if (sharing) sharing.push(rule)
      else rules.set(patterns, [rule])
    }
    const sets = [...rules.keys()]
    const isBig = (patterns: readonly Pattern[]) => patterns.length > BIG && setOf(patterns) !== undefined
    const indexed = sets.filter((patterns) => !isBig(patterns))
    const big = sets.filter(isBig)
    this.#groups = [...indexed, ...big].map((patterns) => rules.get(patterns)!)
    this.#index = RuleIndex.of(indexed)
    this.#big = big.map((patterns, i) => ({ group: indexed.length + i, set: setOf(patterns)! }))
  }

  /** Ascending. */
  of(name: PolicyName): readonly number[] {
    if (name.type === 'ip') return this.#ofAddresses
    const touched = this.#big.filter(({ set }) => set.touches(name)).map(({ group }) => group)
    const groups =
      touched.length === 0 ? this.#index.rulesFor(name) : [...this.#index.rulesFor(name), ...touched]
    return groups.length === 0 ? this.#always : this.#union(groups)
  }

  /** Names of one house mostly fall under the same few sets. */
  #union(groups: readonly number[]): readonly number[] {
    const key = groups.join(',')
    const known = this.#unions.get(key)
    if (known) return known
    const rules = [this.#always, ...groups.map((group) => this.#groups[group]!)]
      .flat()
      .toSorted((a, b) => a - b)
    if (this.#unions.size >= MOST_UNIONS) this.#unions.clear()
    this.#unions.set(key, rules)
    return rules
  }
}
