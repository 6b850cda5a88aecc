import { KeyObject, verify } from 'node:crypto'
import { type CryptoKey, importJWK } from 'jose'
import type { Jwk } from '../acme/jwk.ts'
import type { Jws } from '../acme/jws.ts'
import { acceptableRsa } from '../acme/key-strength.ts'
import { thumbprintOf } from '../acme/thumbprint.ts'
import { derSignature } from './ecdsa-signature.ts'
import type { Verdict } from './exchange.ts'
import { LruMap } from './lru-map.ts'

/** What a key signs with: one algorithm for each key, never the header's choice. Signature lengths in bytes. */
const ALGORITHMS = {
  'P-256': { alg: 'ES256', digest: 'sha256', length: 64, ecdsa: true },
  'P-384': { alg: 'ES384', digest: 'sha384', length: 96, ecdsa: true },
  'P-521': { alg: 'ES512', digest: 'sha512', length: 132, ecdsa: true },
  Ed25519: { alg: 'EdDSA', digest: null, length: 64, ecdsa: false },
  RSA: { alg: 'RS256', digest: 'sha256', length: null, ecdsa: false },
} as const

/** `alg` values that are taken (RFC 8555 §6.2). */
export const SIGNATURE_ALGORITHMS: readonly string[] = Object.values(ALGORITHMS).map(({ alg }) => alg)

/** The one `alg` that this key signs with; null where it is of no kind we verify, or denies that it signs so. */
export function signatureAlgorithmOf(key: Jwk): string | null {
  return algorithmOf(key)?.alg ?? null
}

type Algorithm = (typeof ALGORITHMS)[keyof typeof ALGORITHMS]

/** Null: a key that cannot be imported, remembered so that it is not tried again. */
const imported = new LruMap<string, Promise<KeyObject | null>>(4096)

/**
 * Whether this key made the JWS's signature. `unverifiable` when the key is none we can use: another kind, too
 * weak, not on its curve, or one that says of itself that it signs otherwise. A header that names another
 * algorithm than the key's own is `invalid` (RFC 8725 §3.1). Never rejects.
 */
export async function verifySignature(jws: Jws, key: Jwk): Promise<Verdict> {
  const algorithm = algorithmOf(key)
  if (!algorithm) return 'unverifiable'
  const publicKey = await importOnce(key, algorithm)
  if (!publicKey) return 'unverifiable'
  if (jws.header.alg !== algorithm.alg) return 'invalid'
  if (algorithm.length !== null && jws.signatureBytes.length !== algorithm.length) return 'invalid'
  const signed = await isSignedBy(publicKey, algorithm, signingInput(jws), jws.signatureBytes)
  return signed ? 'verified' : 'invalid'
}

/** RFC 7515 §5.1 step 8. */
function signingInput({ protectedBytes, payloadBytes }: Jws): Buffer {
  return Buffer.from(
    `${protectedBytes.toString('base64url')}.${payloadBytes.toString('base64url')}`,
    'latin1',
  )
}

/**
 * On the thread pool, which costs the event loop a tenth of what the check itself would. Node's own `verify` and
 * not WebCrypto's, which takes ten times that to hand over.
 */
function isSignedBy(
  key: KeyObject,
  { digest, ecdsa }: Algorithm,
  input: Buffer,
  signature: Buffer,
): Promise<boolean> {
  const checked = new Promise<boolean>((resolve) => {
    verify(digest, input, key, ecdsa ? derSignature(signature) : signature, (error, signed) => {
      resolve(!error && signed)
    })
  })
  return checked.catch(() => false)
}

/** Null where the key is of no kind we verify, or denies that it signs this way (RFC 7517 §4.2–§4.4). */
function algorithmOf(key: Jwk): Algorithm | null {
  const algorithm = byKind(key)
  if (!algorithm) return null
  if (key.alg !== undefined && key.alg !== algorithm.alg) return null
  if (key.use !== undefined && key.use !== 'sig') return null
  if (key.key_ops !== undefined && !key.key_ops.includes('verify')) return null
  return algorithm
}

function byKind({ kty, crv }: Jwk): Algorithm | null {
  if (kty === 'RSA') return ALGORITHMS.RSA
  if (kty === 'EC' && (crv === 'P-256' || crv === 'P-384' || crv === 'P-521')) return ALGORITHMS[crv]
  return kty === 'OKP' && crv === 'Ed25519' ? ALGORITHMS.Ed25519 : null
}

function importOnce(key: Jwk, algorithm: Algorithm): Promise<KeyObject | null> {
  const thumbprint = thumbprintOf(key)
  const known = imported.get(thumbprint)
  if (known !== undefined) return known
  const importing = importKey(key, algorithm)
  imported.set(thumbprint, importing)
  return importing
}

async function importKey({ kty, crv, x, y, n, e }: Jwk, { alg }: Algorithm): Promise<KeyObject | null> {
  try {
    if (kty === 'RSA') {
      if (n === undefined || e === undefined || !acceptableRsa(n, e)) return null
      return KeyObject.from((await importJWK({ kty, n, e }, alg)) as CryptoKey)
    }
    if (crv === undefined || x === undefined) return null
    const members = y === undefined ? { kty, crv, x } : { kty, crv, x, y }
    return KeyObject.from((await importJWK(members, alg)) as CryptoKey)
  } catch {
    return null
  }
}
