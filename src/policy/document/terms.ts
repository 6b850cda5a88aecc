/**
 * The kinds of values a policy holds, as people write them; what the program works with comes out. Each refuses in plain
 * words.
 */
import { z } from 'zod'
import { duration } from '../../config/values.ts'
import { type Compared, parseComparison } from './comparison.ts'
import { printableLine } from './printable-line.ts'

/** One value or a list of them in the file; always a list in the program. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  return z.preprocess(
    (written) => (written === undefined || written === null || Array.isArray(written) ? written : [written]),
    z.array(item).min(1, 'must hold at least one entry'),
  )
}

/** Text that is judged by a function which says what is wrong with it. */
export function judged(fault: (text: string) => string | null) {
  return z.string().superRefine((text, context) => {
    const message = fault(text)
    if (message !== null) context.addIssue({ code: 'custom', message })
  })
}

/** One printable line. */
export function line(most: number) {
  return judged((text) => lineFault(text, most))
}

function lineFault(text: string, most: number): string | null {
  if (text.trim() === '') return 'is empty'
  if (text.length > most) return `is longer than ${most} characters`
  return printableLine(text, most) === text ? null : 'must be one line of characters that can be seen'
}

/** Any text that is compared as it is. */
export const word = () => judged(wordFault)

export function wordFault(text: string): string | null {
  return lineFault(text, 300)
}

/** Words of a fixed set, in any case; as the set spells them in the program. Others where `also` takes them. */
export function oneOf<const T extends string>(words: readonly T[], also?: RegExp, called = '') {
  return z.string().transform((text, context) => {
    const found = words.find((one) => one.toLowerCase() === text.toLowerCase())
    if (found !== undefined) return found
    if (also?.test(text)) return text
    const more = called === '' ? '' : ` or ${called}`
    context.issues.push({ code: 'custom', input: text, message: `must be one of ${words.join(', ')}${more}` })
    return z.NEVER
  })
}

export function comparison(of: Compared) {
  return z
    .preprocess(
      (written) => (typeof written === 'number' && of === 'number' ? String(written) : written),
      z.string(),
    )
    .transform((text, context) => {
      const read = parseComparison(text, of)
      if (!('fault' in read)) return read
      context.issues.push({ code: 'custom', input: text, message: read.fault })
      return z.NEVER
    })
}

/** Windows that history is kept for. */
export const window = () => duration('1m', '400d')

const DAY_OR_INSTANT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2}))?$/

/** RFC 3339, or a day, which stands for its begin in UTC. Milliseconds since 1970; null for anything else. */
export function parseInstant(text: string): number | null {
  if (!DAY_OR_INSTANT.test(text)) return null
  const at = Date.parse(text)
  // Date.parse takes 30 February for 1 March.
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`)
  return Number.isNaN(at) || Number.isNaN(day.getTime()) || !day.toISOString().startsWith(text.slice(0, 10))
    ? null
    : at
}

export const instant = () =>
  z.string().transform((text, context) => {
    const at = parseInstant(text)
    if (at !== null) return at
    const message = 'must be a day as 2027-01-31 (its begin in UTC) or a time as 2027-01-31T18:00:00+01:00'
    context.issues.push({ code: 'custom', input: text, message })
    return z.NEVER
  })

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** `mon`, `mon-fri`, `fri-mon`: 1 Monday … 7 Sunday; null for anything else. */
function parseDays(text: string): number[] | null {
  const [first, last = first, ...rest] = text
    .toLowerCase()
    .split('-')
    .map((day) => DAYS.indexOf(day.trim()))
  if (first === undefined || last === undefined || first < 0 || last < 0 || rest.length > 0) return null
  const length = ((last - first + 7) % 7) + 1
  return Array.from({ length }, (_, step) => ((first + step) % 7) + 1)
}

export const days = () =>
  oneOrMore(
    z.string().transform((text, context) => {
      const found = parseDays(text)
      if (found !== null) return found
      const message = 'must be days: mon tue wed thu fri sat sun, or mon-fri'
      context.issues.push({ code: 'custom', input: text, message })
      return z.NEVER
    }),
  ).transform((several) => [...new Set(several.flat())].sort((a, b) => a - b))

const HOURS = /^([01]\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))$/

export const hours = () =>
  z.string().transform((text, context) => {
    const [, h, m, h2, m2, midnight] = HOURS.exec(text) ?? []
    const from = Number(h) * 60 + Number(m)
    const until = midnight === undefined ? Number(h2) * 60 + Number(m2) : 24 * 60
    if (h !== undefined && from !== until) return { from, until }
    const message =
      h === undefined
        ? "must be hours, as '08:00-18:00'; '22:00-06:00' goes over midnight"
        : 'ends when it begins; leave hours out for the whole day'
    context.issues.push({ code: 'custom', input: text, message })
    return z.NEVER
  })

export const timeZone = () =>
  judged((text) => {
    try {
      new Intl.DateTimeFormat('en', { timeZone: text })
      return null
    } catch {
      return 'must be a time zone of the IANA database, as Europe/Berlin or UTC'
    }
  })

/** A page for people. */
export const link = () =>
  judged((text) => {
    if (text.length > 500) return 'is longer than 500 characters'
    if (!/^https?:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text))
      return 'must begin with https:// or http://'
    // It stands within < > in a header field (RFC 8288 §3).
    return /[<>"\\^`{|}]/.test(text) ? 'holds a character that a URL does not' : null
  })

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)$/

export const webhookUrl = () =>
  judged((text) => {
    if (!URL.canParse(text)) return 'is not a URL'
    const url = new URL(text)
    if (url.username !== '' || url.password !== '') return 'must not carry a user name or password'
    if (url.hash !== '') return 'must not have a fragment'
    if (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))) return null
    return 'must begin with https://; http:// only where it leads to this machine'
  })
