/** The private key of an issuer as it lies in a file: never in the clear. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { SealedPlace, Sealing } from '../../engine/sealing.ts'
import { LocalCaError } from './local-ca-error.ts'

/** What opens it: a passphrase (PKCS #8, which OpenSSL reads), else the key that the engine's keys are sealed under. */
export type KeyLock = { readonly passphrase: string } | { readonly sealing: Sealing }

/** 32 random characters have more; below this a stolen file is a matter of days. */
const SHORTEST_PASSPHRASE = 12

const SEALED = /-----BEGIN ACMETAP SEALED KEY-----\n([A-Za-z0-9._-]+)\n-----END ACMETAP SEALED KEY-----/
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----\n[^-]+-----END ENCRYPTED PRIVATE KEY-----/

export function makeIssuerKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** PEM. Throws LocalCaError for a passphrase that is too short. */
export function lockKey(key: KeyObject, lock: KeyLock, id: string): string {
  if ('sealing' in lock) return sealedBlock(lock.sealing, derOf(key), id)
  const { passphrase } = lock
  if (passphrase.length < SHORTEST_PASSPHRASE)
    throw new LocalCaError(
      `the passphrase of the key is too short: ${SHORTEST_PASSPHRASE} characters at least. Make one with: openssl rand -base64 24`,
    )
  return key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString()
}

/** From a file that holds it. Throws LocalCaError, or EngineError for what was sealed under another secret. */
export function unlockKey(text: string, lock: KeyLock, id: string): KeyObject {
  const [, sealed] = SEALED.exec(text) ?? []
  const [encrypted] = ENCRYPTED.exec(text) ?? []
  if ('sealing' in lock) {
    if (sealed === undefined)
      throw new LocalCaError(
        encrypted === undefined
          ? 'it holds no key'
          : 'its key is encrypted with a passphrase: configure key_passphrase or key_passphrase_file',
      )
    const der = Buffer.from(lock.sealing.open(sealed as never, placeOf(id)), 'base64')
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  }
  if (encrypted === undefined)
    throw new LocalCaError(
      sealed === undefined
        ? 'it holds no key'
        : 'its key is sealed with the key of the engine, not with a passphrase: remove key_passphrase and key_passphrase_file',
    )
  try {
    return createPrivateKey({ key: encrypted, passphrase: lock.passphrase })
  } catch {
    throw new LocalCaError('the passphrase does not open its key')
  }
}

/** The same text with its key sealed by `after`; null where it is not sealed. Throws EngineError where `before` did not seal it. */
export function relockSealed(text: string, before: Sealing, after: Sealing, id: string): string | null {
  const [block, sealed] = SEALED.exec(text) ?? []
  if (block === undefined || sealed === undefined) return null
  const der = before.open(sealed as never, placeOf(id))
  return text.replace(block, () => sealedBlock(after, der, id).trimEnd())
}

function sealedBlock(sealing: Sealing, der: string, id: string): string {
  return `-----BEGIN ACMETAP SEALED KEY-----\n${sealing.seal(der, placeOf(id))}\n-----END ACMETAP SEALED KEY-----\n`
}

function derOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'der' }).toString('base64')
}

function placeOf(id: string): SealedPlace {
  return { table: 'localCa', id, column: 'key' }
}
