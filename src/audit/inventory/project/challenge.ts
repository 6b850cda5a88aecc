import { hash } from 'node:crypto'
import type { Problem } from '../../../acme/response-objects.ts'
import { readChallenge } from '../../../acme/response-objects.ts'
import { boundedLine, redactText } from '../../redaction.ts'
import type { AuthorizationChange, ChallengeChange } from './change.ts'
import { answerOf, operationOf, type Seen, succeeded, type ToldError, toldError } from './seen.ts'

/** RFC 8555 §6.3: of a request that only looks. */
const EMPTY = hash('sha256', '')

/**
 * RFC 8555 §7.5.1: what a request to a challenge, and the CA's answer to it, say of the challenge, and of the
 * authorization it decides.
 */
export function challengeChanges(seen: Seen): (AuthorizationChange | ChallengeChange)[] {
  const { intent, outcome } = seen
  const url = outcome.challenge ?? intent.challenge
  if (operationOf(seen) !== 'challenge' || url === null || !succeeded(seen)) return []
  const said = readChallenge(answerOf(seen))
  const authorization = outcome.authorization ?? intent.authorization
  const status = said.status ?? outcome.objectStatus
  const [identifier = null] = intent.identifiers
  const changes: (AuthorizationChange | ChallengeChange)[] = []
  if (authorization !== null) {
    changes.push({
      object: 'authorization',
      url: authorization,
      identifier: intent.identifiers.length === 1 ? identifier : null,
      wildcard: intent.identifiers.length === 1 && identifier?.value.startsWith('*.') === true,
      // RFC 8555 §7.1.6: one challenge decides.
      status: status === 'valid' || status === 'invalid' ? status : null,
      expires: null,
    })
  }
  changes.push({
    object: 'challenge',
    url,
    authorization,
    type: said.type,
    status,
    answeredAt: intent.jws !== null && intent.jws.payload !== EMPTY ? intent.at : null,
    error: toldError(outcome.objectError),
  })
  return changes
}

const DETAIL_LIMIT = 4096

/** As the outcome keeps the one error it tells. */
export function boundedError(problem: Problem | null): ToldError | null {
  if (problem === null || (problem.type === null && problem.detail === null)) return null
  const { type, detail } = problem
  return {
    type: type ?? 'about:blank',
    detail: detail === null ? null : boundedLine(redactText(detail), DETAIL_LIMIT),
  }
}
