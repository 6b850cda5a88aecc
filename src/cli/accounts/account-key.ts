import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { Jwk } from '../../acme/jwk.ts'
import { isJsonObject, stringMember } from '../../acme/members.ts'
import type { KeyReading } from './found-account.ts'

const CURVES = new Set(['P-256', 'P-384', 'P-521', 'Ed25519', 'Ed448'])
const MAX_MODULUS_BITS = 16_384
const MAX_MEMBER = 4096
const ACCEPTED = 'RSA, ECDSA on P-256, P-384 or P-521, Ed25519 or Ed448'

/** The public half of a private key in PEM. OpenSSL's own messages are left out: they may describe the key. */
export async function keyOfPem(pem: string | null, name: string): Promise<KeyReading> {
  if (pem === null) return { problem: `${name} is missing or cannot be read` }
  if (!pem.includes('PRIVATE KEY-----')) return { problem: `${name} holds no private key in PEM` }
  try {
    return await accepted(createPublicKey(createPrivateKey(pem)), name)
  } catch {
    return { problem: `${name} holds a private key that is cut off, encrypted or of an unknown kind` }
  }
}

/** The public half of a private key as a JWK (RFC 7517), of which only the public members are looked at. */
export async function keyOfJwk(value: unknown, name: string): Promise<KeyReading> {
  if (!isJsonObject(value)) return { problem: `${name} is missing or cannot be read` }
  const kty = stringMember(value, 'kty')
  const names =
    kty === 'RSA' ? ['n', 'e'] : kty === 'EC' ? ['crv', 'x', 'y'] : kty === 'OKP' ? ['crv', 'x'] : []
  if (kty === null || names.length === 0)
    return { problem: `${name} holds no key of an accepted kind (${ACCEPTED})` }
  const jwk: Record<string, string> = { kty }
  for (const member of names) jwk[member] = stringMember(value, member, MAX_MEMBER) ?? ''
  try {
    return await accepted(createPublicKey({ key: jwk, format: 'jwk' }), name)
  } catch {
    return { problem: `${name} holds a JWK that is incomplete or of an unknown kind` }
  }
}

async function accepted(key: KeyObject, name: string): Promise<KeyReading> {
  const refused = { problem: `${name} holds no key of an accepted kind (${ACCEPTED})` }
  if (!['rsa', 'ec', 'ed25519', 'ed448'].includes(key.asymmetricKeyType ?? '')) return refused
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) > MAX_MODULUS_BITS) return refused
  const { kty, crv, x, y, n, e } = key.export({ format: 'jwk' })
  if (crv !== undefined && !CURVES.has(crv)) return refused
  const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => typeof value === 'string')
  const jwk: JWK = Object.fromEntries(members)
  return { jwk: jwk as Jwk, thumbprint: await calculateJwkThumbprint(jwk) }
}
