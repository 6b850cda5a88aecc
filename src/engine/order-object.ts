import ipaddr from 'ipaddr.js'
import type { Identifier } from '../acme/identifier.ts'
import { type Problem, readOrder } from '../acme/response-objects.ts'
import type { AcmeAnswer } from './acme-answer.ts'
import { type AcmeSession, wrongAnswer } from './acme-session.ts'

const ORDER_STATUSES = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const
export type OrderStatus = (typeof ORDER_STATUSES)[number]

/** An order as the CA shows it (RFC 8555 §7.1.3), within bounds. */
export interface OrderObject {
  readonly url: string
  readonly status: OrderStatus
  readonly identifiers: readonly Identifier[]
  /** URLs. */
  readonly authorizations: readonly string[]
  readonly finalize: string
  /** URL; there where the status is `valid`. */
  readonly certificate: string | null
  readonly error: Problem | null
  /** µs since 1970; null where the CA does not say, or not in RFC 3339. */
  readonly expires: number | null
  readonly profile: string | null
  /** Seconds after which it may be looked at again, within bounds; null where the CA said nothing. */
  readonly retryAfter: number | null
  /** Exchange that showed it. */
  readonly exchange: string
}

/** Authorizations of one order: real ones have one for each name, of which there are 100 at most. */
const MOST_AUTHORIZATIONS = 200

/** Throws EngineError (`protocol`) for what is no order. */
export function orderObject(session: AcmeSession, answer: AcmeAnswer, url: string): OrderObject {
  const order = readOrder(answer.json)
  const status = ORDER_STATUSES.find((word) => word === order.status)
  if (status === undefined) throw wrongAnswer(session, answer, 'answers with something that is no order')
  if (order.finalize === null) throw wrongAnswer(session, answer, 'answers with an order without finalize')
  if (order.authorizations.length > MOST_AUTHORIZATIONS) {
    throw wrongAnswer(
      session,
      answer,
      `answers with an order of more than ${MOST_AUTHORIZATIONS} authorizations`,
    )
  }
  if (status === 'valid' && order.certificate === null)
    throw wrongAnswer(session, answer, 'answers with a valid order that has no certificate')
  const expires = Date.parse(order.expires ?? '')
  return {
    url,
    status,
    identifiers: order.identifiers,
    authorizations: [...new Set(order.authorizations)],
    finalize: order.finalize,
    certificate: order.certificate,
    error: order.error,
    expires: Number.isNaN(expires) ? null : expires * 1000,
    profile: order.profile,
    retryAfter: answer.retryAfter,
    exchange: answer.exchange,
  }
}

/** The same set, whatever the order, the case of names and the spelling of addresses. */
export function isSameIdentifiers(one: readonly Identifier[], other: readonly Identifier[]): boolean {
  return setOf(one) === setOf(other)
}

function setOf(identifiers: readonly Identifier[]): string {
  const names = identifiers.map(plainIdentifier).map(({ type, value }) => `${type} ${value}`)
  return [...new Set(names)].sort().join('\n')
}

/** RFC 8738 §3: addresses are written as RFC 5952 has them. */
export function plainIdentifier({ type, value }: Identifier): Identifier {
  const plain = value.toLowerCase()
  if (type !== 'ip' || !ipaddr.isValid(plain)) return { type, value: plain }
  const address = ipaddr.parse(plain)
  return { type, value: 'toRFC5952String' in address ? address.toRFC5952String() : address.toString() }
}
