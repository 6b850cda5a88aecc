import { hash } from 'node:crypto'
import type { Jwk } from './jwk.ts'

const thumbprints = new WeakMap<Jwk, string>()

/**
 * RFC 7638. Depends on the key alone, not on how its numbers are padded (RFC 7518 §6.3.1.1 forbids leading zero
 * bytes in RSA keys; some libraries write them and some servers take them).
 */
export function thumbprintOf(jwk: Jwk): string {
  const known = thumbprints.get(jwk)
  if (known !== undefined) return known
  const thumbprint = hash('sha256', canonicalMembers(jwk), 'base64url')
  thumbprints.set(jwk, thumbprint)
  return thumbprint
}

function canonicalMembers(jwk: Jwk): string {
  switch (jwk.kty) {
    case 'RSA':
      return JSON.stringify({ e: minimal(jwk.e), kty: jwk.kty, n: minimal(jwk.n) })
    case 'EC':
      return JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y })
    case 'OKP':
      return JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })
    default: {
      const { crv, e, kty, n, x, y } = jwk
      return JSON.stringify({ crv, e, kty, n, x, y })
    }
  }
}

/** Without leading zero bytes: a base64url text begins with one when its first eight bits are zero. */
function minimal(number: string | undefined): string | undefined {
  if (number === undefined || !/^A[A-P]/.test(number)) return number
  const bytes = Buffer.from(number, 'base64url')
  const start = bytes.findIndex((byte) => byte !== 0)
  return start < 0 ? number : bytes.subarray(start).toString('base64url')
}
