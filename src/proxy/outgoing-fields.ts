import { endToEndFields } from '../ca/hop-by-hop.ts'
import type { FieldList } from '../exchange/exchange.ts'

/** Set by us, the business of this one hop, or a claim of whoever stands before us: never taken from a client. */
const NOT_FORWARDED = new Set(['host', 'content-length', 'expect', 'forwarded', 'via'])

/**
 * The fields that go to the CA: the client's own in their order, repeated where repeated, but for hop-by-hop
 * fields, `Expect` and everything that claims where the client is. `relayed` adds the one field a CA behind a
 * relay needs to build its URLs.
 */
export function outgoingFields(fields: FieldList, authority: string, relayed: boolean): FieldList {
  const outgoing: (readonly [string, string])[] = [['Host', authority]]
  for (const field of endToEndFields(fields)) {
    const name = field[0].toLowerCase()
    if (!NOT_FORWARDED.has(name) && !name.startsWith('x-forwarded-')) outgoing.push(field)
  }
  if (relayed) outgoing.push(['X-Forwarded-Proto', 'https'])
  return outgoing
}
