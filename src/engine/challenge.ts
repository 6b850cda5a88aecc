import type { Signer } from './account-key.ts'
import { type AcmeSession, wrongAnswer } from './acme-session.ts'
import { type OfferedChallenge, offeredChallenge } from './authorization.ts'

/** RFC 8555 §8.1. */
export function keyAuthorization(token: string, { thumbprint }: Pick<Signer, 'thumbprint'>): string {
  return `${token}.${thumbprint}`
}

/**
 * RFC 8555 §7.5.1: the answer can be seen, the CA may look. Sent once: a CA may refuse a second time, so where no answer
 * comes, look at the order. `url`: of the challenge.
 */
export async function answerChallenge(
  session: AcmeSession,
  signer: Signer,
  url: string,
  signal: AbortSignal,
): Promise<OfferedChallenge> {
  const answer = await session.post(url, {}, signer, { signal })
  const challenge = offeredChallenge(answer.json)
  if (challenge === null) throw wrongAnswer(session, answer, 'answers with something that is no challenge')
  return challenge
}
