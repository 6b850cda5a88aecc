import { AcmeProblem } from '../../acme/problem.ts'
import type { BrokeredRequest } from '../brokered-request.ts'
import type { BrokerAuthorization } from '../objects.ts'
import { urlOf } from '../url-map.ts'
import { accountOf, notFound } from './asking.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'
import { showChallenge, statusAt } from './show-authorization.ts'

/**
 * RFC 8555 §7.5.1. What the payload holds is not looked at: the key authorization that old clients send is known here. Of a
 * valid authorization, a challenge is answered as it is.
 */
export function challenge({ validations }: OperationParts): OperationHandler {
  return async (request) => {
    const { endpoint, at, authorization: found } = request
    const [id = '', challengeId = ''] = request.ids
    const ofIt = (each: BrokerAuthorization) => each.challenges.find((one) => one.id === challengeId)
    if (found === null || ofIt(found) === undefined) throw notFound('challenge')
    const authorization = request.isPostAsGet ? found : await answered(found, challengeId, request)
    const shown = ofIt(authorization)
    if (shown === undefined) throw notFound('challenge')
    return {
      status: 200,
      fields: [
        ['link', `<${urlOf(endpoint, 'authorization', [id])}>;rel="up"`],
        ...(shown.status === 'processing' && statusAt(authorization, at) === 'pending'
          ? ([['retry-after', '1']] as const)
          : []),
      ],
      body: { json: showChallenge(shown, authorization, endpoint) },
    }
  }

  async function answered(
    authorization: BrokerAuthorization,
    challengeId: string,
    request: BrokeredRequest,
  ): Promise<BrokerAuthorization> {
    if (authorization.status === 'valid') return authorization
    if (authorization.status === 'pending' && statusAt(authorization, request.at) !== 'pending')
      throw new AcmeProblem('malformed', 'Expired authorization: make a new order')
    return validations.answer(authorization, challengeId, accountOf(request), request.endpoint)
  }
}
