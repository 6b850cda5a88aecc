import { Bits } from './bits.ts'
import type { Clause } from './clause.ts'
import { ClausesByNetwork } from './clauses-by-network.ts'
import { listedUnder, without } from './clauses-without.ts'
import type { Judging } from './judging.ts'
import { REQUEST_VALUES, type RequestValue } from './request-values.ts'

/** Clauses that name one kind of value. */
interface ByValue {
  readonly of: (judging: Judging) => readonly (string | null)[] | undefined
  /** Clauses that do not care. */
  readonly others: Bits
  readonly clauses: ReadonlyMap<string, readonly number[]>
}

/** Which clauses a request may meet, whatever its names are. */
export class RulesByRequest {
  readonly #all: Bits
  /** What meets one kind of value, while it is looked up. */
  readonly #here: Bits
  readonly #values: readonly ByValue[]
  /** Null: no clause asks for the client's address. */
  readonly #networks: ClausesByNetwork | null

  constructor(clauses: readonly Clause[]) {
    this.#all = Bits.all(clauses.length)
    this.#here = Bits.none(clauses.length)
    const kinds = Object.keys(REQUEST_VALUES) as RequestValue[]
    this.#values = kinds.flatMap((kind) => byValue(kind, clauses) ?? [])
    const networks = clauses.map(({ clientAddresses }) => clientAddresses)
    this.#networks = networks.every((texts) => texts === null) ? null : new ClausesByNetwork(networks)
  }

  /** The caller's own. */
  of(judging: Judging): Bits {
    const found = this.#all.copy()
    for (const { of, others, clauses } of this.#values) {
      const values = of(judging)
      if (values === undefined) continue
      const here = this.#here
      here.become(others)
      for (const value of values) {
        if (value !== null) for (const clause of clauses.get(value) ?? []) here.add(clause)
      }
      found.keepOnly(here)
    }
    const { address } = judging
    if (this.#networks !== null && address !== undefined) found.keepOnly(this.#networks.of(address))
    return found
  }
}

function byValue(kind: RequestValue, clauses: readonly Clause[]): ByValue | null {
  const asked = clauses.map(({ values }) => values[kind] ?? null)
  if (asked.every((values) => values === null)) return null
  const byText = new Map<string, number[]>()
  for (const [clause, values] of asked.entries()) {
    for (const value of values ?? []) listedUnder(byText, value, clause)
  }
  return { of: REQUEST_VALUES[kind], others: without(asked), clauses: byText }
}
