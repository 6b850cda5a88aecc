import type { Bits } from './bits.ts'
import { listedUnder, without } from './clauses-without.ts'
import { type AddressNumber, NetworkTable } from './names/networks.ts'

/** Networks of many clauses, to be asked together. Throws a TypeError for a text that is no network. */
export class ClausesByNetwork {
  /** Clauses that do not care. */
  readonly #others: Bits
  /** Clauses with one list share their place in it. */
  readonly #table = new NetworkTable<(readonly number[])[]>()

  constructor(lists: readonly (readonly string[] | null)[]) {
    this.#others = without(lists)
    const sharing = new Map<readonly string[], number[]>()
    for (const [clause, list] of lists.entries()) if (list !== null) listedUnder(sharing, list, clause)
    for (const [list, clauses] of sharing) for (const text of list) this.#put(text, clauses)
  }

  /** The caller's own. Null: no address. */
  of(address: AddressNumber | null): Bits {
    const found = this.#others.copy()
    if (address === null) return found
    for (const lists of this.#table.holding(address)) {
      for (const clauses of lists) for (const clause of clauses) found.add(clause)
    }
    return found
  }

  #put(text: string, clauses: readonly number[]): void {
    const fault = this.#table.put(text, (there = []) => {
      there.push(clauses)
      return there
    })
    if (fault !== null) throw new TypeError(`a network that cannot be read: ${fault.fault}`)
  }
}
