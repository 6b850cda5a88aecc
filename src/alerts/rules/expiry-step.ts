import type { Millis } from '../rule.ts'
import { DAY } from './time-text.ts'

/** Certificates that live shorter are judged by parts of their life. */
const SHORT = 60 * DAY
/** The part of a short life from which its end is critical. */
export const CRITICAL_PART = 1 / 12

export interface Life {
  readonly notBefore: Millis
  readonly notAfter: Millis
}

export interface Steps {
  /** Days before the end. */
  readonly days: readonly number[]
  /** The same as parts of a life that is short. */
  readonly fractions: readonly number[]
}

/** The smallest step that was reached: `14 days`, `15 %`, `ended`; null before the first. */
export function expiryStep({ notBefore, notAfter }: Life, steps: Steps, now: Millis): string | null {
  const left = notAfter - now
  if (left <= 0) return 'ended'
  const isShort = isShortLived({ notBefore, notAfter })
  const unit = isShort ? notAfter - notBefore : DAY
  const reached = (isShort ? steps.fractions : steps.days).filter((step) => left <= step * unit)
  if (reached.length === 0) return null
  const step = Math.min(...reached)
  return isShort ? `${Math.round(step * 1000) / 10} %` : `${step} day${step === 1 ? '' : 's'}`
}

export function isShortLived({ notBefore, notAfter }: Life): boolean {
  return notAfter - notBefore < SHORT
}

/** Whether not more than so many days are left, or of a short life not more than that part. */
export function isWithin(life: Life, days: number, part: number, now: Millis): boolean {
  const span = life.notAfter - life.notBefore
  return life.notAfter - now <= (isShortLived(life) ? part * span : days * DAY)
}
