import { MOST_SUBPROBLEMS, type ProblemDocument, type SubproblemDocument } from '../../acme/problem.ts'
import { problemUrn } from '../../acme/problem-types.ts'
import type { BrokerAuthorization, BrokerOrder } from '../objects.ts'
import { changeOrder, endOrder } from './change-order.ts'
import type { OpenOrders } from './open-orders.ts'

/**
 * RFC 8555 §7.1.6: a pending order is ready when each of its authorizations is valid, and invalid as soon as one can't be any
 * more. Resolves with the order as it then stands.
 */
export async function settleOrder(open: OpenOrders, order: BrokerOrder): Promise<BrokerOrder> {
  if (order.status !== 'pending') return order
  const authorizations = await open.store.authorizations(order, order.authorizations)
  const dead = authorizations.filter(({ status }) => status !== 'pending' && status !== 'valid')
  if (dead.length > 0) return endOrder(open, order, whyInvalid(dead))
  const valid = authorizations.filter(({ status }) => status === 'valid').length
  if (valid < order.authorizations.length) return order
  await open.failPoint('order.ready', 'before')
  const ready = await changeOrder(open, order, ({ status }) =>
    status === 'pending' ? { status: 'ready' } : null,
  )
  await open.failPoint('order.ready', 'after')
  return ready
}

/** What the first of them says; where there are several, each of them under it. */
function whyInvalid(dead: readonly BrokerAuthorization[]): ProblemDocument {
  const all = dead.map(problemOf)
  const [first] = all
  const { type, detail, identifier, status } = first!
  const document = { type, detail: `${identifier.value}: ${detail}`, status }
  if (all.length === 1) return document
  const subproblems = all.slice(0, MOST_SUBPROBLEMS).map(withoutStatus)
  return { ...document, subproblems }
}

interface OneProblem extends SubproblemDocument {
  readonly status: number
}

function problemOf({ status, identifier, wildcard, challenges }: BrokerAuthorization): OneProblem {
  const value = wildcard ? `*.${identifier.value}` : identifier.value
  const named = { type: identifier.type, value }
  const error = challenges.find((each) => each.error !== null)?.error ?? null
  if (error !== null)
    return { type: error.type, detail: error.detail, status: error.status, identifier: named }
  return {
    type: problemUrn('unauthorized'),
    detail: `the authorization is ${status}`,
    status: 403,
    identifier: named,
  }
}

function withoutStatus({ type, detail, identifier }: OneProblem): SubproblemDocument {
  return { type, detail, identifier }
}
