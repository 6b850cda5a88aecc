/** The key of a request for a certificate, and whether the request is signed by it. */
import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import {
  BIT_STRING,
  contentOf,
  type Element,
  INTEGER,
  inside,
  OBJECT_IDENTIFIER,
  oidOf,
  readOne,
  SEQUENCE,
} from './der.ts'
import type { Jwk } from './jwk.ts'
import { rsaFault } from './key-strength.ts'
import { ELLIPTIC, publicKeyFacts, RSA } from './public-key.ts'
import { thumbprintOf } from './thumbprint.ts'

export interface RequestedKey {
  /** RSA, ECDSA, Ed25519, Ed448; the dotted algorithm where it has no name here. */
  readonly type: string
  /** Bits of the modulus or the curve; null where it is not known. */
  readonly size: number | null
  /** P-256, P-384, P-521, or the dotted curve; null for a key without one. */
  readonly curve: string | null
  /** SHA-256 of the SubjectPublicKeyInfo, hex: what certificates of the inventory are found by. */
  readonly spki: string
  /** RFC 7638, base64url: what account keys are known by; null for a key that has no JWK. */
  readonly thumbprint: string | null
}

/** Bits. What is below, or above it, nobody issues for; in between is for a policy's rules. */
const SMALLEST_RSA = 1024
const LARGEST_RSA = 8192
const ED25519 = '1.3.101.112'
const ED448 = '1.3.101.113'
const TYPES: Readonly<Record<string, string>> = {
  [RSA]: 'RSA',
  [ELLIPTIC]: 'ECDSA',
  [ED25519]: 'Ed25519',
  [ED448]: 'Ed448',
}
const CURVES = new Set(['P-256', 'P-384', 'P-521'])

export interface KeyReading {
  readonly key: RequestedKey
  /** Null where it can't be used, or is too expensive to. */
  readonly usable: KeyObject | null
  readonly faults: readonly string[]
}

/** Of a SubjectPublicKeyInfo. Throws DerError where not even its algorithm can be read. */
export function readRequestedKey(info: Element | undefined): KeyReading {
  const [algorithm, bits, ...more] = inside(info, SEQUENCE)
  const [algorithmId, parameters, ...rest] = inside(algorithm, SEQUENCE)
  const oid = oidOf(algorithmId)
  const faults: string[] = []
  if (more.length > 0 || rest.length > 0) faults.push('its public key has members too many')
  faults.push(...parameterFaults(oid, parameters))
  const point = contentOf(bits, BIT_STRING)
  if (point[0] !== 0) faults.push('its public key is not a whole number of bytes')
  if (oid === ELLIPTIC && point[1] !== 4) faults.push('its public key is a compressed point, or none')
  const strength = oid === RSA ? rsaFaults(point.subarray(1)) : []
  faults.push(...strength)
  const imported = strength.length === 0 ? importKey(info!.whole) : null
  if (imported === null && strength.length === 0)
    faults.push('its public key cannot be read, or is not on its curve')
  return { key: described(oid, parameters, info!, imported), usable: imported, faults }
}

function described(
  oid: string,
  parameters: Element | undefined,
  info: Element,
  key: KeyObject | null,
): RequestedKey {
  const facts = orNull(() => publicKeyFacts(info))
  const dotted = parameters?.tag === OBJECT_IDENTIFIER ? oidOf(parameters) : null
  const named = facts !== null && CURVES.has(facts.keyType) ? facts.keyType : dotted
  return {
    type: TYPES[oid] ?? oid,
    size: facts?.keyBits ?? null,
    curve: oid === ELLIPTIC ? named : null,
    spki: facts?.spki ?? hash('sha256', info.whole),
    thumbprint: key && orNull(() => thumbprintOf(key.export({ format: 'jwk' }) as unknown as Jwk)),
  }
}

/** RFC 3279 §2.3.1, RFC 5480 §2.1.1, RFC 8410 §3: one spelling for one key, so that a key is known again. */
function parameterFaults(oid: string, parameters: Element | undefined): string[] {
  if (oid === RSA) return parameters?.tag === 0x05 ? [] : ['its RSA key has parameters other than NULL']
  if (oid === ELLIPTIC)
    return parameters?.tag === OBJECT_IDENTIFIER ? [] : ['its key is on a curve of explicit parameters']
  if (TYPES[oid] === undefined) return [`its key is of a kind that is unknown here (${oid.slice(0, 80)})`]
  return parameters ? ['its key has parameters'] : []
}

/** RFC 3279 §2.3.1: `RSAPublicKey ::= SEQUENCE { modulus, publicExponent }`. */
function rsaFaults(bytes: Buffer): string[] {
  const numbers = orNull(() => rsaNumbers(bytes))
  if (!numbers) return ['its RSA key cannot be read']
  const [modulus, exponent] = numbers
  if (modulus[0]! >= 0x80 || exponent[0]! >= 0x80) return ['its RSA key has a negative number']
  const size = bitsOf(modulus)
  if (size < SMALLEST_RSA)
    return [`its RSA key has ${size} bits; nobody issues for less than ${SMALLEST_RSA}`]
  if (size > LARGEST_RSA) return [`its RSA key has ${size} bits; nobody issues for more than ${LARGEST_RSA}`]
  if (exponent.length > 9) return ['its RSA key has an exponent over 2^32']
  const fault = rsaFault(number(modulus), number(exponent))
  return fault === null ? [] : [`its RSA key has ${fault}`]
}

function rsaNumbers(bytes: Buffer): readonly [Buffer, Buffer] | null {
  const [modulus, exponent, ...more] = inside(readOne(bytes), SEQUENCE).map((each) =>
    contentOf(each, INTEGER),
  )
  return modulus?.length && exponent?.length && more.length === 0 ? [modulus, exponent] : null
}

function bitsOf(bytes: Buffer): number {
  const at = bytes.findIndex((byte) => byte !== 0)
  return at < 0 ? 0 : 8 * (bytes.length - at) - Math.clz32(bytes[at]!) + 24
}

function number(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

function importKey(spki: Buffer): KeyObject | null {
  return orNull(() => createPublicKey({ key: spki, format: 'der', type: 'spki' }))
}

interface SignatureAlgorithm {
  readonly name: string
  /** Null: the algorithm has its own. */
  readonly digest: string | null
  /** `asymmetricKeyType` of the keys that make it. */
  readonly by: string
  readonly weak?: true
}

const RSA_SIGNATURE = '1.2.840.113549.1.1'
const ECDSA_SIGNATURE = '1.2.840.10045.4'
const SIGNATURES: Readonly<Record<string, SignatureAlgorithm>> = {
  [`${RSA_SIGNATURE}.4`]: { name: 'md5WithRSA', digest: 'md5', by: 'rsa', weak: true },
  [`${RSA_SIGNATURE}.5`]: { name: 'sha1WithRSA', digest: 'sha1', by: 'rsa', weak: true },
  [`${RSA_SIGNATURE}.14`]: { name: 'sha224WithRSA', digest: 'sha224', by: 'rsa' },
  [`${RSA_SIGNATURE}.11`]: { name: 'sha256WithRSA', digest: 'sha256', by: 'rsa' },
  [`${RSA_SIGNATURE}.12`]: { name: 'sha384WithRSA', digest: 'sha384', by: 'rsa' },
  [`${RSA_SIGNATURE}.13`]: { name: 'sha512WithRSA', digest: 'sha512', by: 'rsa' },
  [`${ECDSA_SIGNATURE}.1`]: { name: 'ecdsaWithSHA1', digest: 'sha1', by: 'ec', weak: true },
  [`${ECDSA_SIGNATURE}.3.1`]: { name: 'ecdsaWithSHA224', digest: 'sha224', by: 'ec' },
  [`${ECDSA_SIGNATURE}.3.2`]: { name: 'ecdsaWithSHA256', digest: 'sha256', by: 'ec' },
  [`${ECDSA_SIGNATURE}.3.3`]: { name: 'ecdsaWithSHA384', digest: 'sha384', by: 'ec' },
  [`${ECDSA_SIGNATURE}.3.4`]: { name: 'ecdsaWithSHA512', digest: 'sha512', by: 'ec' },
  [ED25519]: { name: 'Ed25519', digest: null, by: 'ed25519' },
  [ED448]: { name: 'Ed448', digest: null, by: 'ed448' },
}

export interface SignatureReading {
  readonly algorithm: string
  readonly verified: boolean | null
  readonly faults: readonly string[]
}

/** `signed` is the part of the request that is signed, as it came. Throws DerError; the check itself never rejects. */
export async function checkSignature(
  signed: Buffer,
  algorithm: Element | undefined,
  signature: Element | undefined,
  key: KeyObject | null,
): Promise<SignatureReading> {
  const [algorithmId, parameters, ...more] = inside(algorithm, SEQUENCE)
  const oid = oidOf(algorithmId)
  const known = SIGNATURES[oid]
  const bits = contentOf(signature, BIT_STRING)
  const faults: string[] = []
  if (bits[0] !== 0) faults.push('its signature is not a whole number of bytes')
  if (known === undefined) {
    faults.push(`it is signed in a way that is unknown here (${oid.slice(0, 80)})`)
    return { algorithm: oid.slice(0, 80), verified: null, faults }
  }
  // RFC 4055 §5: NULL; RFC 5758 §3.2 and RFC 8410 §3: none.
  const spelt = known.by === 'rsa' ? parameters?.tag === 0x05 : parameters === undefined
  if (!spelt || more.length > 0) faults.push('its signature algorithm has other parameters than it should')
  if (known.weak) faults.push(`it is signed with ${known.name}, which is broken`)
  const verified = key && (await isSignedBy(key, known, signed, bits.subarray(1)))
  if (verified === false) faults.push('its signature is wrong, or by another key than its own')
  return { algorithm: known.name, verified, faults }
}

/** On the thread pool. */
function isSignedBy(
  key: KeyObject,
  { digest, by }: SignatureAlgorithm,
  signed: Buffer,
  signature: Buffer,
): Promise<boolean> {
  if (key.asymmetricKeyType !== by) return Promise.resolve(false)
  const checked = new Promise<boolean>((resolve) => {
    verify(digest, signed, key, signature, (error, right) => resolve(!error && right))
  })
  return checked.catch(() => false)
}

function orNull<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
