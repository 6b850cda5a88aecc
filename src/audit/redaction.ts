/**
 * What must not reach the record: credentials inside texts and bodies, header fields nobody needs, contact
 * addresses where they can't be erased later. Pure functions; each is idempotent.
 */
import { arrayMember, member } from '../acme/members.ts'
import type { FieldList } from '../exchange/exchange.ts'

const MARK = '[redacted]'

/**
 * Every credential the patterns below find contains one of these. Texts and bodies without them cost these
 * look-ups only; needles that begin with a rare byte are several times cheaper than `eyJ` or `earer`.
 */
const TRIPWIRES = [
  'jwt',
  'JWT',
  'yJ',
  '@',
  'Bearer ',
  'bearer ',
  'BEARER ',
  'Basic ',
  'basic ',
  'BASIC ',
  'uthorization:',
  'uthorization=',
  'UTHORIZATION:',
  'PRIVATE KEY',
  'acmetap_',
]
/** The same for bodies, which are long and come with every exchange: without the spellings no server writes. */
const BODY_TRIPWIRES = ['jwt', 'yJ', '@', 'Bearer ', 'Basic ', 'Authorization', 'PRIVATE KEY', 'acmetap_']

const SCHEME = '(?:basic|bearer|digest|negotiate|ntlm|token|apikey|aws4-hmac-sha256)'
/** No pattern takes a quote or a backslash, so that a replacement inside JSON text leaves JSON. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // An unpause link: whoever holds the token may act for the account.
  [/([?&;#]jwt(?:=|%3d))[^&\s"'<>#\\]+/gi, `$1${MARK}`],
  // A compact JWS or JWE (RFC 7519 §3), or the beginning of one where the text was cut.
  [/(?<![\w-])eyJ[\w-]{8,}(?:(?:\.[\w-]*){2,4}|(?:\.[\w-]*)?(?=…))/g, MARK],
  [/(\bproxy-authorization[:=]\s*)[^\r\n"'\\]+/gi, `$1${MARK}`],
  [new RegExp(`(\\bauthorization[:=]\\s*${SCHEME}\\s+)[^\\r\\n"'\\\\]+`, 'gi'), `$1${MARK}`],
  // The scheme alone, before something that is no ordinary word.
  [
    /\b([Bb]earer|BEARER|[Bb]asic|BASIC)(\s+)(?![A-Za-z]?[a-z]{0,19}\.?(?![\w.~+/=-]))[\w.~+/=-]{6,}/g,
    `$1$2${MARK}`,
  ],
  // RFC 3986 §3.2.1: the password of a URL's userinfo, up to the last @ of the authority.
  [/\b([a-z][a-z0-9+.-]{0,31}:\/\/[^\s/?#:@"'<>\\]{0,256}:)[^\s/?#"'<>\\]{1,1024}@/gi, `$1${MARK}@`],
  // A bearer token of the admin listener (new-token.ts), also where the text was cut. Its id is none of its secret.
  [/(acmetap_[0-9a-f]{8}_)[\w-]{8,}/g, `$1${MARK}`],
  [/-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?:[^"'-]|-(?!----))*/g, `-----BEGIN ${MARK}`],
]

/** `text` with every credential in it replaced by `[redacted]`. */
export function redactText(text: string): string {
  return TRIPWIRES.some((wire) => text.includes(wire)) ? replaceAll(text) : text
}

function replaceAll(text: string): string {
  let redacted = text
  for (const [pattern, replacement] of PATTERNS) redacted = redacted.replace(pattern, replacement)
  return redacted
}

/**
 * A body with every credential in it replaced; the same Buffer when there was none. JSON stays JSON: each
 * string is redacted by what it says, escapes included. All other bytes stay as they are.
 */
export function redactBody(bytes: Buffer, contentType: string | null): Buffer {
  const isJson = isJsonBody(bytes, contentType)
  const suspicious = BODY_TRIPWIRES.some((wire) => bytes.includes(wire)) || (isJson && bytes.includes('\\u'))
  if (!suspicious) return bytes
  // One character a byte, so that bytes that are no UTF-8 come back as they were.
  const text = bytes.toString('latin1')
  const redacted = isJson ? text.replace(JSON_STRING, redactJsonString) : replaceAll(text)
  return redacted === text ? bytes : Buffer.from(redacted, 'latin1')
}

const JSON_STRING = /"[^"\\]*(?:\\[\s\S][^"\\]*)*"/g

function redactJsonString(literal: string): string {
  let value: string
  try {
    value = JSON.parse(literal) as string
  } catch {
    return replaceAll(literal)
  }
  const redacted = redactText(value)
  return redacted === value ? literal : JSON.stringify(redacted).replace(/[^\0-\xff]/g, escapeUnit)
}

function escapeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function isJsonBody(bytes: Buffer, contentType: string | null): boolean {
  if (contentType && /\bjson\b/i.test(contentType)) return true
  return bytes[0] === 0x7b || bytes[0] === 0x5b
}

const ALLOWED = {
  request: new Set([
    'user-agent',
    'accept',
    'accept-encoding',
    'accept-language',
    'content-type',
    'content-encoding',
    'content-length',
    'transfer-encoding',
    'expect',
  ]),
  response: new Set([
    'content-type',
    'content-encoding',
    'content-length',
    'replay-nonce',
    'location',
    'link',
    'retry-after',
    'cache-control',
    'date',
    'server',
    'boulder-requester',
    'allow',
  ]),
} as const

const MAX_FIELD_VALUE = 2048
const MAX_FIELD_VALUES = 100
const CUT = '… [cut]'

/**
 * The header fields the record keeps, by lower-case name: an allow-list, so that no credential gets in by being
 * new. Values over 2 KiB are cut and end in `… [cut]`; at most 100 values of one name. A request's repeated
 * fields are joined by `, ` (RFC 9110 §5.3); an answer's become an array.
 */
export function allowedFields(fields: FieldList, direction: 'request'): Record<string, string>
export function allowedFields(
  fields: FieldList,
  direction: 'response',
): Record<string, string | readonly string[]>
export function allowedFields(
  fields: FieldList,
  direction: 'request' | 'response',
): Record<string, string | readonly string[]> {
  const allowed = ALLOWED[direction]
  const kept = new Map<string, string[]>()
  for (const [name, value] of fields) {
    const key = name.toLowerCase()
    if (!allowed.has(key)) continue
    const values = kept.get(key)
    if (!values) kept.set(key, [cutValue(redactText(value))])
    else if (values.length < MAX_FIELD_VALUES) values.push(cutValue(redactText(value)))
  }
  const result: Record<string, string | readonly string[]> = {}
  for (const [name, values] of kept) {
    if (values.length === 1) result[name] = values[0]!
    else result[name] = direction === 'request' ? cutValue(values.join(', ')) : values
  }
  return result
}

function cutValue(value: string): string {
  return value.length <= MAX_FIELD_VALUE
    ? value
    : value.slice(0, MAX_FIELD_VALUE - CUT.length).toWellFormed() + CUT
}

/** The `contact` URLs of an account (RFC 8555 §7.1.2) in a decoded payload or answer, as they stand. Never throws. */
export function contactsIn(value: unknown): string[] {
  const single = member(value, 'contact')
  const contacts = typeof single === 'string' ? [single] : arrayMember(value, 'contact')
  return [...new Set(contacts.filter((contact) => typeof contact === 'string' && contact !== ''))] as string[]
}

/** E-mail addresses that a text names, as they stand: a CA may tell of an account's contacts in any problem. */
export function addressesIn(text: string | null): string[] {
  return text?.includes('@')
    ? (text.match(/[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}/gi) ?? [])
    : []
}

/**
 * `text` with each contact replaced by `[contact]`, with and without `mailto:` or `tel:`, in any case. What is
 * replaced holds no quote, backslash or bare JSON value, so JSON text stays JSON.
 */
export function withoutContacts(text: string, contacts: readonly string[]): string {
  if (contacts.length === 0) return text
  const folded = text.toLowerCase()
  const found = new Set<string>()
  for (const contact of contacts) {
    for (const piece of piecesOf(contact)) if (folded.includes(piece.toLowerCase())) found.add(piece)
  }
  if (found.size === 0) return text
  const longestFirst = [...found].sort((a, b) => b.length - a.length).map(escapePattern)
  return text.replace(new RegExp(`(?:mailto:|tel:)?(?:${longestFirst.join('|')})`, 'gi'), '[contact]')
}

/** What of a contact tells a person: each address, decoded or not, split where a quote or a backslash stands. */
function piecesOf(contact: string): string[] {
  const quoted = contact.includes('"')
  const bare = contact.replace(/^(?:mailto|tel):/i, '').replace(/\?.*$/s, '')
  return [bare, decodePercent(bare)]
    .flatMap((form) => form.split(/[,"\\\s\p{Cc}]+/u))
    .filter((piece) => ADDRESS.test(piece) || (quoted && QUOTED_WORD.test(piece)))
}

/** An e-mail address, a domain after a quoted local part, a telephone number (RFC 3966). */
const ADDRESS = /^[^@]+@[^@]+$|^@[^@]{4,}$|^\+[\d().-]{6,}$/
const QUOTED_WORD = /^[A-Za-z][\w.+-]{5,}$/

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/**
 * One printable line of at most `max` UTF-16 code units: runs of white space and of control, format and
 * line-separating characters become one space; half surrogates become U+FFFD; a cut ends in `…`.
 */
export function boundedLine(text: string, max: number): string {
  // What is far beyond the bound is not worth looking at.
  const near = text.length > 4 * max ? text.slice(0, 4 * max) : text
  const line = UNPRINTABLE.test(near)
    ? near
        .toWellFormed()
        .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
        .trim()
    : near
  if (line.length <= max && near.length === text.length) return line
  return `${line.slice(0, Math.max(max - 1, 0)).replace(/[\ud800-\udbff]$/, '')}…`
}

const UNPRINTABLE = /[^\x20-\x7e]|^ | {2}| $/
