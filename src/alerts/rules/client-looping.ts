import type { HappeningOf } from '../../audit/inventory/happening.ts'
import type { Issuances } from '../look.ts'
import type { EventRule, Millis } from '../rule.ts'
import { keyOf, keyOfNames, NOTHING, occurred, shownBy } from './happened.ts'
import { namesText } from './standing.ts'
import { spanText } from './time-text.ts'

/** Clients renew after half of a life at the soonest: no more than one renewal falls into so much of it. */
const PART_OF_LIFE = 0.4

/**
 * The same certificate is issued again and again, or issued and never fetched. One alert per CA and set of names. Lives
 * of some days are renewed several times within the period in good order: for these the period is a part of the life.
 * It ends when nothing more of it was seen for the period.
 */
export const clientLooping: EventRule = {
  name: 'client-looping',
  kinds: ['ordered', 'issued'],
  signals(happening, { rules }, look) {
    if (happening.kind !== 'ordered' && happening.kind !== 'issued') return NOTHING
    const { ca, names } = happening
    if (ca === null || names.length === 0) return NOTHING
    const { severity, certificates, within } = rules['client-looping']
    const period = happening.kind === 'issued' ? Math.min(within, PART_OF_LIFE * lifeOf(happening)) : within
    const at = Date.parse(happening.at)
    const seen = look.issuances(ca, names, at - period)
    const isLoop =
      happening.kind === 'issued' ? seen.certificates >= certificates : seen.undelivered >= certificates
    if (!isLoop) return NOTHING
    return occurred(
      shownBy(happening, {
        rule: 'client-looping',
        key: keyOf(ca, keyOfNames(names)),
        severity,
        group: ca,
        title:
          happening.kind === 'issued'
            ? `${namesText(names)}: ${seen.certificates} certificates within ${spanText(period)}`
            : `${namesText(names)}: ${seen.undelivered} certificates were issued and not fetched`,
        ...textOf(happening.kind, seen, period),
        fixer: 'client',
        details: {
          certificates: `${seen.certificates}`,
          orders: `${seen.orders}`,
          keys: `${seen.keys}`,
          undelivered: `${seen.undelivered}`,
        },
        ...(happening.kind === 'issued' && { certificate: happening.fingerprint }),
        until: at + period,
      }),
    )
  },
}

function lifeOf({ notBefore, notAfter }: HappeningOf<'issued'>): Millis {
  return Date.parse(notAfter) - Date.parse(notBefore)
}

function textOf(
  kind: 'ordered' | 'issued',
  { certificates, keys, undelivered }: Issuances,
  period: Millis,
): { readonly cause: string; readonly remedy: string } {
  if (kind === 'ordered') {
    return {
      cause: `The CA issued ${undelivered} certificates for exactly these names within ${spanText(period)} that nobody fetched, and another was ordered now.`,
      remedy:
        "Read the log of the client: it does not get or does not understand the answer to finalize. Each order counts against the CA's limit for the same names.",
    }
  }
  const withKeys = keys > 1 ? ` Each time with a new key (${keys}): the client keeps nothing.` : ''
  return {
    cause: `${certificates} certificates for exactly these names were issued within ${spanText(period)}.${keys >= certificates ? withKeys : ''}`,
    remedy:
      'Find out why the client does not keep what it gets: a full or read-only disk, a container without a volume, a reset with each deployment, a forced renewal in a timer; or several machines that each get their own. The limit of the CA for the same names is near.',
  }
}
