import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Jwk } from '../../src/acme/jwk.ts'

/** An account key pair for tests: ES256, or RS256 where asked. Signing is synchronous, so that loads can be signed beforehand. */
export interface AccountKeyPair {
  readonly alg: 'ES256' | 'RS256'
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly jwk: Jwk
  /** RFC 7638. */
  readonly thumbprint: string
}

export function makeAccountKey(alg: AccountKeyPair['alg'] = 'ES256'): AccountKeyPair {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = publicKey.export({ format: 'jwk' }) as unknown as Jwk
  return { alg, privateKey, publicKey, jwk, thumbprint: thumbprintOf(jwk) }
}

/** RFC 7638: SHA-256 over the required members in lexicographic order, base64url. */
export function thumbprintOf(jwk: Jwk): string {
  const { kty, crv, x, y, n, e } = jwk
  const members = kty === 'EC' ? { crv, kty, x, y } : kty === 'RSA' ? { e, kty, n } : { crv, kty, x }
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

/** A flattened JWS (RFC 8555 §6.2). `payload` undefined makes a POST-as-GET; `header` holds nonce, url and jwk or kid. */
export function signJws(
  key: AccountKeyPair,
  header: Readonly<Record<string, unknown>>,
  payload?: unknown,
): Buffer {
  const protectedText = Buffer.from(JSON.stringify({ alg: key.alg, ...header })).toString('base64url')
  const payloadText = payload === undefined ? '' : Buffer.from(JSON.stringify(payload)).toString('base64url')
  const signature = sign('sha256', Buffer.from(`${protectedText}.${payloadText}`), {
    key: key.privateKey,
    ...(key.alg === 'ES256' ? { dsaEncoding: 'ieee-p1363' as const } : {}),
  }).toString('base64url')
  return Buffer.from(JSON.stringify({ protected: protectedText, payload: payloadText, signature }))
}
