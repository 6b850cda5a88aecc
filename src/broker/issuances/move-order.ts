import type { IssuerError } from '../issuer.ts'
import type { BrokerOrder, Upstream } from '../objects.ts'
import { changeOrder, hasEnded } from './change-order.ts'
import type { OpenOrders, OrderMemory } from './open-orders.ts'
import { NowherePlaced, placeOrder } from './place-order.ts'

/** Lines of `left`: each CA may be tried a few times. */
const MOST_LEFT = 20

/**
 * Places the order at another of its CAs, where finalize was not sent to the present one or has come to nothing. Null: none
 * takes it, and what they said is remembered.
 */
export async function moveOrder(
  open: OpenOrders,
  order: BrokerOrder,
  memory: OrderMemory,
  why: IssuerError,
  cas: readonly string[],
  signal: AbortSignal,
): Promise<BrokerOrder | null> {
  const endpoint = open.endpoint(order.endpoint)
  if (endpoint === null || cas.length === 0) return null
  const { label } = memory
  const tenant = open.tenantOf(order, label)
  const { id, identifiers, profile, replaces, issuance } = order
  const wanted = { order: id, endpoint, label, tenant, identifiers, profile, replaces, parent: issuance, cas }
  try {
    const { ca, reference, left } = await placeOrder(open, wanted, signal)
    await open.failPoint('order.moved', 'before')
    const moved = await changeOrder(open, order, (at) => {
      if (hasEnded(at)) return null
      const both = [...at.upstream.left, { ca: order.upstream.ca, why: why.message }, ...left]
      return { upstream: { ...at.upstream, ca, reference, left: lastOf(both) } }
    })
    await open.failPoint('order.moved', 'after')
    if (moved.upstream.reference !== reference) {
      open.abandon(id, ca, reference)
      return moved
    }
    // What was finalized there is no more to be abandoned; it has come to nothing.
    if (!memory.maybeSent) open.abandon(id, order.upstream.ca, order.upstream.reference)
    memory.authorized = null
    memory.maybeSent = false
    memory.isUnknown = false
    return moved
  } catch (error) {
    if (!(error instanceof NowherePlaced)) throw error
    for (const each of error.errors) note(memory, each)
    return null
  }
}

/** What a CA said of this order. */
export function note({ said, final, round }: OrderMemory, error: IssuerError): void {
  said.set(error.ca, error)
  round.add(error.ca)
  if (!mayPass(error)) final.add(error.ca)
}

/** Whether the same CA may well take it a little later. Seconds of a limit are waited for a minute at most. */
function mayPass({ fault, retryAfter }: IssuerError): boolean {
  if (fault === 'limited') return retryAfter !== null && retryAfter <= 60
  return fault === 'unavailable' || fault === 'aborted'
}

function lastOf(left: Upstream['left']): Upstream['left'] {
  const once = new Map(left.map((each) => [`${each.ca} ${each.why}`, each]))
  return [...once.values()].slice(-MOST_LEFT)
}
