import type { Owner } from '../../../broker/broker-store.ts'
import { LruMap } from '../../../exchange/lru-map.ts'

/**
 * Objects as the database has them, so that what a client asks for again right away costs no way to the thread and back. This
 * process is the only one that writes: what is being written is not known until it is durable, and what was refused is not
 * known any more. What is another's is asked for, as what is missing is: both take the same time.
 */
export class KeptObjects<T extends Owner & { readonly id: string }> {
  readonly #capacity: number
  #known: LruMap<string, T>

  constructor(capacity: number) {
    this.#capacity = capacity
    this.#known = new LruMap(capacity)
  }

  get({ endpoint, account }: Owner, id: string): T | null {
    const known = this.#known.get(id)
    return known?.endpoint === endpoint && known.account === account ? known : null
  }

  /** While it is written, nothing is known of it; afterwards what `kept` says of the result: null is nothing. */
  async written<R>(id: string, write: () => Promise<R>, kept: (result: R) => T | null): Promise<R> {
    this.#known.delete(id)
    let object: T | null = null
    try {
      const result = await write()
      object = kept(result)
      return result
    } finally {
      if (object === null) this.#known.delete(id)
      else this.#known.set(id, object)
    }
  }

  add(object: T): void {
    this.#known.set(object.id, object)
  }

  forget(): void {
    this.#known = new LruMap(this.#capacity)
  }
}
