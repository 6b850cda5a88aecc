import { timingSafeEqual, type X509Certificate } from 'node:crypto'
import { contentOf, type Element, inside, OCTET_STRING, oidOf, readOne, SEQUENCE } from '../../acme/der.ts'
import type { Identifier } from '../../acme/identifier.ts'
import { SUBJECT_ALT_NAME } from '../../acme/x509-names.ts'
import { hostOf } from '../../engine/solvers/http-host.ts'
import { addressBytes } from '../../policy/names/address.ts'
import { quoted } from './words.ts'

/** id-pe-acmeIdentifier (RFC 8737 §6.1). */
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31'
const BOOLEAN = 0x01
/** Of a GeneralName (RFC 5280 §4.2.1.6). */
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

/** Why a certificate does not answer tls-alpn-01 (RFC 8737 §3), in Boulder's words; null where it does. */
export function certificateFault(
  certificate: X509Certificate,
  identifier: Identifier,
  digest: Buffer,
): string | null {
  try {
    return fault(certificate, identifier, digest)
  } catch {
    return 'Received certificate which cannot be read.'
  }
}

function fault(certificate: X509Certificate, identifier: Identifier, digest: Buffer): string | null {
  const { issuer, subject, extensions } = membersOf(certificate.raw)
  if (!issuer.equals(subject) || !certificate.verify(certificate.publicKey))
    return 'Received certificate which is not self-signed.'
  const seen = new Set<string>()
  for (const { oid } of extensions) {
    if (seen.has(oid)) return unexpected(`Extension OID ${oid} seen twice`)
    seen.add(oid)
  }
  const acme = extensions.find(({ oid }) => oid === ACME_IDENTIFIER)
  const names = extensions.find(({ oid }) => oid === SUBJECT_ALT_NAME)
  if (acme === undefined) return unexpected(`Required extension OID ${ACME_IDENTIFIER} is not present`)
  if (names === undefined) return unexpected(`Required extension OID ${SUBJECT_ALT_NAME} is not present`)
  const wrong = namesFault(names.value, identifier)
  if (wrong !== null) {
    const shown = quoted((certificate.subjectAltName ?? '').replaceAll(/(?:DNS|IP Address):/g, ''), 300)
    return `Received certificate with unexpected identifiers (${shown}): ${quoted(wrong)}`
  }
  if (!acme.isCritical) return 'Received certificate with acmeValidationV1 extension that is not Critical.'
  const value = digestIn(acme.value)
  if (value?.length !== digest.length)
    return 'Received certificate with malformed acmeValidationV1 extension value.'
  if (timingSafeEqual(value, digest)) return null
  return `Received certificate with acmeValidationV1 extension value ${value.toString('hex')} but expected ${digest.toString('hex')}.`
}

function unexpected(what: string): string {
  return `Received certificate with unexpected extensions: ${quoted(what)}`
}

/** Exactly one name, and this one. */
function namesFault(value: Buffer, identifier: Identifier): string | null {
  const names = inside(readOne(value), SEQUENCE)
  const [only] = names
  if (names.length !== 1 || only === undefined) return 'wrong number of identifiers'
  const host = hostOf(identifier)
  const equal =
    identifier.type === 'ip'
      ? only.tag === IP_ADDRESS && only.content.equals(addressBytes(host))
      : only.tag === DNS_NAME && only.content.toString('latin1').toLowerCase() === host
  return equal ? null : 'identifier does not match expected identifier'
}

function digestIn(value: Buffer): Buffer | null {
  try {
    return contentOf(readOne(value), OCTET_STRING)
  } catch {
    return null
  }
}

interface Extension {
  readonly oid: string
  readonly isCritical: boolean
  readonly value: Buffer
}

/** Members of TBSCertificate (RFC 5280 §4.1). Throws DerError. */
function membersOf(der: Buffer) {
  const [signed] = inside(readOne(der), SEQUENCE)
  const all = inside(signed, SEQUENCE)
  const members = all[0]?.tag === 0xa0 ? all.slice(1) : all
  const wrapped = members.find(({ tag }) => tag === 0xa3)
  return {
    issuer: contentOf(members[2], SEQUENCE),
    subject: contentOf(members[4], SEQUENCE),
    extensions: wrapped === undefined ? [] : inside(readOne(wrapped.content), SEQUENCE).map(extensionOf),
  }
}

function extensionOf(element: Element): Extension {
  const [oid, second, third] = inside(element, SEQUENCE)
  const isMarked = second?.tag === BOOLEAN
  return {
    oid: oidOf(oid),
    isCritical: isMarked && second.content[0] !== 0,
    value: contentOf(isMarked ? third : second, OCTET_STRING),
  }
}
