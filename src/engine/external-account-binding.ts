import type { EngineAccountConfig } from '../config/engine.ts'
import { readSecret } from '../config/secrets.ts'
import type { Signer } from './account-key.ts'
import { EngineError } from './engine-error.ts'
import { type FlattenedJws, type MacAlgorithm, macJws } from './sign-jws.ts'

/** What a CA gave its customer to bind an account with (RFC 8555 §7.3.4). */
export interface ExternalAccount {
  readonly keyId: string
  readonly macKey: Buffer
  readonly algorithm: MacAlgorithm
}

/** The new account's public key, under the CA's MAC key. `url`: of newAccount. */
export function externalAccountBinding(
  { keyId, macKey, algorithm }: ExternalAccount,
  { jwk }: Signer,
  url: string,
): FlattenedJws {
  return macJws(macKey, algorithm, { kid: keyId, url }, jwk)
}

/** Throws EngineError (`input`): no key, or one that is no base64url. Null where none is configured. */
export function externalAccountOf({ ca, external }: EngineAccountConfig): ExternalAccount | null {
  if (external === undefined) return null
  const where = `engine.accounts, CA ${JSON.stringify(ca)}, external`
  let text: string | null
  try {
    text = readSecret({ value: external.hmac_key, file: external.hmac_key_file }, 'key')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new EngineError(
      'input',
      `${where}: hmac_key_file cannot be read (${code ?? 'its first line is empty'})`,
    )
  }
  if (text === null) throw new EngineError('input', `${where}: write hmac_key or hmac_key_file`)
  // CAs hand it out in either alphabet, with padding or without.
  const plain = text.trim().replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_')
  if (!/^[A-Za-z0-9_-]+$/.test(plain) || plain.length % 4 === 1)
    throw new EngineError('input', `${where}: the MAC key is not base64url, as the CA has given it to you`)
  return { keyId: external.key_id, macKey: Buffer.from(plain, 'base64url'), algorithm: external.algorithm }
}
