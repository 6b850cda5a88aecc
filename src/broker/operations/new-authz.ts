import { asObject } from '../../acme/json.ts'
import { member } from '../../acme/members.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import type { BrokerAnswer } from '../brokered-request.ts'
import { urlOf } from '../url-map.ts'
import { notFound, ownerOf } from './asking.ts'
import { authorizationsFor, unprovable } from './authorizations-for.ts'
import { identifiersAsked, refused } from './identifiers-asked.ts'
import { outsideScope, scopeOf } from './name-scope.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'
import { showAuthorization } from './show-authorization.ts'

/** RFC 8555 §7.4.1. One that is there already is answered with 200. */
export function newAuthz({ store }: OperationParts): OperationHandler {
  return async (request): Promise<BrokerAnswer> => {
    const { endpoint, payload, at } = request
    const owner = ownerOf(request)
    if (!endpoint.preAuthorization || endpoint.proof === 'policy') throw notFound('operation')
    const identifier = member(payload, 'identifier')
    const names = identifiersAsked([identifier])
    if (names.some(({ covers }) => covers === 'wildcard'))
      throw new AcmeProblem('malformed', 'a wildcard is authorized by an order alone (RFC 8555 §7.4.1)')
    // RFC 9444 §4.1.
    const subdomains = asObject(identifier)?.subdomainAuthAllowed
    if (subdomains !== undefined && subdomains !== null && subdomains !== false)
      throw new AcmeProblem('malformed', 'authorizations for subdomains (RFC 9444) are not supported')
    const scope = await scopeOf(request, store)
    const faults = [...outsideScope(names, scope, endpoint.proof), ...unprovable(names, endpoint)]
    if (faults.length > 0) throw refused(faults)
    const [found] = await authorizationsFor(names, endpoint, owner, at, store)
    if (found === undefined) throw new Error('a name without an authorization')
    const { authorization, isNew } = found
    if (isNew) await store.addAuthorization(authorization)
    return {
      status: isNew ? 201 : 200,
      fields: [['location', urlOf(endpoint, 'authorization', [authorization.id])]],
      body: { json: showAuthorization(authorization, endpoint, at) },
    }
  }
}
