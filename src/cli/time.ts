import { UsageError } from './cli-error.ts'

const SECOND = 1_000_000
const UNITS = {
  s: SECOND,
  m: 60 * SECOND,
  h: 3600 * SECOND,
  d: 86_400 * SECOND,
  w: 604_800 * SECOND,
} as const

/** `12s ago`, `3h ago`, `in 5m`. Both in µs since 1970. */
export function relativeTime(at: number, now: number): string {
  const distance = Math.abs(now - at)
  const text = amount(distance)
  return at > now + SECOND ? `in ${text}` : `${text} ago`
}

function amount(micros: number): string {
  if (micros < 60 * SECOND) return `${Math.floor(micros / SECOND)}s`
  if (micros < 90 * UNITS.m) return `${Math.floor(micros / UNITS.m)}m`
  if (micros < 36 * UNITS.h) return `${Math.floor(micros / UNITS.h)}h`
  return `${Math.floor(micros / UNITS.d)}d`
}

/** `2026-11-22T01:20:25.123456Z`, with microseconds. */
export function utcTime(at: number): string {
  const text = new Date(Math.floor(at / 1000)).toISOString()
  return `${text.slice(0, 23)}${String(Math.floor(at % 1000)).padStart(3, '0')}Z`
}

/** `01:20:25.123`, UTC. */
export function clockTime(at: number): string {
  return new Date(Math.floor(at / 1000)).toISOString().slice(11, 23)
}

/** `850 µs`, `12 ms`, `3.4 s`, `2m05s`; a dash for null. */
export function durationText(micros: number | null): string {
  if (micros === null) return '-'
  if (micros < 1000) return `${Math.round(micros)} µs`
  if (micros < SECOND) return `${Math.round(micros / 1000)} ms`
  if (micros < 60 * SECOND) return `${(micros / SECOND).toFixed(1)} s`
  return `${Math.floor(micros / UNITS.m)}m${String(Math.floor((micros % UNITS.m) / SECOND)).padStart(2, '0')}s`
}

/** `1h`, `2d` (before now) or an ISO 8601 date or time, as µs since 1970. Throws {@link UsageError}. */
export function parseSince(text: string, now: number, option = '--since'): number {
  const span = /^(\d{1,6})([smhdw])$/.exec(text)
  if (span !== null) return now - Number(span[1]) * UNITS[span[2] as keyof typeof UNITS]
  const iso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text)
  const millis =
    iso === null ? Number.NaN : Date.parse(iso[1] !== undefined && iso[4] === undefined ? `${text}Z` : text)
  if (Number.isNaN(millis)) {
    throw new UsageError(
      `${option} ${JSON.stringify(text)} is not a time: write 30m, 1h, 2d or 2026-01-31T12:00:00Z`,
    )
  }
  return millis * 1000
}

/** An instant of the inventory (RFC 3339): relative, or in UTC without its zero milliseconds; a dash for null. */
export function whenText(
  instant: string | null,
  { now, utc }: { readonly now: number; readonly utc: boolean },
): string {
  if (instant === null) return '-'
  return utc ? instant.replace('.000Z', 'Z') : relativeTime(microsOf(instant), now)
}

/** µs since 1970 of an instant of the inventory. */
export function microsOf(instant: string): number {
  return Date.parse(instant) * 1000
}
