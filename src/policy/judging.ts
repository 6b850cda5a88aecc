import { type Product, productsOf } from './conditions/user-agent.ts'
import type { PolicyFacts } from './facts.ts'
import { type AddressNumber, addressNumber } from './names/networks.ts'
import type { Possible } from './possible.ts'

/** One evaluation: the facts, and what conditions that do not depend on the name have said of them. */
export class Judging {
  readonly facts: PolicyFacts
  /** By slot of a condition; 0 where it was not asked. */
  readonly kept: Uint8Array<ArrayBuffer> & { [slot: number]: Possible }
  /** Conditions that were worked out, kept answers not counted. */
  worked = 0
  #products: readonly Product[] | null = null
  #address: AddressNumber | 'none' | null = null

  constructor(facts: PolicyFacts, slots: number) {
    this.facts = facts
    this.kept = new Uint8Array(slots)
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
