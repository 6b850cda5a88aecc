import { isIP } from 'node:net'
import type { Identifier } from '../../acme/identifier.ts'
import { addressOf } from '../../policy/names/address.ts'

/** What an HTTP request must name for this identifier: a host name in lower case, or an address, without brackets. */
export function hostOf({ value }: Identifier): string {
  const address = addressOf(value)
  return typeof address === 'string' ? address : value.toLowerCase()
}

/** The host of a Host field, as {@link hostOf} has it; null where it is none. The port says nothing: others lead it here. */
export function requestedHost(field: string | undefined): string | null {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(field ?? '') ?? []
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? hostOf({ type: 'ip', value: bracketed }) : null
  return plain === undefined ? null : hostOf({ type: 'dns', value: plain })
}
