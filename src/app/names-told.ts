import type { Identifier } from '../acme/identifier.ts'
import { identifiersOf } from '../acme/payloads.ts'
import type { PolicyVerdict } from '../exchange/decision.ts'
import type { Completed } from '../exchange/exchange.ts'

const MOST = 5
/** UTF-16 code units: a client may write anything where a name should be. */
const LONGEST = 255

/** The first names that a verdict is about; those that were asked for where it has none, being about the request. */
export function namesTold(exchange: Completed, { names }: Pick<PolicyVerdict, 'names'>): readonly string[] {
  const told = names.length > 0 ? names.map(({ identifier }) => identifier) : namesAsked(exchange)
  return told.slice(0, MOST).map(({ value }) => value.slice(0, LONGEST))
}

function namesAsked({ operation, inspection, resource, asked }: Completed): readonly Identifier[] {
  if (operation === 'newOrder' || operation === 'newAuthz')
    return identifiersOf(inspection?.jws.payload, operation)
  if (asked?.kind === 'revocation') return asked.names ?? []
  return resource?.identifiers ?? []
}
