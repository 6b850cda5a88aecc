import { setTimeout as sleep } from 'node:timers/promises'
import { AcmeProblem } from '../../acme/problem.ts'
import type { BrokerOrder } from '../objects.ts'
import type { OpenOrders } from './open-orders.ts'
import type { OrderRuns } from './order-runs.ts'

/**
 * RFC 8555 §7.4. The request is durable before anybody acts on it. Resolves with the order when it has ended, or as it stands
 * after a few seconds. Of several at the same time one is acted on; the others reject with orderNotReady.
 */
export async function finalizeOrder(
  open: OpenOrders,
  runs: OrderRuns,
  order: BrokerOrder,
  csr: string,
): Promise<BrokerOrder> {
  const processing = await accept(open, order, csr)
  if (processing.status !== 'processing') return processing
  const waited = new AbortController()
  const late = sleep(open.patience.finalize, processing, { signal: waited.signal }).catch(() => processing)
  try {
    return await Promise.race([runs.goOn(processing), late])
  } finally {
    waited.abort()
  }
}

async function accept(open: OpenOrders, order: BrokerOrder, csr: string): Promise<BrokerOrder> {
  for (let at = order; ; ) {
    // Meanwhile no CA was left for it: that is what the client is to see.
    if (at.status === 'invalid') return at
    if (at.status !== 'ready')
      throw new AcmeProblem(
        'orderNotReady',
        `Order's status (${JSON.stringify(at.status)}) is not acceptable for finalization`,
      )
    const changedAt = Math.max(open.now().wall, at.changedAt + 1)
    const processing = { ...at, status: 'processing', csr, changedAt } as const
    await open.failPoint('order.finalizing', 'before')
    if (await open.store.putOrder(processing, at)) {
      await open.failPoint('order.finalizing', 'after')
      return processing
    }
    const found = await open.store.anyOrder(order.id)
    if (found === null) throw new Error(`order ${order.id} is not stored any more`)
    at = found
  }
}
