import { describe } from '../../audit/diagnosis/describe.ts'
import type { Diagnosis } from '../../audit/diagnosis/diagnosis.ts'
import type { HappeningOf } from '../../audit/inventory/happening.ts'
import type { EventRule, Millis, Resolution } from '../rule.ts'
import { keyOf, keyOfNames, NOTHING, occurred, overFor, resolved, shownBy, withoutLinks } from './happened.ts'
import { DAY, HOUR, momentText } from './time-text.ts'

/** So long after the time the CA named: clients that come then are told whether it holds on. */
const AFTER = HOUR
/** No limit of a public CA counts over more than a week: a CA that says the year 9999 makes no alert that never ends. */
const LONGEST = 31 * DAY
const PER_ACCOUNT = 'NewOrdersPerAccount'
const PER_SET = 'CertificatesPerFQDNSet'
const PER_ADDRESS = ['NewRegistrationsPerIPAddress', 'NewRegistrationsPerIPv6Range']
/** A 503: the CA said no limit. */
const BUSY = 'busy'

/**
 * A CA applied a rate limit (RFC 8555 §6.6) or was busy, or acmetap's pacing held back too much. One alert per CA,
 * limit and what it counts. It ends when what was limited passes again, or an hour after the time that was named. That
 * a busy CA took one request says little: that ends only when it is not seen for an hour.
 */
export const limitHit: EventRule = {
  name: 'limit-hit',
  kinds: ['limited', 'ordered', 'accountSeen'],
  signals(happening, { rules }) {
    switch (happening.kind) {
      case 'limited': {
        const { ca, until, by, names } = happening
        const at = Date.parse(happening.at)
        const limit = limitOf(happening)
        const what = happening.key === null ? '' : ` for ${happening.key}`
        const untilText = until === null ? '' : `, until ${momentText(Date.parse(until))}`
        return occurred(
          shownBy(happening, {
            rule: 'limit-hit',
            key: keyOf(ca, limit, countedBy(happening, limit)),
            severity: rules['limit-hit'].severity,
            // These are about all names alike: one that passes ends nothing.
            names: limit === BUSY || by === 'acmetap' ? [] : names,
            group: ca ?? '',
            title:
              limit === BUSY ? `${ca} is busy${untilText}` : `${ca}: ${limit}${what} used up${untilText}`,
            ...textOf(happening, limit),
            said: withoutLinks(happening.detail),
            details: {
              class: limit === BUSY ? 'ca-busy' : 'rate-limit',
              limit,
              by,
              ...(happening.key !== null && { key: happening.key }),
              ...(until !== null && { until }),
            },
            until: overAt(at, until, limit),
          }),
        )
      }
      case 'ordered':
        return resolved(
          ...passed(happening, [PER_ACCOUNT], happening.account?.url),
          ...overForNames(happening),
        )
      case 'accountSeen':
        return happening.created ? resolved(...passed(happening, PER_ADDRESS, undefined)) : NOTHING
      default:
        return NOTHING
    }
  },
}

function limitOf({ limit, status, by }: HappeningOf<'limited'>): string {
  return by === 'ca' && limit === 'unknown' && status === 503 ? BUSY : limit
}

/** What it counts, where the CA does not say: what the limit of that name is known to count. */
function countedBy({ key, account, names, client }: HappeningOf<'limited'>, limit: string): string | null {
  if (key !== null) return key.slice(0, 200)
  switch (limit) {
    case PER_ACCOUNT:
      return account?.url ?? null
    case PER_SET:
      return keyOfNames(names)
    case 'unknown':
      return client?.id ?? null
    default:
      return null
  }
}

function overAt(at: Millis, until: string | null, limit: string): Millis {
  if (until !== null) return Math.min(Math.max(at, Date.parse(until)), at + LONGEST) + AFTER
  return limit === BUSY ? at + AFTER : at + DAY
}

function textOf(
  { by, key, until }: HappeningOf<'limited'>,
  limit: string,
): Pick<Diagnosis, 'cause' | 'remedy' | 'fixer'> {
  if (by === 'acmetap') {
    return {
      cause: 'acmetap held the request back to spare the CA, and told the client to come again later.',
      remedy:
        'Nothing is lost: clients come again. Find out which client asks so often; cas.<name>.pacing says how much may pass.',
      fixer: 'client',
    }
  }
  if (limit === BUSY) return describe('ca-busy')
  return describe('rate-limit', {
    limit,
    ...(key !== null && { key }),
    ...(until !== null && { until: momentText(Date.parse(until)) }),
  })
}

function passed(
  happening: HappeningOf<'ordered'> | HappeningOf<'accountSeen'>,
  limits: readonly string[],
  counted: string | undefined,
): Resolution[] {
  const at = Date.parse(happening.at)
  const why = happening.kind === 'ordered' ? 'The CA took another order.' : 'The CA made another account.'
  return limits.map((limit) => ({
    rule: 'limit-hit',
    by: { key: keyOf(happening.ca, limit, counted) },
    at,
    why,
  }))
}

function overForNames(happening: HappeningOf<'ordered'>): Resolution[] {
  const account = happening.account?.url ?? null
  return overFor(happening, 'limit-hit', { account }, 'The CA took an order of the account with the name.')
}
