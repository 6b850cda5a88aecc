import { problemUrn } from '../acme/problem-types.ts'
import { REVOCATION_REASONS } from '../acme/revocation-reasons.ts'
import type { Signer } from './account-key.ts'
import type { AcmeSession } from './acme-session.ts'
import { EngineError } from './engine-error.ts'

const OTHERS: Readonly<Record<number, string>> = {
  2: 'cACompromise is about the key of a CA',
  6: 'certificateHold can be taken back, and a certificate of a public CA cannot',
  8: 'removeFromCRL is for certificates on hold',
  10: 'aACompromise is about attribute certificates',
}

/**
 * RFC 8555 §7.6. `signer`: the account that obtained it or is authorized for all its names, or a signer without `kid` of
 * the certificate's own key. `certificate`: DER. Resolves with `alreadyRevoked` where it was before. Throws EngineError
 * (`input`) for another reason than {@link REVOCATION_REASONS} has, before anything is sent.
 */
export async function revokeCertificate(
  session: AcmeSession,
  signer: Signer,
  certificate: Buffer,
  reason: number,
  signal: AbortSignal,
): Promise<'revoked' | 'alreadyRevoked'> {
  if (!Object.hasOwn(REVOCATION_REASONS, reason)) {
    const known = Object.entries(REVOCATION_REASONS).map(([code, word]) => `${code} (${word})`)
    const why = OTHERS[reason] ?? 'it is not one of RFC 5280'
    throw new EngineError(
      'input',
      `the reason ${reason} cannot be given: ${why}. Give one of ${known.join(', ')}`,
    )
  }
  const { revokeCert: url } = await session.directory(signal)
  if (url === null)
    throw new EngineError('input', `the CA ${JSON.stringify(session.ca)} does not offer revokeCert`)
  try {
    // RFC 8555 §7.6: repeated, it is answered with alreadyRevoked.
    await session.post(url, { certificate: certificate.toString('base64url'), reason }, signer, {
      signal,
      isRepeatable: true,
    })
    return 'revoked'
  } catch (error) {
    if (error instanceof EngineError && error.problem?.type === problemUrn('alreadyRevoked'))
      return 'alreadyRevoked'
    throw error
  }
}
