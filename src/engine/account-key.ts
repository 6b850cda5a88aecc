import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { Jwk } from '../acme/jwk.ts'
import { thumbprintOf } from '../acme/thumbprint.ts'
import type { AccountKeyType } from './account.ts'
import { EngineError } from './engine-error.ts'
import type { SignatureAlgorithm } from './sign-jws.ts'

/** Whoever signs: an account, or a key that has none yet. */
export interface Signer {
  readonly key: KeyObject
  readonly alg: SignatureAlgorithm
  /** Public, and only the members that RFC 7638 hashes. */
  readonly jwk: Jwk
  /** RFC 7638. */
  readonly thumbprint: string
  /** URL of the account; null: the request carries the key itself (RFC 8555 §6.2). */
  readonly kid: string | null
}

const generate = promisify(generateKeyPair)
const PKCS8 = { format: 'pem', type: 'pkcs8' } as const

/** PKCS #8 PEM. An RSA key of 4096 bits takes a second or so, on the thread pool. */
export async function makeAccountKey(type: AccountKeyType): Promise<string> {
  const { privateKey } = await keyPairOf(type)
  return privateKey.export(PKCS8) as string
}

function keyPairOf(type: AccountKeyType): Promise<{ privateKey: KeyObject }> {
  switch (type) {
    case 'ec256':
      return generate('ec', { namedCurve: 'P-256' })
    case 'ec384':
      return generate('ec', { namedCurve: 'P-384' })
    case 'ed25519':
      return generate('ed25519')
    case 'rsa2048':
    case 'rsa3072':
    case 'rsa4096':
      return generate('rsa', { modulusLength: Number(type.slice(3)) })
  }
}

const CURVES: Readonly<Record<string, SignatureAlgorithm>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
}

/**
 * A private key (PEM) as a signer: an account's, or a certificate's own, which may revoke it. Throws EngineError (`input`)
 * for what is none, is encrypted, or is of a kind that ACME servers take no signature of.
 */
export function signerOf(pem: string, kid: string | null): Signer {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    throw new EngineError('input', 'the key is not an unencrypted private key in PEM')
  }
  const { jwk, alg } = publicOf(key)
  return { key, alg, jwk, thumbprint: thumbprintOf(jwk), kid }
}

function publicOf(key: KeyObject): { jwk: Jwk; alg: SignatureAlgorithm } {
  const type = key.asymmetricKeyType
  if (type === 'rsa' || type === 'ec' || type === 'ed25519') {
    const { kty, crv, x, y, n, e } = createPublicKey(key).export({ format: 'jwk' }) as Jwk
    if (kty === 'RSA') return { jwk: { kty, n: n!, e: e! }, alg: 'RS256' }
    const alg = CURVES[crv!]
    if (alg !== undefined) return { jwk: { kty, crv: crv!, x: x!, ...(y === undefined ? {} : { y }) }, alg }
  }
  throw new EngineError(
    'input',
    `ACME servers take no signature of a key of this kind (${type}): use RSA, P-256, P-384, P-521 or Ed25519`,
  )
}
