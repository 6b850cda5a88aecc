import { AcmeProblem } from '../../acme/problem.ts'
import type { BrokerAnswer } from '../brokered-request.ts'
import type { Endpoint } from '../endpoint.ts'
import type { BrokerOrder } from '../objects.ts'
import { urlOf } from '../url-map.ts'
import { worthAsking } from './asking.ts'
import { timeText } from './time-text.ts'

/** RFC 8555 §7.1.6: what the client did not bring to its end in time is invalid, whether that was written down yet or not. */
export function asItStands(order: BrokerOrder, now: number): BrokerOrder {
  if (order.expiresAt > now || (order.status !== 'pending' && order.status !== 'ready')) return order
  const error = new AcmeProblem('malformed', `the order expired at ${timeText(order.expiresAt)}`).document()
  return { ...order, status: 'invalid', error }
}

/** RFC 8555 §7.1.3, RFC 9773 §5, draft-aaron-acme-profiles §4. */
export function showOrder(order: BrokerOrder, endpoint: Endpoint) {
  const { status, identifiers, authorizations, profile, replaces, certificate, error } = order
  return {
    status,
    expires: timeText(order.expiresAt),
    identifiers,
    ...(profile === null ? {} : { profile }),
    ...(replaces === null ? {} : { replaces }),
    ...(error === null ? {} : { error }),
    authorizations: authorizations.map((id) => urlOf(endpoint, 'authorization', [id])),
    finalize: urlOf(endpoint, 'finalize', [order.id]),
    ...(certificate === null ? {} : { certificate: urlOf(endpoint, 'certificate', [certificate]) }),
  }
}

/** With where it is (clients look for it behind finalize too), and when to ask again where something is awaited. */
export function orderAnswer(
  status: 200 | 201,
  kept: BrokerOrder,
  endpoint: Endpoint,
  now: number,
): BrokerAnswer {
  const order = asItStands(kept, now)
  const isAwaited = order.status === 'pending' || order.status === 'processing'
  return {
    status,
    fields: [
      ['location', urlOf(endpoint, 'order', [order.id])],
      ...(isAwaited && status === 200
        ? ([['retry-after', String(worthAsking(order.changedAt, now))]] as const)
        : []),
    ],
    body: { json: showOrder(order, endpoint) },
  }
}
