import { setTimeout as sleep } from 'node:timers/promises'
import { fewAtOnce } from '../../engine/few-at-once.ts'
import type { BrokerOrder } from '../objects.ts'
import { everyCaOf } from '../routing/routes.ts'
import { endOrder, hasEnded } from './change-order.ts'
import { expired } from './go-on.ts'
import type { OpenOrders } from './open-orders.ts'
import type { OrderRuns } from './order-runs.ts'
import { settleOrder } from './settle-order.ts'

/** Orders that are gone on with at the same time after a start. */
const AT_ONCE = 20
/** ms after which one that waits for its CA lets the next begin. */
const LONGEST = 30_000

/** What CAs have for orders that nobody has: a process ended before it could store them, or after they went elsewhere. */
export async function abandonStrays(open: OpenOrders): Promise<void> {
  const cas = new Set(open.endpoints().flatMap(everyCaOf))
  await Promise.all(
    [...cas].map(async (ca) => {
      try {
        for (const { order, reference } of await open.issuer(ca).placed()) {
          if (open.beginning.has(order)) continue
          const found = await open.store.anyOrder(order)
          const isThere = found?.upstream.ca === ca && found.upstream.reference === reference
          if (found === null || !isThere || hasEnded(found)) open.abandon(order, ca, reference)
          else open.unsent.add(`${ca} ${reference}`)
        }
      } catch (error) {
        open.saidBy(ca, 'none', error)
      }
    }),
  )
}

/** Every open order from where it stands, oldest first. Resolves when each was begun with. */
export async function resume(open: OpenOrders, runs: OrderRuns): Promise<void> {
  const orders = await open.store.openOrders()
  await fewAtOnce(AT_ONCE, orders, async (order) => {
    if (runs.signal.aborted || runs.isRunning(order.id)) return
    const at = await asItStands(open, order)
    if (at.status !== 'ready' && at.status !== 'processing') return
    const waited = new AbortController()
    const long = sleep(LONGEST, undefined, { signal: AbortSignal.any([runs.signal, waited.signal]) })
    await Promise.race([runs.goOn(at), long.catch(() => undefined)])
    waited.abort()
  })
}

/** Now and then: what has expired is ended, and what a fault of our own has stopped is gone on with. */
export async function sweep(open: OpenOrders, runs: OrderRuns): Promise<void> {
  for (const order of await open.store.openOrders()) {
    if (runs.signal.aborted) return
    if (runs.isRunning(order.id)) continue
    const at = await asItStands(open, order)
    if (at.status === 'processing' || (at.status === 'ready' && order.status === 'pending'))
      void runs.goOn(at)
  }
}

async function asItStands(open: OpenOrders, order: BrokerOrder): Promise<BrokerOrder> {
  const isOver = order.expiresAt <= open.now().wall && order.status !== 'processing'
  if (isOver) return endOrder(open, order, expired())
  return settleOrder(open, order)
}
