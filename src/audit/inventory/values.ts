/**
 * src/audit/inventory is what is derived from the record: accounts, clients, orders, authorizations, challenges,
 * certificates, failures, rate-limit events. It can always be made again from the facts, and nothing is in it that is
 * not in them. One file per object: its shape and the filters its list takes, declared once; the HTTP interface, the
 * command line and the document of the interface are made from these.
 *
 * Personal values (addresses, proxy users, contacts) are looked up when an object is read and null once they were
 * erased.
 */
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { z } from 'zod'

/** RFC 3339 in UTC with milliseconds: how every object but a fact tells a time. */
export const instant = () =>
  z.iso
    .datetime({ precision: 3 })
    .meta({ description: 'RFC 3339, UTC.', example: '2026-01-31T12:00:00.000Z' })

/** µs since 1970, as the record has them, to {@link instant}. */
export function instantOf(at: number): string {
  return new Date(at / 1000).toISOString()
}

/** 16 hex digits of a SHA-256 over what makes the object the same object: equal after every rebuild. */
export const objectId = () => z.string().regex(/^[0-9a-f]{16}$/, 'must be 16 hex digits')

export const identifier = z.strictObject({ type: z.string(), value: z.string() }).meta({
  description: 'RFC 8555 §9.7.7; `dns` or `ip` (RFC 8738).',
  example: { type: 'dns', value: 'www.example.com' },
})

export const problem = z.strictObject({
  type: z.string().meta({ description: 'The whole URN.', example: 'urn:ietf:params:acme:error:connection' }),
  detail: z.string().nullable(),
})

/** A page of a list, newest first. */
export function pageOf<T extends z.ZodType>(name: string, item: T) {
  return z.strictObject({
    [name]: z.array(item),
    next: z.string().nullable().meta({
      description:
        'Where the next page begins: the value of `cursor`. Null at the end. A page may hold fewer than `limit` before the end.',
    }),
  })
}

/** What a list answers inside the program. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

/**
 * A filter by name: `www.example.com` is that identifier alone, `*.example.com` the wildcard identifier alone,
 * `.example.com` the name itself and every name and wildcard below it.
 */
export interface NameFilter {
  readonly kind: 'exact' | 'below'
  /** Lower case, A-labels, no trailing dot; an IP address as it is written. */
  readonly value: string
}

export const nameFilter = z
  .string()
  .max(300)
  .transform((text, context): NameFilter => {
    const read = readName(text)
    if (typeof read !== 'string') return read
    context.addIssue({ code: 'custom', message: read })
    return z.NEVER
  })
  .meta({
    description:
      '`www.example.com`: this name. `*.example.com`: this wildcard. `.example.com`: the name and everything below it.',
    example: '.example.com',
  })

function readName(text: string): NameFilter | string {
  if (isIP(text) !== 0) return { kind: 'exact', value: text.toLowerCase() }
  const below = text.startsWith('.')
  const wildcard = text.startsWith('*.')
  const bare = text.slice(below ? 1 : wildcard ? 2 : 0).replace(/\.$/, '')
  const ascii = domainToASCII(bare)
  if (ascii === '' || /[^a-z0-9._-]/.test(ascii))
    return 'must be a name like www.example.com, *.example.com or .example.com'
  return { kind: below ? 'below' : 'exact', value: wildcard ? `*.${ascii}` : ascii }
}

const UNITS: Readonly<Record<string, number>> = { s: 1e6, m: 60e6, h: 3600e6, d: 86_400e6 }

/** RFC 3339, or so long before now: `30m`, `24h`, `7d`. Read into µs since 1970. */
export const moment = z
  .string()
  .max(40)
  .transform((text, context): number => {
    const ago = /^(\d{1,6})([smhd])$/.exec(text)
    if (ago) return Date.now() * 1000 - Number(ago[1]) * UNITS[ago[2]!]!
    const at = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
      ? Date.parse(text)
      : Number.NaN
    if (!Number.isNaN(at)) return at * 1000
    context.addIssue({
      code: 'custom',
      message: 'must be a time like 2026-01-31T12:00:00Z, or 30m, 24h, 7d ago',
    })
    return z.NEVER
  })
  .meta({ description: 'RFC 3339, or how long ago: 30m, 24h, 7d.', example: '24h' })

export const word = z.string().min(1).max(2048)

/** What every list takes. */
export const paging = {
  limit: z.coerce
    .number('must be a whole number from 1 to 1000')
    .int('must be a whole number from 1 to 1000')
    .min(1, 'must be a whole number from 1 to 1000')
    .max(1000, 'must be a whole number from 1 to 1000')
    .default(50)
    .meta({ description: 'At most so many, 1 to 1000.' }),
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,200}$/, 'must be the `next` of the page before')
    .optional()
    .meta({ description: 'The `next` of the page before, under the same filters.' }),
}

/** Filters that most lists share. */
export const common = {
  ca: word
    .optional()
    .meta({ description: 'Of this CA, as the configuration names it.', example: 'letsencrypt' }),
  account: word
    .optional()
    .meta({ description: 'Of this account: its URL, its id or the thumbprint of its key.' }),
  client: objectId().optional().meta({ description: 'Of this client: its id.' }),
  name: nameFilter.optional(),
  since: moment.optional(),
  until: moment.optional(),
}

/** A filter named something the inventory does not have: told to whoever asked. */
export class FilterRefused extends Error {
  readonly filter: string
  /** Without the name of the filter. */
  readonly reason: string
  constructor(filter: string, reason: string) {
    super(`${filter}: ${reason}`)
    this.name = 'FilterRefused'
    this.filter = filter
    this.reason = reason
  }
}
