import type { CurrentCertificate } from '../look.ts'
import type { Millis } from '../rule.ts'
import { DAY } from './time-text.ts'

/** When a certificate should have been renewed. */
export interface RenewalDue {
  /** What says so. */
  readonly by: 'window' | 'incident' | 'habit' | 'life'
  /** When the renewal may begin: an order from then on is the renewal. */
  readonly from: Millis
  readonly due: Millis
  /** Overdue from then on. */
  readonly overdue: Millis
}

/** Below this, CAs and clients renew at half of the life. */
export const SHORT_LIFE = 10 * DAY
/** Clients that come by the day, or renew whatever they have at two thirds, are well with short lives too. */
const LEAST_SHORT_MARGIN = 0.2
/** A timer that runs once a week is usual: until a client was seen renewing, its week is waited for. */
const UNKNOWN_MARGIN = 7 * DAY
const LONG_LIFE = 60 * DAY
/** A habit of renewing later than this leaves nothing for what may fail. */
const LATEST_HABIT = 0.95
/** No CA puts a window so much before the usual time, unless it wants the certificate gone. */
const EARLY = 0.15
/** So long an order counts where the CA moves the window along with the clock. */
const INCIDENT_PATIENCE = DAY

/**
 * The end of the window that the CA suggests (RFC 9773 §4.2), else two thirds of the life (half where it is short); or
 * the part of its life at which the one before was renewed, where that was later. Then the margin, a part of the life.
 * A window that was put into the past calls for renewal at once.
 */
export function renewalDue(certificate: CurrentCertificate, margin: number, now: Millis): RenewalDue {
  const { notBefore, notAfter, window } = certificate
  const life = notAfter - notBefore
  const usual = life < SHORT_LIFE ? 1 / 2 : 2 / 3
  if (window !== null && window.end <= now && isIncident(window, notBefore, life, usual)) {
    const from = Math.min(window.start, now - INCIDENT_PATIENCE)
    return { by: 'incident', from, due: window.end, overdue: window.end }
  }
  const grace = life * (life < SHORT_LIFE ? Math.max(margin, LEAST_SHORT_MARGIN) : margin)
  const said = window === null ? notBefore + life * usual : window.end
  const from = window?.start ?? notBefore + life * (usual - EARLY)
  const by = window === null ? 'life' : 'window'
  const latest = Math.max(said, notBefore + life * LATEST_HABIT)
  const overdue = Math.min(said + grace, latest)
  // What was seen of the client only puts it off.
  if (now < overdue) return { by, from, due: said, overdue }
  const part = certificate.replacedPredecessorAt
  if (part === null && life >= LONG_LIFE) {
    return { by, from, due: said, overdue: Math.min(said + Math.max(grace, UNKNOWN_MARGIN), latest) }
  }
  const learned = notBefore + life * habitOf(part)
  if (learned <= said) return { by, from, due: said, overdue }
  return { by: 'habit', from, due: learned, overdue: Math.min(learned + grace, latest) }
}

/** One that was renewed after its end shows no habit. */
function habitOf(part: number | null): number {
  return part === null || part >= 1 ? 0 : Math.min(part, LATEST_HABIT)
}

function isIncident(
  { end, explanation }: { readonly end: Millis; readonly explanation: string | null },
  notBefore: Millis,
  life: Millis,
  usual: number,
): boolean {
  return explanation !== null || end < notBefore + life * (usual - EARLY)
}
