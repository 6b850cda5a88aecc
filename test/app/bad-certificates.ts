/** Certificates that no client should take, made field by field. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { toPem } from '../support/test-ca/certificates.ts'
import { bits, der, integer, octets, oid, sequence, set, text, time, yes } from '../support/test-ca/der.ts'

const DAY = 86_400_000

/** A key with its certificate; `subject` is DER. */
export interface Certified {
  readonly key: KeyObject
  readonly subject: Buffer
  readonly pem: string
}

export interface CertificateFields {
  readonly commonName?: string
  /** Null: signed by its own key. */
  readonly issuer: Certified | null
  readonly extensions?: readonly Buffer[]
  readonly key?: 'P-256' | 'RSA-2048' | 'RSA-1024'
  readonly hash?: 'sha256' | 'sha1' | 'md5'
  /** What the part that is not signed says the signature is; another one than was used. */
  readonly claims?: Buffer
  /** As version 1, which has no extensions. */
  readonly version1?: boolean
}

export function certify(fields: CertificateFields): Certified {
  const { issuer, extensions = [], key = 'P-256', hash = 'sha256' } = fields
  const { privateKey, publicKey } =
    key === 'P-256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: Number(key.slice(4)) })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const subject = sequence(set(sequence(oid('2.5.4.3'), text(fields.commonName ?? 'a server'))))
  const signer = issuer?.key ?? privateKey
  const algorithm = signatureAlgorithm(signer, hash)
  const serial = randomBytes(16)
  serial[0] = (serial[0]! & 0x7f) | 0x40
  const body = sequence(
    ...(fields.version1 ? [] : [der(0xa0, integer(2))]),
    integer(serial),
    algorithm,
    issuer?.subject ?? subject,
    sequence(time(new Date(Date.now() - DAY)), time(new Date(Date.now() + 30 * DAY))),
    subject,
    spki,
    ...(fields.version1 ? [] : [der(0xa3, sequence(keyIdentifier(spki), ...extensions))]),
  )
  const signature = bits(sign(hash, body, signer))
  return {
    key: privateKey,
    subject,
    pem: toPem('CERTIFICATE', sequence(body, fields.claims ?? algorithm, signature)),
  }
}

/** PKCS #1 and ECDSA, for those that sign here. */
export function signatureAlgorithm(signer: KeyObject, hash: 'sha256' | 'sha1' | 'md5'): Buffer {
  if (signer.asymmetricKeyType === 'ec') return sequence(oid('1.2.840.10045.4.3.2'))
  const arc = { sha256: 11, sha1: 5, md5: 4 }[hash]
  return sequence(oid(`1.2.840.113549.1.1.${arc}`), der(0x05))
}

function keyIdentifier(spki: Buffer): Buffer {
  return extension('2.5.29.14', octets(createHash('sha1').update(spki).digest()))
}

export function extension(id: string, value: Buffer, critical = false): Buffer {
  return critical ? sequence(oid(id), yes(), octets(value)) : sequence(oid(id), octets(value))
}

/** subjectAltName with DNS names; a character is an octet. */
export function dnsNames(...names: readonly string[]): Buffer {
  return extension('2.5.29.17', sequence(...names.map((name) => der(0x82, Buffer.from(name, 'latin1')))))
}

/** What a CA certificate holds. */
export function caExtensions(pathLength?: number): Buffer[] {
  const limit = pathLength === undefined ? [] : [integer(pathLength)]
  return [
    extension('2.5.29.19', sequence(yes(), ...limit), true),
    extension('2.5.29.15', bits(Buffer.of(0x06), 1), true),
  ]
}

/** extendedKeyUsage: 1 for TLS servers, 2 for TLS clients (RFC 5280 §4.2.1.12). */
export function purpose(arc: 1 | 2): Buffer {
  return extension('2.5.29.37', sequence(oid(`1.3.6.1.5.5.7.3.${arc}`)))
}

/** Names under `name` alone (RFC 5280 §4.2.1.10). */
export function onlyUnder(name: string): Buffer {
  return extension('2.5.29.30', sequence(der(0xa0, sequence(der(0x82, Buffer.from(name))))), true)
}
