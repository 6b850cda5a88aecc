import { canonicalTarget } from '../acme/canonical-target.ts'
import { isJsonObject, member } from '../acme/members.ts'
import type { Operation } from '../acme/operation.ts'
import { csrOf } from '../acme/payloads.ts'
import type { Decided, ObservedResponse } from './exchange.ts'
import { parseJson } from './parse-json.ts'

/**
 * The exchange as the CA's successful answer shows it: a signed request to a URL that nothing has named yet (it was
 * learned by another instance, or before the record began) is what the object in the answer says it is. Any other
 * exchange comes back as it is.
 */
export function toldByAnswer<T extends Decided>(exchange: T, response: ObservedResponse): T {
  const { operation: known, destination, request, inspection } = exchange
  if (known !== 'unrecognised' || !destination || response.status < 200 || response.status > 299)
    return exchange
  const operation = operationOf(exchange, response)
  if (!operation) return exchange
  const url = `https://${destination.authority}${request.target}`
  return {
    ...exchange,
    operation,
    resource: {
      ...destination,
      url,
      canonical: canonicalTarget(request.target),
      operation,
      account: inspection?.jws.header.kid ?? null,
      order: operation === 'order' ? url : null,
      authorization: operation === 'authorization' ? url : null,
      issuance: null,
      identifiers: [],
    },
  }
}

/** By the members RFC 8555 §7.1 requires of each object; null where it is none of them. */
function operationOf(
  { request, inspection, destination }: Decided,
  response: ObservedResponse,
): Operation | null {
  const json = parseJson(response.decoded)
  const has = (...names: string[]) => names.every((name) => member(json, name) !== undefined)
  if (!inspection) return request.method === 'GET' && has('suggestedWindow') ? 'renewalInfo' : null
  const type = response.fields.find(([name]) => name === 'content-type')?.[1] ?? ''
  if (type.startsWith('application/pem-certificate-chain')) return 'certificate'
  if (!isJsonObject(json)) return null
  if (has('status', 'identifiers', 'authorizations', 'finalize')) {
    return csrOf(inspection.jws.payload) ? 'finalize' : 'order'
  }
  if (has('status', 'identifier', 'challenges')) return 'authorization'
  if (has('status', 'type', 'url')) return 'challenge'
  if (Array.isArray(json.orders)) return 'orders'
  const url = `https://${destination?.authority}${request.target}`
  return has('status') && inspection.jws.header.kid === url ? 'account' : null
}
