import type { Endpoint } from '../endpoint.ts'
import type { BrokerAuthorization, BrokerChallenge } from '../objects.ts'
import { urlOf } from '../url-map.ts'
import { timeText } from './time-text.ts'

/** RFC 8555 §7.1.6: what nobody proved in time is invalid, what was proved once has expired. */
export function statusAt({ status, expiresAt }: BrokerAuthorization, now: number) {
  if (expiresAt > now) return status
  return status === 'pending' ? 'invalid' : status === 'valid' ? 'expired' : status
}

/** RFC 8555 §7.1.4. */
export function showAuthorization(authorization: BrokerAuthorization, endpoint: Endpoint, now: number) {
  return {
    status: statusAt(authorization, now),
    expires: timeText(authorization.expiresAt),
    identifier: authorization.identifier,
    ...(authorization.wildcard ? { wildcard: true } : {}),
    challenges: shownChallenges(authorization).map((each) => showChallenge(each, authorization, endpoint)),
  }
}

/**
 * RFC 8555 §8, with the members that clients take for granted. What is being looked at is `pending`, as Boulder has it: a client
 * that waits as long as it reads this word takes `processing` (§7.1.6) for the end.
 */
export function showChallenge(challenge: BrokerChallenge, { id }: BrokerAuthorization, endpoint: Endpoint) {
  const { type, status, token, validatedAt, error } = challenge
  return {
    type,
    url: urlOf(endpoint, 'challenge', [id, challenge.id]),
    status: status === 'processing' ? 'pending' : status,
    token,
    ...(validatedAt === null ? {} : { validated: timeText(validatedAt) }),
    ...(error === null ? {} : { error }),
  }
}

/** RFC 8555 §7.1.4: once one has decided, the others are no longer to be met. */
function shownChallenges({ challenges }: BrokerAuthorization): readonly BrokerChallenge[] {
  const decided = challenges.filter(({ status }) => status === 'valid' || status === 'invalid')
  return decided.length > 0 ? decided : challenges
}
