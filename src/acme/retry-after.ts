/** One year. A CA that says more is cut to this. */
const MAX_SECONDS = 31_536_000
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * A `Retry-After` value (RFC 9110 §10.2.3) in whole seconds from `nowMillis`, rounded up, from 0 to one year.
 * Null when it is neither delta-seconds nor one of the three forms of an HTTP-date.
 */
export function retryAfterSeconds(value: string, nowMillis: number): number | null {
  if (value.length > 64) return null
  const text = value.trim()
  if (/^\d+$/.test(text)) return Math.min(Number(text), MAX_SECONDS)
  const millis = httpDate(text, nowMillis)
  if (millis === null) return null
  return Math.min(Math.max(Math.ceil((millis - nowMillis) / 1000), 0), MAX_SECONDS)
}

const TIME = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)'
const MONTH = `(?<month>${MONTHS.join('|')})`
/** RFC 9110 §5.6.7: IMF-fixdate, and the two obsolete forms a recipient must accept. The weekday is not checked. */
const FORMS = [
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(
    `^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`,
  ),
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
]

function httpDate(text: string, nowMillis: number): number | null {
  for (const form of FORMS) {
    const parts = form.exec(text)?.groups
    if (parts) return instant(parts, nowMillis)
  }
  return null
}

function instant(parts: Record<string, string>, nowMillis: number): number | null {
  const year = parts.year!.length === 2 ? centuryOf(Number(parts.year), nowMillis) : Number(parts.year)
  const month = MONTHS.indexOf(parts.month!)
  const day = Number(parts.day)
  const midnight = new Date(0)
  midnight.setUTCFullYear(year, month, day)
  if (midnight.getUTCMonth() !== month || midnight.getUTCDate() !== day) return null
  return (
    midnight.getTime() + ((Number(parts.hour) * 60 + Number(parts.minute)) * 60 + Number(parts.second)) * 1000
  )
}

/** RFC 9110 §5.6.7: a two-digit year more than 50 years ahead is in the past century. */
function centuryOf(twoDigits: number, nowMillis: number): number {
  const thisYear = new Date(nowMillis).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}
