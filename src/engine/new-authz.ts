import type { Identifier } from '../acme/identifier.ts'
import type { Signer } from './account-key.ts'
import { type AcmeSession, wrongAnswer } from './acme-session.ts'
import { type AuthorizationObject, authorizationObject } from './authorization.ts'
import { EngineError } from './engine-error.ts'
import { plainIdentifier } from './order-object.ts'

/** RFC 8555 §7.4.1: authorization ahead of any order, not for wildcards. EngineError (`input`) where the CA has none. */
export async function newAuthz(
  session: AcmeSession,
  signer: Signer,
  identifier: Identifier,
  signal: AbortSignal,
): Promise<AuthorizationObject> {
  const { newAuthz: url } = await session.directory(signal)
  if (url === null) {
    throw new EngineError(
      'input',
      `the CA ${JSON.stringify(session.ca)} does not offer newAuthz: names are authorized with an order`,
    )
  }
  const answer = await session.post(url, { identifier: plainIdentifier(identifier) }, signer, { signal })
  if (answer.location === null)
    throw wrongAnswer(session, answer, 'does not say the URL of the authorization (no Location)')
  return authorizationObject(session, answer, answer.location)
}
