import { member } from '../../acme/members.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import type { BrokerAnswer, BrokeredRequest } from '../brokered-request.ts'
import type { BrokerAuthorization } from '../objects.ts'
import { notFound, ownerOf, worthAsking } from './asking.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'
import { showAuthorization, statusAt } from './show-authorization.ts'

/** RFC 8555 §7.5, and §7.5.2: given up by the client. */
export function authorization({ store, issuances }: OperationParts): OperationHandler {
  return async (request) => {
    const found = request.authorization
    if (found === null) throw notFound('authorization')
    return answer(request.isPostAsGet ? found : await deactivated(found, request), request)
  }

  async function kept(request: BrokeredRequest): Promise<BrokerAuthorization> {
    const found = await store.authorization(ownerOf(request), request.ids[0] ?? '')
    if (found === null) throw notFound('authorization')
    return found
  }

  async function deactivated(
    found: BrokerAuthorization,
    request: BrokeredRequest,
  ): Promise<BrokerAuthorization> {
    if (member(request.payload, 'status') !== 'deactivated')
      throw new AcmeProblem('malformed', 'Invalid status value: an authorization can be deactivated, no more')
    for (let latest = found; ; latest = await kept(request)) {
      if (latest.status === 'deactivated') return latest
      const status = statusAt(latest, request.at)
      if (status !== 'pending' && status !== 'valid')
        throw new AcmeProblem('malformed', `the authorization is ${status}, and can't be deactivated`)
      const changed = { ...latest, status: 'deactivated' as const }
      if (!(await store.putAuthorization(changed, latest))) continue
      await issuances.settled(changed)
      return changed
    }
  }
}

function answer(authorization: BrokerAuthorization, { endpoint, at }: BrokeredRequest): BrokerAnswer {
  const isAwaited = statusAt(authorization, at) === 'pending'
  return {
    status: 200,
    fields: isAwaited ? [['retry-after', String(worthAsking(authorization.createdAt, at))]] : [],
    body: { json: showAuthorization(authorization, endpoint, at) },
  }
}
