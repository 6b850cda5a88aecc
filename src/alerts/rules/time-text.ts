import type { Millis } from '../rule.ts'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** `40 seconds`, `12 minutes`, `5 hours`, `3 days`: the largest unit of which there are at least two. */
export function spanText(span: Millis): string {
  const length = Math.abs(span)
  if (length >= 2 * DAY) return amount(length / DAY, 'day')
  if (length >= 2 * HOUR) return amount(length / HOUR, 'hour')
  if (length >= 2 * MINUTE) return amount(length / MINUTE, 'minute')
  return amount(length / SECOND, 'second')
}

/** `2026-11-22 10:54 UTC`. */
export function momentText(at: Millis): string {
  const text = new Date(at).toISOString()
  return `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`
}

function amount(value: number, unit: string): string {
  const whole = Math.floor(value)
  return `${whole} ${unit}${whole === 1 ? '' : 's'}`
}
