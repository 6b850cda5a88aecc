import { hash } from 'node:crypto'
import { BIT_STRING, contentOf, type Element, INTEGER, inside, oidOf, readOne, SEQUENCE } from './der.ts'

/** A SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in a few words. */
export interface PublicKeyFacts {
  /** RSA, P-256, P-384, P-521, Ed25519 …; the dotted algorithm or curve where it has no name here. */
  readonly keyType: string
  /** Of the modulus or the curve; null where it is not known. */
  readonly keyBits: number | null
  /** SHA-256 of the DER, hex. */
  readonly spki: string
}

export const RSA = '1.2.840.113549.1.1.1'
export const ELLIPTIC = '1.2.840.10045.2.1'
const NAMED: Readonly<Record<string, readonly [string, number]>> = {
  '1.2.840.10045.3.1.7': ['P-256', 256],
  '1.3.132.0.34': ['P-384', 384],
  '1.3.132.0.35': ['P-521', 521],
  '1.3.132.0.10': ['secp256k1', 256],
  '1.3.101.112': ['Ed25519', 256],
  '1.3.101.113': ['Ed448', 448],
}

/** Throws DerError for what is no SubjectPublicKeyInfo. */
export function publicKeyFacts(info: Element | undefined): PublicKeyFacts {
  const [algorithm, key] = inside(info, SEQUENCE)
  const [type, parameters] = inside(algorithm, SEQUENCE)
  const spki = hash('sha256', info!.whole)
  const oid = oidOf(type)
  if (oid === RSA) return { keyType: 'RSA', keyBits: modulusBits(contentOf(key, BIT_STRING)), spki }
  const curve = oid === ELLIPTIC ? namedCurve(parameters) : oid
  const [keyType, keyBits] = NAMED[curve] ?? [curve, null]
  return { keyType, keyBits, spki }
}

/** Explicit curve parameters (RFC 3279 §2.3.5) have no name. */
function namedCurve(parameters: Element | undefined): string {
  return parameters?.tag === 0x06 ? oidOf(parameters) : ELLIPTIC
}

/** The first byte of a BIT STRING tells unused bits. */
function modulusBits(bits: Buffer): number {
  const [modulus] = inside(readOne(bits.subarray(1)), SEQUENCE)
  const bytes = contentOf(modulus, INTEGER)
  let at = 0
  while (at < bytes.length && bytes[at] === 0) at++
  const first = bytes[at]
  return first === undefined ? 0 : 8 * (bytes.length - at - 1) + (32 - Math.clz32(first))
}
