/** RFC 9111 for a shared cache, as far as an ACME directory needs it: explicit lifetimes only, nothing revalidated. */
import type { FieldList, ObservedResponse } from '../exchange/exchange.ts'

/** Seconds. A CA that moves its directory is followed within a day, whatever it once said. */
const LONGEST = 86_400

/** All values of a field in one (RFC 9110 §5.3); null where there is none. `name` in lower case. */
export function fieldValue(fields: FieldList, name: string): string | null {
  const values = fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value.trim())
  return values.length === 0 ? null : values.join(', ')
}

/**
 * Whether an answer may be given to more than the one who asked (RFC 9111 §3): status 200, not private, not
 * `no-store`, and without anything that is one client's own. A nonce is (RFC 8555 §6.5): used by two, one fails.
 */
export function isStorable({ status, fields }: ObservedResponse): boolean {
  const control = directives(fields)
  if (status !== 200 || control.has('no-store') || control.has('private')) return false
  if (variedBy(fields).includes('*')) return false
  return !fields.some(([name]) => name === 'set-cookie' || name === 'replay-nonce')
}

/** Names in lower case that `Vary` holds. */
export function variedBy(fields: FieldList): readonly string[] {
  const vary = fieldValue(fields, 'vary')?.toLowerCase() ?? ''
  return vary.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]))
}

/** Seconds for which it is fresh from the moment it was generated (RFC 9111 §4.2.1); 0 where it does not say. */
export function freshFor({ fields }: ObservedResponse): number {
  const control = directives(fields)
  if (control.has('no-cache')) return 0
  const said = control.get('s-maxage') ?? control.get('max-age')
  // What cannot be read, or is said in two ways, is stale.
  if (said !== undefined) return /^\d+$/.test(said) ? Math.min(Number(said), LONGEST) : 0
  const [expires, date] = [timeOf(fields, 'expires'), timeOf(fields, 'date')]
  if (expires === null || date === null) return 0
  return Math.min(Math.max(0, (expires - date) / 1000), LONGEST)
}

/** Seconds of its life that had passed when it came in (RFC 9111 §4.2.3). `delay`: seconds from asking to its end. */
export function ageOnArrival({ fields }: ObservedResponse, arrivedMillis: number, delay: number): number {
  const date = timeOf(fields, 'date')
  const apparent = date === null ? 0 : Math.max(0, (arrivedMillis - date) / 1000)
  const said = fieldValue(fields, 'age') ?? '0'
  return Math.max(apparent, (/^\d+$/.test(said) ? Number(said) : LONGEST) + delay)
}

/** With `Age` in seconds, in the place of any there was (RFC 9111 §5.1). */
export function withAge(response: ObservedResponse, age: number): ObservedResponse {
  const others = response.fields.filter(([name]) => name !== 'age')
  return { ...response, fields: [...others, ['age', String(Math.floor(age))]] }
}

/** `Cache-Control` by directive, in lower case. One that is given twice in two ways has a value that is no number. */
function directives(fields: FieldList): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const part of (fieldValue(fields, 'cache-control') ?? '').split(',')) {
    const [name = '', value = ''] = part.split(/=(.*)/s, 2).map((text) => text.trim().toLowerCase())
    if (name === '') continue
    const plain = value.replace(/^"(.*)"$/s, '$1')
    const before = found.get(name)
    found.set(name, before === undefined || before === plain ? plain : 'conflict')
  }
  return found
}

function timeOf(fields: FieldList, name: string): number | null {
  const millis = Date.parse(fieldValue(fields, name) ?? '')
  return Number.isNaN(millis) ? null : millis
}
