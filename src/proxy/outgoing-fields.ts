import { endToEndFields } from '../ca/hop-by-hop.ts'
import type { FieldList } from '../exchange/exchange.ts'

/** Set by us, or the business of this one hop: never taken from a client. */
const NOT_FORWARDED = new Set(['host', 'content-length', 'expect', 'forwarded'])

/**
 * The fields that go to the CA: the client's own, but for hop-by-hop fields, `Expect` and everything that
 * claims where the client is. `relayed` adds the one field a CA behind a relay needs to build its URLs.
 * Repeated fields stay repeated.
 */
export function outgoingFields(
  fields: FieldList,
  authority: string,
  relayed: boolean,
): Record<string, string | string[]> {
  const outgoing: Record<string, string | string[]> = { Host: authority }
  const names = new Map<string, string>([['host', 'Host']])
  for (const [name, value] of endToEndFields(fields)) {
    const lower = name.toLowerCase()
    if (NOT_FORWARDED.has(lower) || lower.startsWith('x-forwarded-')) continue
    const first = names.get(lower)
    if (first === undefined) {
      names.set(lower, name)
      outgoing[name] = value
    } else outgoing[first] = [outgoing[first]!, value].flat()
  }
  if (relayed) outgoing['X-Forwarded-Proto'] = 'https'
  return outgoing
}
