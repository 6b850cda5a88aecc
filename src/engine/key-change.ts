import type { Signer } from './account-key.ts'
import type { AcmeSession } from './acme-session.ts'
import { EngineError } from './engine-error.ts'
import { signJws } from './sign-jws.ts'

/**
 * RFC 8555 §7.3.5: from the answer on `next` signs for the account. Where no answer comes, nobody knows which of the two
 * does: ask with the new one whether it has an account.
 */
export async function keyChange(
  session: AcmeSession,
  signer: Signer,
  next: Signer,
  signal: AbortSignal,
): Promise<void> {
  const { keyChange: url } = await session.directory(signal)
  if (url === null) {
    throw new EngineError(
      'input',
      `the CA ${JSON.stringify(session.ca)} does not offer keyChange, so its account keeps its key`,
    )
  }
  const inner = await signJws(next, { jwk: next.jwk, url }, { account: signer.kid, oldKey: signer.jwk })
  await session.post(url, inner, signer, { signal })
}
