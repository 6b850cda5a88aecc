/**
 * src/broker/issuances sees orders through: from newOrder to a certificate, over one CA or several, over kills and faults.
 * Start here; go-on.ts is the heart. It knows issuers (../issuer.ts), and no CA.
 */
import { setInterval as every } from 'node:timers/promises'
import type { ExchangeId } from '../../exchange/exchange-id.ts'
import type { Issuances, OrderRequest } from '../issuances.ts'
import type { BrokerAuthorization, BrokerOrder } from '../objects.ts'
import type { CaStanding } from '../routing/ca-health.ts'
import type { Drill } from '../routing/drill.ts'
import { everyCaOf } from '../routing/routes.ts'
import { beginOrder } from './begin-order.ts'
import { finalizeOrder } from './finalize-order.ts'
import type { IssuanceParts } from './issuance-parts.ts'
import { OpenOrders } from './open-orders.ts'
import { OrderRuns } from './order-runs.ts'
import { abandonStrays, resume, sweep } from './restart.ts'
import { settleOrder } from './settle-order.ts'

/** With what operators see and do. */
export interface WatchedIssuances extends Issuances {
  readonly drill: Drill
  /** Of every CA that some endpoint has. */
  standings(): readonly CaStanding[]
}

export function createIssuances(parts: IssuanceParts): WatchedIssuances {
  return new OrdersOnTheirWay(parts)
}

class OrdersOnTheirWay implements WatchedIssuances {
  readonly #open: OpenOrders
  readonly #runs: OrderRuns
  #working: Promise<unknown> = Promise.resolve()

  constructor(parts: IssuanceParts) {
    this.#open = new OpenOrders(parts)
    this.#runs = new OrderRuns(this.#open)
  }

  get drill(): Drill {
    return this.#open.drill
  }

  standings(): readonly CaStanding[] {
    const cas = new Set(this.#open.endpoints().flatMap(everyCaOf))
    return [...cas].map((ca) => this.#open.health.standing(ca))
  }

  async begin(request: OrderRequest, signal: AbortSignal): Promise<BrokerOrder> {
    const order = await beginOrder(this.#open, request, signal)
    // What was pending when it was looked up may have been proved meanwhile.
    const shares = request.authorizations.some(({ isNew }) => !isNew)
    const at = shares ? await settleOrder(this.#open, order) : order
    this.#goOnWith(at)
    return at
  }

  async settled({ endpoint, account, id }: BrokerAuthorization): Promise<void> {
    for (const pending of await this.#open.store.pendingOrdersOf({ endpoint, account }, id)) {
      const order = await this.#open.store.anyOrder(pending)
      if (order !== null) this.#goOnWith(await settleOrder(this.#open, order))
    }
  }

  finalize(order: BrokerOrder, csr: string, _exchange: ExchangeId): Promise<BrokerOrder> {
    return finalizeOrder(this.#open, this.#runs, order, csr)
  }

  async start(): Promise<void> {
    await abandonStrays(this.#open)
    this.#working = Promise.all([this.#resumed(), this.#swept()])
  }

  async close(): Promise<void> {
    await this.#runs.close()
    await this.#working
  }

  /** Authorized while the client makes its request. */
  #goOnWith(order: BrokerOrder): void {
    if (order.status === 'ready') void this.#runs.goOn(order)
  }

  async #resumed(): Promise<void> {
    await resume(this.#open, this.#runs).catch((error: unknown) => this.#fault(error))
  }

  async #swept(): Promise<void> {
    const { signal } = this.#runs
    try {
      for await (const _ of every(this.#open.patience.sweep, undefined, { signal, ref: false }))
        await sweep(this.#open, this.#runs).catch((error: unknown) => this.#fault(error))
    } catch {
      // It was closed.
    }
  }

  #fault(error: unknown): void {
    if (!this.#runs.signal.aborted) this.#open.tell({ kind: 'fault', order: 'none', error })
  }
}
