import { type Product, productsOf } from './conditions/user-agent.ts'
import type { PolicyFacts } from './facts.ts'
import type { Judged } from './judged.ts'
import { type AddressNumber, addressNumber } from './names/networks.ts'
import type { Possible } from './possible.ts'

/** By slot of a condition; 0 where it was not asked. */
type Kept = Uint8Array<ArrayBuffer> & { [slot: number]: Possible }

/** Where answers are kept. */
class Room {
  readonly kept: Kept
  readonly keptOfName: Kept

  constructor(slots: number) {
    this.kept = new Uint8Array(slots)
    this.keptOfName = new Uint8Array(slots)
  }

  clear(): void {
    this.kept.fill(0)
    this.keptOfName.fill(0)
  }
}

/** Lends the room of one evaluation to the next: what is made for each anew has to be thrown away for each as well. */
export class Rooms {
  readonly #slots: number
  readonly #free: Room[] = []

  constructor(slots: number) {
    this.#slots = slots
  }

  /** `work` keeps nothing of the judging that it is given. */
  lend<T>(facts: PolicyFacts, work: (judging: Judging) => T): T {
    const room = this.#free.pop() ?? new Room(this.#slots)
    try {
      return work(new Judging(facts, this.#slots, room))
    } finally {
      room.clear()
      this.#free.push(room)
    }
  }
}

/** One evaluation: the facts, and what conditions have said of them. */
export class Judging {
  readonly facts: PolicyFacts
  /** By conditions that do not depend on the name. */
  readonly kept: Kept
  /** Conditions that were worked out, kept answers not counted. */
  worked = 0
  readonly #keptOfName: Kept
  #name: Judged = null
  #products: readonly Product[] | null = null
  #address: AddressNumber | 'none' | null = null

  constructor(facts: PolicyFacts, slots: number, room = new Room(slots)) {
    this.facts = facts
    this.kept = room.kept
    this.#keptOfName = room.keptOfName
  }

  /** By conditions on the name; another name makes it empty. */
  keptOf(name: Judged): Kept {
    if (name !== this.#name) {
      this.#name = name
      this.#keptOfName.fill(0)
    }
    return this.#keptOfName
  }

  /** Of the User-Agent; undefined where that is not known. */
  get products(): readonly Product[] | undefined {
    const { userAgent } = this.facts.client
    if (userAgent === undefined) return undefined
    this.#products ??= productsOf(userAgent)
    return this.#products
  }

  /** The client's; null where it has none that can be read, undefined where it is not known. */
  get address(): AddressNumber | null | undefined {
    const { address } = this.facts.client
    if (address === undefined) return undefined
    this.#address ??= (address === null ? null : addressNumber(address)) ?? 'none'
    return this.#address === 'none' ? null : this.#address
  }
}
