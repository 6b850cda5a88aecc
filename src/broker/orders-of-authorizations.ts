import type { ExchangeId } from '../exchange/exchange-id.ts'
import { LruMap } from '../exchange/lru-map.ts'
import type { BrokerStore, Owner } from './broker-store.ts'
import type { BrokerAuthorization } from './objects.ts'

export interface OrderOfAuthorization {
  readonly order: string
  /** Exchange of its newOrder. */
  readonly issuance: ExchangeId
}

const REMEMBERED = 10_000

/**
 * Which order a client works at when it comes with an authorization: an authorization names none, and several orders may have
 * it. It is for the record alone. Memory saves a question; the store has the answer.
 */
export class OrdersOfAuthorizations {
  readonly #store: Pick<BrokerStore, 'pendingOrdersOf' | 'order'>
  readonly #latest = new LruMap<string, OrderOfAuthorization>(REMEMBERED)

  constructor(store: Pick<BrokerStore, 'pendingOrdersOf' | 'order'>) {
    this.#store = store
  }

  /** An order was shown that has these: ids. */
  remember(authorizations: readonly string[], order: OrderOfAuthorization): void {
    for (const id of authorizations) this.#latest.set(id, order)
  }

  async find(owner: Owner, { id, status }: BrokerAuthorization): Promise<OrderOfAuthorization | null> {
    const known = this.#latest.get(id)
    if (known) return known
    if (status !== 'pending') return null
    const [pending] = await this.#store.pendingOrdersOf(owner, id)
    const order = pending === undefined ? null : await this.#store.order(owner, pending)
    if (!order) return null
    const found = { order: order.id, issuance: order.issuance }
    this.#latest.set(id, found)
    return found
  }
}
