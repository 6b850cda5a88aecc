import type { ProblemDocument } from '../../acme/problem.ts'
import type { BrokerOrder } from '../objects.ts'
import type { OpenOrders } from './open-orders.ts'

/**
 * What is to be changed of the order as it stands when nobody else has changed it meanwhile; null: nothing. Resolves with the
 * order as it then stands.
 */
export async function changeOrder(
  { store, clock }: OpenOrders,
  order: BrokerOrder,
  change: (order: BrokerOrder) => Partial<BrokerOrder> | null,
): Promise<BrokerOrder> {
  for (let at = order; ; ) {
    const changes = change(at)
    if (changes === null) return at
    const changed = { ...at, ...changes, changedAt: Math.max(clock.now().wall, at.changedAt + 1) }
    if (await store.putOrder(changed, at)) return changed
    const found = await store.anyOrder(order.id)
    if (found === null) throw new Error(`order ${order.id} is not stored any more`)
    at = found
  }
}

export function hasEnded({ status }: BrokerOrder): boolean {
  return status === 'valid' || status === 'invalid'
}

/** RFC 8555 §7.1.6: nothing comes of it. */
export async function endOrder(
  open: OpenOrders,
  order: BrokerOrder,
  error: ProblemDocument,
): Promise<BrokerOrder> {
  const memory = await open.memory(order)
  await open.failPoint('order.failed', 'before')
  const ended = await changeOrder(open, order, (at) => (hasEnded(at) ? null : { status: 'invalid', error }))
  await open.failPoint('order.failed', 'after')
  open.forget(order.id)
  if (ended.status !== 'invalid') return ended
  if (!memory.maybeSent) open.abandon(order.id, ended.upstream.ca, ended.upstream.reference)
  open.tell({ kind: 'failed', order: order.id, endpoint: order.endpoint, why: error.detail })
  return ended
}
