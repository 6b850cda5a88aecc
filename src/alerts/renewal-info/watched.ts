import type { InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import type { Instant } from '../../exchange/exchange.ts'
import { USUAL } from './judge.ts'

/** A current certificate whose renewal information is asked for. */
export interface Watched {
  readonly ariId: string
  readonly ca: string
  /** µs since 1970. */
  readonly notAfter: number
  /** When to ask, µs of the monotonic clock. */
  due: number
  /** When it was last asked about, by us or by its client; µs since 1970. */
  asked: number
  failures: number
  /** Round of the list in which it was seen last. */
  round: number
  isGone: boolean
}

/** µs within which those are asked about that nobody has asked about yet, or not in time. */
const SPREAD = 3600_000_000

/** Null where there is nobody to ask, or nothing to ask by. */
export function watchedOf(
  { ariId, ca, notAfter, renewalWindow }: InventoriedCertificate,
  round: number,
  now: Instant,
  random: () => number,
): Watched | null {
  if (ariId === null || ca === null) return null
  const asked = renewalWindow === null ? 0 : Date.parse(renewalWindow.askedAt) * 1000
  const left = Math.min(asked + USUAL - now.wall, USUAL)
  const due = now.monotonic + (left > 0 ? left : random() * SPREAD)
  return { ariId, ca, notAfter: Date.parse(notAfter) * 1000, due, asked, failures: 0, round, isGone: false }
}

/** Its client, or another instance, has asked meanwhile: what we would ask is known already. */
export function askedByOthers(known: Watched, { renewalWindow }: InventoriedCertificate, now: Instant): void {
  if (renewalWindow === null) return
  const asked = Date.parse(renewalWindow.askedAt) * 1000
  // Our own answers come back through the record, a little later than we noted them.
  if (asked <= known.asked + OWN || asked > now.wall) return
  known.asked = asked
  known.failures = 0
  known.due = Math.max(known.due, now.monotonic + asked + USUAL - now.wall)
}

const OWN = 60_000_000
