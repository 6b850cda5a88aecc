import type { OrderRequest } from '../issuances.ts'
import { newObjectId } from '../object-id.ts'
import type { BrokerOrder } from '../objects.ts'
import { fitCas } from './fit-cas.ts'
import type { OpenOrders } from './open-orders.ts'
import { firstOf, NowherePlaced, type Placement, placeOrder } from './place-order.ts'

/**
 * RFC 8555 §7.4. The CA has the order before it is ours: a kill in between leaves one at the CA that {@link abandonStrays}
 * finds. Rejects with IssuerError.
 */
export async function beginOrder(
  open: OpenOrders,
  request: OrderRequest,
  signal: AbortSignal,
): Promise<BrokerOrder> {
  const { cas, unfit } = await fitCas(open, request)
  const id = newObjectId()
  open.beginning.add(id)
  try {
    await open.failPoint('order.placed', 'before')
    const placed = await place(open, request, id, cas, signal)
    await open.failPoint('order.placed', 'after')
    const order = orderOf(open, request, id, placed, { cas, unfit })
    await store(open, request, order)
    const { endpoint, account } = request
    open.remember(id, account.label)
    open.tell({ kind: 'placed', order: id, endpoint: endpoint.name, ca: placed.ca })
    return order
  } finally {
    open.beginning.delete(id)
  }
}

async function place(
  open: OpenOrders,
  { endpoint, account, identifiers, profile, replaces, exchange }: OrderRequest,
  order: string,
  cas: readonly string[],
  signal: AbortSignal,
): Promise<Placement> {
  const { label } = account
  const tenant = open.tenantOf({ endpoint: endpoint.name }, label)
  const wanted = { order, endpoint, label, tenant, identifiers, profile, replaces, parent: exchange, cas }
  try {
    return await placeOrder(open, wanted, signal)
  } catch (error) {
    throw error instanceof NowherePlaced ? firstOf(error.errors) : error
  }
}

function orderOf(
  open: OpenOrders,
  { endpoint, account, identifiers, profile, replaces, exchange, authorizations }: OrderRequest,
  id: string,
  { ca, reference, expiresAt, left }: Placement,
  { cas, unfit }: { readonly cas: readonly string[]; readonly unfit: BrokerOrder['upstream']['left'] },
): BrokerOrder {
  const now = open.now().wall
  const isReady = authorizations.every(({ authorization }) => authorization.status === 'valid')
  return {
    id,
    endpoint: endpoint.name,
    account: account.id,
    status: isReady ? 'ready' : 'pending',
    identifiers,
    authorizations: authorizations.map(({ authorization }) => authorization.id),
    profile,
    replaces,
    csr: null,
    certificate: null,
    error: null,
    upstream: { ca, reference, candidates: cas, left: [...unfit, ...left] },
    issuance: exchange,
    // RFC 8555 §7.1.6: nothing comes of it once one of its authorizations has ended.
    expiresAt: Math.min(
      now + endpoint.orderLifetime * 1000,
      expiresAt ?? Number.POSITIVE_INFINITY,
      ...authorizations.map(({ authorization }) => authorization.expiresAt),
    ),
    createdAt: now,
    changedAt: now,
  }
}

async function store(open: OpenOrders, request: OrderRequest, order: BrokerOrder): Promise<void> {
  const added = request.authorizations.filter(({ isNew }) => isNew)
  try {
    await open.failPoint('order.stored', 'before')
    await open.store.addOrder(
      order,
      added.map(({ authorization }) => authorization),
    )
    await open.failPoint('order.stored', 'after')
  } catch (error) {
    open.abandon(order.id, order.upstream.ca, order.upstream.reference)
    throw error
  }
}
