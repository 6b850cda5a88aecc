/** Root, issuer and the request for an issuer of a local CA (RFC 5280, RFC 2986). Keys are P-256. */
import { createPublicKey, hash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { contentOf, inside, readOne, SEQUENCE } from '../../acme/der.ts'
import {
  bitString,
  element,
  extension,
  integer,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
  set,
  TRUE,
  time,
  utf8String,
} from '../../acme/der-write.ts'
import { encodeSubtrees, type Subtrees } from './name-scope.ts'

export const SUBJECT_KEY_IDENTIFIER = '2.5.29.14'
export const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35'
export const BASIC_CONSTRAINTS = '2.5.29.19'
export const KEY_USAGE = '2.5.29.15'
export const EXTENDED_KEY_USAGE = '2.5.29.37'
export const NAME_CONSTRAINTS = '2.5.29.30'
const COMMON_NAME = '2.5.4.3'
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
export const SERVER_AUTH = objectIdentifier('1.3.6.1.5.5.7.3.1')
export const CLIENT_AUTH = objectIdentifier('1.3.6.1.5.5.7.3.2')

/** RFC 5758 §3.2. */
export const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
export const VERSION_3 = element(0xa0, integer(2))

/** Clients whose clock is a little behind must not refuse what was just made. In µs. */
export const BACKDATED = 60_000_000

/** Signs what stands in front of algorithm and signature. DER. */
export function signed(toBeSigned: Buffer, key: KeyObject): Buffer {
  return sequence(toBeSigned, ECDSA_WITH_SHA256, bitString(sign('sha256', toBeSigned, key)))
}

/** 128 random bits but two, which keep it positive and of full length. */
export function randomSerial(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes
}

/** RFC 5280 §4.2.1.2, method 1. `spki`: DER of a SubjectPublicKeyInfo. */
export function keyIdentifierOf(spki: Buffer): Buffer {
  const [, key] = inside(readOne(spki), SEQUENCE)
  return Buffer.from(hash('sha1', contentOf(key, 0x03).subarray(1)), 'hex')
}

export function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

export function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier(COMMON_NAME), utf8String(commonName))))
}

export function authorityKeyIdentifier(id: Buffer): Buffer {
  return extension(AUTHORITY_KEY_IDENTIFIER, sequence(element(0x80, id)))
}

export interface NewAuthority {
  /** Of the root; the issuer's is that with its number. */
  readonly commonName: string
  readonly generation: number
  readonly subtrees: Subtrees
  /** µs since 1970. */
  readonly now: number
  readonly lifetime: number
}

/**
 * A root and an issuer under the same constraints and with the same end; DER. The root's key has signed the issuer and is
 * kept nowhere: nobody can steal it, and no second issuer comes under this root.
 */
export function makeAuthority(
  wanted: NewAuthority,
  rootKey: KeyObject,
  issuerKey: KeyObject,
): { readonly root: Buffer; readonly issuer: Buffer } {
  const { commonName, generation, now, lifetime } = wanted
  const number = generation === 1 ? '' : ` ${generation}`
  const rootName = nameOf(`${commonName} root${number}`)
  const rootSpki = spkiOf(rootKey)
  const rootId = keyIdentifierOf(rootSpki)
  const issuerSpki = spkiOf(issuerKey)
  const validity = sequence(time(now - BACKDATED), time(now + lifetime))
  const certificate = (subject: Buffer, spki: Buffer, extensions: readonly Buffer[]) =>
    signed(
      sequence(
        VERSION_3,
        integer(randomSerial()),
        ECDSA_WITH_SHA256,
        rootName,
        validity,
        subject,
        spki,
        element(0xa3, sequence(...extensions)),
      ),
      rootKey,
    )
  return {
    root: certificate(rootName, rootSpki, [
      ...extensionsOf(rootSpki, 1, false, wanted.subtrees),
      authorityKeyIdentifier(rootId),
    ]),
    issuer: certificate(nameOf(issuerName(commonName, generation)), issuerSpki, [
      ...extensionsOf(issuerSpki, 0, true, wanted.subtrees),
      authorityKeyIdentifier(rootId),
    ]),
  }
}

export function issuerName(commonName: string, generation: number): string {
  return `${commonName} issuer${generation === 1 ? '' : ` ${generation}`}`
}

/** What an operator's own root is asked to sign. DER. */
export function makeIssuerRequest(key: KeyObject, commonName: string, subtrees: Subtrees): Buffer {
  const spki = spkiOf(key)
  const requested = sequence(...extensionsOf(spki, 0, true, subtrees))
  const attributes = element(0xa0, sequence(objectIdentifier(EXTENSION_REQUEST), set(requested)))
  return signed(sequence(integer(0), nameOf(commonName), spki, attributes), key)
}

/** Only an issuer says what its certificates are for: some clients take that of a root for its own. */
function extensionsOf(spki: Buffer, pathLength: number, isIssuer: boolean, subtrees: Subtrees): Buffer[] {
  return [
    extension(BASIC_CONSTRAINTS, sequence(TRUE, integer(pathLength)), true),
    // keyCertSign and cRLSign.
    extension(KEY_USAGE, namedBits([5, 6]), true),
    ...(isIssuer ? [extension(EXTENDED_KEY_USAGE, sequence(SERVER_AUTH, CLIENT_AUTH))] : []),
    extension(NAME_CONSTRAINTS, encodeSubtrees(subtrees), true),
    extension(SUBJECT_KEY_IDENTIFIER, octetString(keyIdentifierOf(spki))),
  ]
}

export function pemOf(der: Buffer, label: 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'X509 CRL'): string {
  const lines = der.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
