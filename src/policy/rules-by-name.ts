import { Bits } from './bits.ts'
import type { Clause } from './clause.ts'
import { ClausesByNetwork } from './clauses-by-network.ts'
import { listedUnder, without } from './clauses-without.ts'
import type { Judged } from './judged.ts'
import type { NameSet } from './names/name-set.ts'
import { addressNumber } from './names/networks.ts'
import type { Pattern } from './names/pattern.ts'
import type { PolicyName } from './names/policy-name.ts'
import { RuleIndex } from './names/rule-index.ts'

/** Patterns of a set that is asked as it is: many clauses may share it, and it was read bit by bit. */
const BIG = 1000

/** Which clauses have to be asked about a name. Those that name the same patterns are looked up together. */
export class RulesByName {
  readonly #count: number
  readonly #all: Bits
  /** For requests without names. */
  readonly #nameless: Bits
  readonly #anyName: Bits
  readonly #addresses: ClausesByNetwork
  /** Clauses of each distinct set of patterns of the index. */
  readonly #groups: readonly (readonly number[])[]
  readonly #index: RuleIndex
  readonly #big: readonly { readonly set: NameSet; readonly clauses: Bits }[]
  readonly #found = new WeakMap<readonly number[], Bits>()

  private constructor(clauses: readonly Clause[], index: RuleIndex, distinct: Distinct) {
    this.#count = clauses.length
    this.#all = Bits.all(clauses.length)
    this.#anyName = without(clauses.map(({ patterns }) => patterns))
    this.#nameless = without(clauses.map(({ patterns, addresses }) => patterns ?? addresses))
    this.#addresses = new ClausesByNetwork(clauses.map(({ addresses }) => addresses))
    this.#index = index
    this.#groups = distinct.indexed.map(([, group]) => group)
    this.#big = distinct.big.map(({ set, group }) => ({ set, clauses: Bits.of(clauses.length, group) }))
  }

  /** `setOf`: the set that these patterns make; undefined where none was made. Lets the event loop go on meanwhile. */
  static async built(
    clauses: readonly Clause[],
    setOf: (patterns: readonly Pattern[]) => NameSet | undefined,
  ): Promise<RulesByName> {
    const groups = new Map<readonly Pattern[], number[]>()
    for (const [clause, { patterns }] of clauses.entries()) {
      if (patterns !== null) listedUnder(groups, patterns, clause)
    }
    const distinct: Distinct = { indexed: [], big: [] }
    for (const [patterns, group] of groups) {
      const set = patterns.length > BIG ? setOf(patterns) : undefined
      if (set === undefined) distinct.indexed.push([patterns, group])
      else distinct.big.push({ set, group })
    }
    const index = await RuleIndex.built(distinct.indexed.map(([patterns]) => patterns))
    return new RulesByName(clauses, index, distinct)
  }

  /** Not to be changed. */
  of(judged: Judged): Bits {
    if (judged === null) return this.#nameless
    if (judged === 'unreadable') return this.#all
    return judged.type === 'ip' ? this.#addresses.of(addressNumber(judged.value)) : this.#ofName(judged)
  }

  #ofName(name: PolicyName): Bits {
    const found = this.#anyName.copy()
    for (const list of this.#index.listsFor(name)) found.addAll(this.#clausesOf(list))
    for (const { set, clauses } of this.#big) if (set.touches(name)) found.addAll(clauses)
    return found
  }

  /** Names of one house mostly fall under the same few lists. */
  #clausesOf(list: readonly number[]): Bits {
    const known = this.#found.get(list)
    if (known) return known
    const clauses = Bits.of(
      this.#count,
      list.flatMap((group) => this.#groups[group]!),
    )
    this.#found.set(list, clauses)
    return clauses
  }
}

interface Distinct {
  readonly indexed: [patterns: readonly Pattern[], group: readonly number[]][]
  readonly big: { readonly set: NameSet; readonly group: readonly number[] }[]
}
