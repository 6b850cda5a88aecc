import { contactsOf } from '../acme/payloads.ts'
import type { Inspected } from '../exchange/exchange.ts'
import { addressesIn, withoutContacts } from './redaction.ts'

/**
 * A text that acmetap wrote about an exchange, without who asked: the client's address, proxy user and User-Agent, the
 * contacts in the request, any e-mail address. They stand under `personal`, where they can be erased.
 */
export function withoutPersons(exchange: Inspected): (text: string) => string {
  const { clientAddress, proxyUser } = exchange.connection
  const contacts = contactsOf(exchange.inspection?.jws.payload)
  const userAgent = exchange.request.fields.find(([name]) => name.toLowerCase() === 'user-agent')?.[1]
  const marks = [
    [clientAddress, '[address]'],
    [proxyUser, '[proxy user]'],
    // A short one is a word as any other; it tells nobody from another.
    [userAgent !== undefined && userAgent.length >= SHORTEST_PROGRAM ? userAgent : null, '[user agent]'],
  ] as const
  const patterns = marks.flatMap(([value, mark]) => (value ? [[whole(value), mark] as const] : []))
  return (text) => {
    let clean = withoutContacts(text, [...contacts, ...addressesIn(text)])
    for (const [pattern, mark] of patterns) clean = clean.replace(pattern, mark)
    return clean
  }
}

const SHORTEST_PROGRAM = 8

/** Not within a longer word. Rather once too often: what is struck here is kept elsewhere. */
function whole(value: string): RegExp {
  return new RegExp(`(?<!\\w)${value.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}(?!\\w)`, 'gi')
}
