import { setTimeout as sleep } from 'node:timers/promises'
import type { BrokerOrder } from '../objects.ts'
import { hasEnded } from './change-order.ts'
import { goOn } from './go-on.ts'
import type { OpenOrders } from './open-orders.ts'

/** Each order is gone on with by one at a time; whoever comes meanwhile waits for the same end. */
export class OrderRuns {
  readonly #open: OpenOrders
  readonly #stop = new AbortController()
  readonly #running = new Map<string, Promise<BrokerOrder>>()
  /** As it was changed while somebody was at it. */
  readonly #newer = new Map<string, BrokerOrder>()

  constructor(open: OpenOrders) {
    this.#open = open
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  isRunning(order: string): boolean {
    return this.#running.has(order)
  }

  /** Resolves with the order when nothing more can be done with it now. Never rejects. */
  goOn(order: BrokerOrder): Promise<BrokerOrder> {
    const { id } = order
    const running = this.#running.get(id)
    if (running !== undefined) {
      this.#newer.set(id, order)
      return running
    }
    if (this.signal.aborted) return Promise.resolve(order)
    const run = this.#run(order)
    this.#running.set(id, run)
    return run
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running.values())
  }

  /** Whether it is over is seen and said in one turn: who comes later begins anew, and is not left with what was before. */
  async #run(order: BrokerOrder): Promise<BrokerOrder> {
    let at = order
    try {
      for (let faults = 0; !this.signal.aborted; ) {
        try {
          this.#newer.delete(order.id)
          at = await goOn(this.#open, at, this.signal)
          const newer = this.#newer.get(order.id)
          if (newer === undefined || hasEnded(at)) return at
          at = newer
        } catch (error) {
          if (this.signal.aborted) return at
          this.#open.tell({ kind: 'fault', order: order.id, error })
          at = await this.#afterFault(at, ++faults)
        }
      }
      return at
    } finally {
      this.#running.delete(order.id)
      this.#newer.delete(order.id)
    }
  }

  /** A store that takes nothing now may take it later; as it stands there, it is gone on with. */
  async #afterFault(order: BrokerOrder, faults: number): Promise<BrokerOrder> {
    const { again, longest } = this.#open.patience
    const wait = Math.min(again * 2 ** faults, longest)
    await sleep(wait, undefined, { signal: this.signal }).catch(() => undefined)
    if (this.signal.aborted) return order
    return (await this.#open.store.anyOrder(order.id).catch(() => null)) ?? order
  }
}
