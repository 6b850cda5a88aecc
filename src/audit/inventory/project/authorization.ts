import { readAuthorization } from '../../../acme/response-objects.ts'
import { identifiersOfAuthorization } from '../../../exchange/learn.ts'
import { boundedError } from './challenge.ts'
import type { AuthorizationChange, ChallengeChange } from './change.ts'
import { answerOf, MAX_URL, operationOf, type Seen, succeeded, timeOf } from './seen.ts'

/** RFC 8555 §7.1.4: an authorization, then each of its challenges. Empty for any other exchange. */
export function authorizationChanges(seen: Seen): (AuthorizationChange | ChallengeChange)[] {
  const { intent, outcome } = seen
  const operation = operationOf(seen)
  const url = outcome.authorization ?? intent.authorization
  if ((operation !== 'authorization' && operation !== 'newAuthz') || url === null || !succeeded(seen))
    return []
  const said = readAuthorization(answerOf(seen))
  const [identifier = outcome.identifiers[0] ?? intent.identifiers[0] ?? null] =
    identifiersOfAuthorization(said)
  const changes: (AuthorizationChange | ChallengeChange)[] = [
    {
      object: 'authorization',
      url,
      identifier,
      wildcard: said.wildcard || identifier?.value.startsWith('*.') === true,
      status: said.status ?? outcome.objectStatus,
      expires: timeOf(said.expires),
    },
  ]
  for (const challenge of said.challenges) {
    if (challenge.url === null || challenge.url.length > MAX_URL) continue
    changes.push({
      object: 'challenge',
      url: challenge.url,
      authorization: url,
      type: challenge.type,
      status: challenge.status,
      answeredAt: null,
      error: boundedError(challenge.error),
    })
  }
  return changes
}
