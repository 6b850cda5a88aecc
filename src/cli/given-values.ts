/** Reads what options were given. Throws {@link UsageError}. */
import { UsageError } from './cli-error.ts'

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const

/** `90d` from now (µs since 1970), or a date or time, as RFC 3339. */
export function instantAfter(text: string, now: number, option: string): string {
  const seconds = span(text)
  if (seconds !== null) return new Date(now / 1000 + seconds * 1000).toISOString()
  const parts = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text)
  const bare = parts?.[1] !== undefined && parts[4] === undefined
  const at = parts === null ? Number.NaN : Date.parse(bare ? `${text}Z` : text)
  if (Number.isNaN(at))
    throw new UsageError(
      `${option} ${JSON.stringify(text)} is not a time: write 12h, 90d or 2027-01-31T12:00:00Z`,
    )
  if (at * 1000 <= now) throw new UsageError(`${option} ${JSON.stringify(text)} has passed`)
  return new Date(at).toISOString()
}

/** `10m` in seconds. */
export function seconds(text: string, option: string, most: number): number {
  const found = span(text)
  if (found !== null && found > 0 && found <= most) return found
  throw new UsageError(
    `${option} ${JSON.stringify(text)} must be a time like 90s, 10m or 1h, at most ${most / 3600}h`,
  )
}

function span(text: string): number | null {
  const parts = /^(\d{1,6})([smhdw])$/.exec(text)
  return parts === null ? null : Number(parts[1]) * UNITS[parts[2] as keyof typeof UNITS]
}

/** From 1 to `most`. */
export function wholeNumber(text: string, option: string, most: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (number >= 1 && number <= most) return number
  throw new UsageError(`${option} must be a number from 1 to ${most}`)
}
