/** A certification request (RFC 2986), made by hand: a library that does it costs a command a tenth of a second. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { Identifier } from '../acme/identifier.ts'
import { addressBytes } from '../policy/names/address.ts'

/**
 * DER. The names are in the subjectAltName (RFC 5280 §4.2.1.6, RFC 8738 §3), the subject is empty: no CA needs a common
 * name, and one of over 64 characters could not be written.
 */
export function makeSigningRequest(key: KeyObject, identifiers: readonly Identifier[]): Buffer {
  const names = sequence(
    ...identifiers.map(({ type, value }) =>
      type === 'ip' ? element(0x87, addressBytes(value)) : element(0x82, Buffer.from(value, 'latin1')),
    ),
  )
  const extensions = sequence(sequence(SUBJECT_ALT_NAME, element(0x04, names)))
  const attributes = element(0xa0, sequence(EXTENSION_REQUEST, element(0x31, extensions)))
  const info = sequence(VERSION_1, sequence(), publicKeyOf(key), attributes)
  const { algorithm, digest } = signatureOf(key)
  return sequence(info, algorithm, element(0x03, Buffer.concat([NO_UNUSED_BITS, sign(digest, info, key)])))
}

/** DER of the SubjectPublicKeyInfo. */
function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

/** RFC 4055 §5 and RFC 5758 §3.2: a curve with the hash of its size. */
function signatureOf(key: KeyObject): { readonly algorithm: Buffer; readonly digest: string } {
  if (key.asymmetricKeyType === 'rsa') return { algorithm: SHA256_WITH_RSA, digest: 'sha256' }
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return { algorithm: ECDSA_WITH_SHA256, digest: 'sha256' }
    case 'secp384r1':
      return { algorithm: ECDSA_WITH_SHA384, digest: 'sha384' }
    default:
      throw new TypeError('not a key of one of the kinds for certificates')
  }
}

/** X.690 §8.1: definite, minimal lengths. */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const bytes = Buffer.from(
    length.toString(16).padStart(length < 0x100 ? 2 : length < 0x10000 ? 4 : 6, '0'),
    'hex',
  )
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length), bytes, content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts))
}

const VERSION_1 = Buffer.from('020100', 'hex')
const NO_UNUSED_BITS = Buffer.of(0)
/** 1.2.840.113549.1.9.14 and 2.5.29.17. */
const EXTENSION_REQUEST = Buffer.from('06092a864886f70d01090e', 'hex')
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex')
/** 1.2.840.113549.1.1.11 with NULL, 1.2.840.10045.4.3.2 and .3 without parameters. */
const SHA256_WITH_RSA = Buffer.from('300d06092a864886f70d01010b0500', 'hex')
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex')
const ECDSA_WITH_SHA384 = Buffer.from('300a06082a8648ce3d040303', 'hex')
