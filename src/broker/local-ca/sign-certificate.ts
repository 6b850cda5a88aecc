/** Certificates of a local CA (RFC 5280), by hand: a library takes fifty times as long. */
import type { KeyObject } from 'node:crypto'
import { element, extension, integer, namedBits, octetString, sequence, time } from '../../acme/der-write.ts'
import type { Identifier } from '../../acme/identifier.ts'
import type { PublicKeyFacts } from '../../acme/public-key.ts'
import { addressBytes } from '../../policy/names/address.ts'
import {
  authorityKeyIdentifier,
  BACKDATED,
  BASIC_CONSTRAINTS,
  CLIENT_AUTH,
  ECDSA_WITH_SHA256,
  EXTENDED_KEY_USAGE,
  KEY_USAGE,
  keyIdentifierOf,
  nameOf,
  SERVER_AUTH,
  SUBJECT_KEY_IDENTIFIER,
  signed,
  VERSION_3,
} from './authority-certificate.ts'

const SUBJECT_ALT_NAME = '2.5.29.17'
const CRL_DISTRIBUTION_POINTS = '2.5.29.31'
/** RFC 5280 appendix A: ub-common-name. */
const LONGEST_COMMON_NAME = 64

/** What signs. */
export interface Signer {
  readonly key: KeyObject
  /** DER of its subject, as it stands in its certificate: clients compare it byte by byte. */
  readonly name: Buffer
  readonly keyIdentifier: Buffer
  /** µs since 1970. */
  readonly notBefore: number
  readonly notAfter: number
}

export interface WantedCertificate {
  readonly serial: Buffer
  /** In lower case; of the order, never of the request. */
  readonly identifiers: readonly Identifier[]
  /** DER of the SubjectPublicKeyInfo, as it stands in the request. */
  readonly spki: Buffer
  readonly key: Pick<PublicKeyFacts, 'keyType'>
  readonly clientAuth: boolean
  /** Where its revocation list is; null: nowhere. */
  readonly crl: string | null
  /** µs since 1970, and µs. */
  readonly now: number
  readonly validity: number
}

export interface SignedCertificate {
  /** DER. */
  readonly certificate: Buffer
  /** µs since 1970, whole seconds. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Never valid before its issuer, nor after it. */
export function signCertificate(wanted: WantedCertificate, signer: Signer): SignedCertificate {
  const notBefore = wholeSeconds(Math.max(wanted.now - BACKDATED, signer.notBefore))
  // RFC 5280 §4.1.2.5: the last second belongs to it.
  const notAfter = wholeSeconds(Math.min(wanted.now + wanted.validity - 1_000_000, signer.notAfter))
  const subject = subjectOf(wanted.identifiers)
  const toBeSigned = sequence(
    VERSION_3,
    integer(wanted.serial),
    ECDSA_WITH_SHA256,
    signer.name,
    sequence(time(notBefore), time(notAfter)),
    subject ?? EMPTY,
    wanted.spki,
    element(
      0xa3,
      sequence(
        NO_CA,
        wanted.key.keyType === 'RSA' ? SIGN_AND_ENCIPHER : SIGN,
        extension(
          EXTENDED_KEY_USAGE,
          wanted.clientAuth ? sequence(SERVER_AUTH, CLIENT_AUTH) : sequence(SERVER_AUTH),
        ),
        // RFC 5280 §4.2.1.6: critical where the subject is empty.
        extension(SUBJECT_ALT_NAME, alternativeNames(wanted.identifiers), subject === null),
        extension(SUBJECT_KEY_IDENTIFIER, octetString(keyIdentifierOf(wanted.spki))),
        authorityKeyIdentifier(signer.keyIdentifier),
        ...(wanted.crl === null ? [] : [extension(CRL_DISTRIBUTION_POINTS, distributionPoint(wanted.crl))]),
      ),
    ),
  )
  return { certificate: signed(toBeSigned, signer.key), notBefore, notAfter }
}

const EMPTY = sequence()
const NO_CA = extension(BASIC_CONSTRAINTS, EMPTY, true)
/** digitalSignature, and keyEncipherment for RSA, which TLS 1.2 may use so. */
const SIGN = extension(KEY_USAGE, namedBits([0]), true)
const SIGN_AND_ENCIPHER = extension(KEY_USAGE, namedBits([0, 2]), true)

/** The first DNS name that fits, for people; null without one. An address is no common name: some take it for a DNS name. */
function subjectOf(identifiers: readonly Identifier[]): Buffer | null {
  const first = identifiers.find(({ type, value }) => type === 'dns' && value.length <= LONGEST_COMMON_NAME)
  return first ? nameOf(first.value) : null
}

function alternativeNames(identifiers: readonly Identifier[]): Buffer {
  return sequence(
    ...identifiers.map(({ type, value }) =>
      type === 'ip' ? element(0x87, addressBytes(value)) : element(0x82, Buffer.from(value, 'latin1')),
    ),
  )
}

/** RFC 5280 §4.2.1.13: distributionPoint, fullName, uniformResourceIdentifier. */
function distributionPoint(url: string): Buffer {
  return sequence(sequence(element(0xa0, element(0xa0, element(0x86, Buffer.from(url, 'latin1'))))))
}

function wholeSeconds(at: number): number {
  return Math.floor(at / 1_000_000) * 1_000_000
}
