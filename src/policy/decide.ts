/**
 * src/policy decides. It knows no HTTP server and no SQL.
 * The rules here hold in every mode, observe included: they protect the record's truth, not an operator's wishes. What
 * the operator wishes, the policy, is asked after them.
 */
import { AMBIGUITIES } from '../acme/ambiguity.ts'
import type { Asked } from '../exchange/asked.ts'
import type { Decision, Denial } from '../exchange/decision.ts'
import type { Decided, Inspected, OtherHost } from '../exchange/exchange.ts'
import { askedOf } from '../exchange/read-asked.ts'

/** Bytes. RFC 8555 messages are far smaller: the largest seen from real clients is a CSR of 100 names, 12 kB. */
export const REQUEST_BODY_LIMIT = 50_000

/** Why relay to a CA is refused, with advice, by authority; null where it works or is not known yet. */
export type RelayRefusal = (ca: string, authority: string) => string | null

/** Why a host that is no configured CA may not be reached, in one line with the remedy; null where it may. */
export type OtherHostRefusal = (target: OtherHost) => string | null

/** What decisions rest on beside the exchange itself. */
export interface DecidingFacts {
  readonly relayRefusal: RelayRefusal
  readonly otherHostRefusal: OtherHostRefusal
  /** The policy in force, asked of what may be sent otherwise. */
  readonly policy: (exchange: Inspected, asked: Asked | null) => Promise<Decision>
}

export async function decide(exchange: Inspected, facts: DecidingFacts): Promise<Decided> {
  const always = inEveryMode(exchange, facts)
  if (always.effect === 'deny' || exchange.otherHost) return { ...exchange, asked: null, decision: always }
  const asked = await askedOf(exchange)
  return { ...exchange, asked, decision: await facts.policy(exchange, asked) }
}

function inEveryMode(exchange: Inspected, facts: DecidingFacts): Decision {
  const { destination, otherHost, request, mode, ambiguities } = exchange
  if (exchange.refusal) return exchange.refusal
  if (otherHost) {
    const refusal = facts.otherHostRefusal(otherHost)
    if (refusal === null) return { effect: 'allow' }
    return { ...deny('other-host', 403, refusal), problem: 'unauthorized' }
  }
  if (!destination) return mode === 'intercept' ? misdirected(exchange) : notRelayed(request.authority)
  if (request.truncated) {
    return deny(
      'body-too-large',
      413,
      `the request body is over ${REQUEST_BODY_LIMIT} bytes; no ACME request is that large`,
    )
  }
  const [first, ...others] = ambiguities
  if (first) {
    const more = others.length > 0 ? ` (and ${others.length} more)` : ''
    return deny(
      'ambiguous-request',
      400,
      `the request can be read in more than one way and was not sent to the CA: ${AMBIGUITIES[first.kind]} at ${first.where}${more}`,
    )
  }
  const refusal = mode === 'relay' ? facts.relayRefusal(destination.ca, destination.authority) : null
  if (refusal) return { ...deny('relay-refused', 503, refusal), problem: 'serverInternal', retryAfter: 3600 }
  return { effect: 'allow' }
}

function notRelayed(authority: string | null): Denial {
  return deny(
    'unknown-host',
    421,
    `acmetap relays no CA under the host name ${named(authority)}; check the client's --server URL against the relay list of acmetap's configuration`,
  )
}

function misdirected({ connection, request }: Inspected): Denial {
  return deny(
    'unknown-host',
    421,
    `this connection is for ${quote(connection.intercepted)}, and the request names ${named(request.authority)} as its Host; only the CA the connection was made for can be reached through it`,
  )
}

function named(authority: string | null): string {
  return quote(authority?.replace(/^.*@/s, '') ?? null)
}

function deny(rule: string, status: number, detail: string): Denial {
  return { effect: 'deny', rule, problem: 'malformed', status, detail }
}

function quote(text: string | null): string {
  return text === null ? '(none given)' : JSON.stringify(text.slice(0, 100))
}
