/** What a certificate says of itself (RFC 5280), read from a PEM chain or from DER. Nothing here throws. */
import { hash } from 'node:crypto'
import { contentOf, type Element, INTEGER, inside, readAll, readOne, SEQUENCE } from './der.ts'
import type { Identifier } from './identifier.ts'
import { type PublicKeyFacts, publicKeyFacts } from './public-key.ts'
import {
  alternativeNames,
  commonNameOf,
  distinguishedName,
  extensionValue,
  identifierOfCommonName,
} from './x509-names.ts'

export interface LeafFacts extends PublicKeyFacts {
  /** SHA-256 of the DER, hex. */
  readonly fingerprint: string
  /** Lower-case hex, without leading zeros. */
  readonly serial: string
  /** Of the subjectAltName, lower case; the common name where it has none. IP addresses as RFC 8738 has them. */
  readonly identifiers: readonly Identifier[]
  readonly commonName: string | null
  /** RFC 4514. */
  readonly issuer: string
  /** µs since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  /** RFC 9773 §4.1; null without an authority key identifier. */
  readonly ariId: string | null
}

export interface ChainLink {
  readonly fingerprint: string
  /** RFC 4514; empty where it can't be read. */
  readonly subject: string
}

export interface CertificateChain {
  readonly leaf: LeafFacts
  /** What came with it, in order, itself left out. */
  readonly chain: readonly ChainLink[]
}

const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35'
/** Real chains have two to four. */
const MAX_CERTIFICATES = 20
const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g

/** RFC 8555 §9.1: the leaf comes first. Null where the first certificate can't be read, or there is none. */
export function readCertificateChain(pem: Buffer): CertificateChain | null {
  const [first, ...others] = [...pem.toString('latin1').matchAll(BLOCK)]
    .slice(0, MAX_CERTIFICATES)
    .map(([, text]) => Buffer.from(text!, 'base64'))
  const leaf = first ? readLeaf(first) : null
  return leaf && { leaf, chain: others.map(linkOf) }
}

/** One certificate in DER; null where it can't be read. */
export function readLeaf(der: Buffer): LeafFacts | null {
  try {
    return leafFacts(der)
  } catch {
    return null
  }
}

/** The subject of a certificate in DER, RFC 4514; empty where it can't be read. */
export function readSubject(der: Buffer): string {
  return orNull(() => distinguishedName(toBeSigned(der)[4])) ?? ''
}

/** Members of TBSCertificate (RFC 5280 §4.1), without the version. */
function toBeSigned(der: Buffer): Element[] {
  const [signed] = inside(readOne(der), SEQUENCE)
  const members = inside(signed, SEQUENCE)
  return members[0]?.tag === 0xa0 ? members.slice(1) : members
}

function leafFacts(der: Buffer): LeafFacts {
  const members = toBeSigned(der)
  const [serial, , issuer, validity, subject, key] = members
  const serialBytes = contentOf(serial, INTEGER)
  const [notBefore, notAfter] = inside(validity, SEQUENCE)
  const wrapped = members.find(({ tag }) => tag === 0xa3)
  const extensions = wrapped ? inside(readAll(wrapped.content)[0], SEQUENCE) : []
  const commonName = commonNameOf(subject)
  const names = orNull(() => alternativeNames(extensions))
  const authority = orNull(() => authorityKeyIdentifier(extensions))
  return {
    fingerprint: hash('sha256', der),
    serial: serialBytes.toString('hex').replace(/^0+(?=.)/, ''),
    identifiers: names ?? (commonName === null ? [] : [identifierOfCommonName(commonName)]),
    commonName,
    issuer: distinguishedName(issuer),
    notBefore: timeOf(notBefore),
    notAfter: timeOf(notAfter),
    ...publicKeyFacts(key),
    ariId: authority && `${authority.toString('base64url')}.${serialBytes.toString('base64url')}`,
  }
}

/** RFC 5280 §4.2.1.1: its member [0]. */
function authorityKeyIdentifier(extensions: readonly Element[]): Buffer | null {
  const value = extensionValue(extensions, AUTHORITY_KEY_IDENTIFIER)
  if (value === null) return null
  return inside(readOne(value), SEQUENCE).find(({ tag }) => tag === 0x80)?.content ?? null
}

/** RFC 5280 §4.1.2.5: UTCTime up to 2049, GeneralizedTime from then on. In µs. */
function timeOf(element: Element | undefined): number {
  const text = element?.content.toString('latin1') ?? ''
  const digits = element?.tag === 0x17 ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits)
  if (!parts) throw new RangeError('not a time of a certificate')
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number)
  return Date.UTC(year!, month! - 1, day, hour, minute, second) * 1000
}

function linkOf(der: Buffer): ChainLink {
  return {
    fingerprint: hash('sha256', der),
    subject: readSubject(der),
  }
}

/** An extension that can't be read is as good as none; the rest still stands. */
function orNull<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
