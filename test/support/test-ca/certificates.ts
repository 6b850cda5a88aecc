/**
 * X.509 for tests: roots, server certificates (good, expired, wrongly named, self-signed) and the leaves the
 * test CA issues. Own DER, because a certificate takes 0.1 ms this way and any field can be made wrong.
 */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { isIP } from 'node:net'
import type { Identifier } from '../../../src/acme/identifier.ts'
import {
  bits,
  der,
  integer,
  octets,
  oid,
  readElement,
  readElements,
  sequence,
  set,
  text,
  time,
  yes,
} from './der.ts'

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))
const DAY = 86_400_000

/** Something that signs certificates. */
export interface Issuer {
  readonly key: KeyObject
  /** The DER of its subject name. */
  readonly subject: Buffer
  readonly keyIdentifier: Buffer
  readonly pem: string
}

export interface ServerCertificate {
  readonly key: KeyObject
  readonly keyPem: string
  /** The leaf, without its issuer. */
  readonly pem: string
}

export interface ServerCertificateOptions {
  /** DNS names and IP addresses (as text) for the subjectAltName. */
  readonly names: readonly string[]
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** `self`: signed by its own key. */
  readonly issuer: Issuer | 'self'
}

export function makeRoot(
  commonName = 'Test Root',
  options: { notBefore?: Date; notAfter?: Date } = {},
): Issuer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const subject = nameOf(commonName)
  const keyIdentifier = keyIdentifierOf(spki)
  const certificate = makeCertificate({
    spki,
    subject,
    issuer: { key: privateKey, subject, keyIdentifier },
    notBefore: options.notBefore ?? new Date(Date.now() - DAY),
    notAfter: options.notAfter ?? new Date(Date.now() + 365 * DAY),
    // RFC 5280 §4.2.1.3: keyCertSign and cRLSign
    extensions: [
      extension('2.5.29.19', sequence(yes()), true),
      extension('2.5.29.15', bits(Buffer.of(0x06), 1), true),
      extension('2.5.29.14', octets(keyIdentifier)),
    ],
  })
  return { key: privateKey, subject, keyIdentifier, pem: toPem('CERTIFICATE', certificate) }
}

/** The same issuer under another root: its chains lead there. */
export function crossSign(issuer: Issuer, by: Issuer): Issuer {
  const spki = createPublicKey(issuer.key).export({ type: 'spki', format: 'der' })
  const certificate = makeCertificate({
    spki,
    subject: issuer.subject,
    issuer: by,
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + 365 * DAY),
    extensions: [
      extension('2.5.29.19', sequence(yes()), true),
      extension('2.5.29.15', bits(Buffer.of(0x06), 1), true),
      extension('2.5.29.14', octets(issuer.keyIdentifier)),
      extension('2.5.29.35', sequence(der(0x80, by.keyIdentifier))),
    ],
  })
  return { ...issuer, pem: toPem('CERTIFICATE', certificate) }
}

export function makeServerCertificate(options: ServerCertificateOptions): ServerCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const subject = nameOf(options.names[0] ?? 'nobody')
  const issuer =
    options.issuer === 'self'
      ? { key: privateKey, subject, keyIdentifier: keyIdentifierOf(spki) }
      : options.issuer
  const leaf = issueLeaf({
    spki,
    subject,
    issuer,
    names: options.names.map((name) => ({ type: isIP(name) ? 'ip' : 'dns', value: name })),
    notBefore: options.notBefore ?? new Date(Date.now() - DAY),
    notAfter: options.notAfter ?? new Date(Date.now() + 30 * DAY),
  })
  return {
    key: privateKey,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pem: leaf,
  }
}

/** A TLS server and client leaf as PEM. `spki` is the DER of the subject's public key. */
export function issueLeaf(options: {
  readonly spki: Buffer
  readonly subject?: Buffer
  readonly issuer: Omit<Issuer, 'pem'>
  readonly names: readonly Identifier[]
  readonly notBefore?: Date
  readonly notAfter?: Date
}): string {
  const leaf = makeCertificate({
    spki: options.spki,
    subject: options.subject ?? sequence(),
    issuer: options.issuer,
    notBefore: options.notBefore ?? new Date(Date.now() - 3_600_000),
    notAfter: options.notAfter ?? new Date(Date.now() + 90 * DAY),
    extensions: [
      extension('2.5.29.15', bits(Buffer.of(0x80), 7), true),
      extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))),
      extension('2.5.29.19', sequence(), true),
      extension('2.5.29.14', octets(keyIdentifierOf(options.spki))),
      extension('2.5.29.35', sequence(der(0x80, options.issuer.keyIdentifier))),
      // RFC 5280 §4.2.1.6: critical where the subject is empty
      extension('2.5.29.17', alternativeNames(options.names), options.subject === undefined),
    ],
  })
  return toPem('CERTIFICATE', leaf)
}

/** PKCS #10 (RFC 2986) with the names as subjectAltName; DER. */
export function makeCsr(key: KeyObject, spki: Buffer, names: readonly Identifier[]): Buffer {
  const requested = sequence(extension('2.5.29.17', alternativeNames(names)))
  const attributes = der(0xa0, sequence(oid('1.2.840.113549.1.9.14'), set(requested)))
  const info = sequence(integer(0), sequence(), spki, attributes)
  return sequence(info, ECDSA_SHA256, bits(sign('sha256', info, key)))
}

export interface CertificationRequest {
  /** DER of the subject's public key. */
  readonly spki: Buffer
  readonly names: readonly Identifier[]
}

/** @throws RangeError where the bytes are no PKCS #10 request. */
export function readCsr(bytes: Buffer): CertificationRequest {
  const [info] = readElements(readElement(bytes).content)
  if (!info) throw new RangeError('not DER: empty request')
  const [, , spki, attributes] = readElements(info.content)
  if (!spki) throw new RangeError('not a certification request')
  const names: Identifier[] = []
  const nameExtension = oid('2.5.29.17')
  for (const attribute of attributes ? readElements(attributes.content) : []) {
    const [type, values] = readElements(attribute.content)
    if (!type || !values || !type.whole.equals(oid('1.2.840.113549.1.9.14'))) continue
    for (const requested of readElements(readElement(values.content).content)) {
      const parts = readElements(requested.content)
      if (!parts[0]?.whole.equals(nameExtension)) continue
      const value = parts.at(-1)
      if (value) names.push(...readAlternativeNames(value.content))
    }
  }
  return { spki: Buffer.from(spki.whole), names }
}

export function toPem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function makeCertificate(options: {
  readonly spki: Buffer
  readonly subject: Buffer
  readonly issuer: Omit<Issuer, 'pem'>
  readonly notBefore: Date
  readonly notAfter: Date
  readonly extensions: readonly Buffer[]
}): Buffer {
  const serial = randomBytes(16)
  serial[0] = (serial[0]! & 0x7f) | 0x40
  const body = sequence(
    der(0xa0, integer(2)),
    integer(serial),
    ECDSA_SHA256,
    options.issuer.subject,
    sequence(time(options.notBefore), time(options.notAfter)),
    options.subject,
    options.spki,
    der(0xa3, sequence(...options.extensions)),
  )
  return sequence(body, ECDSA_SHA256, bits(sign('sha256', body, options.issuer.key)))
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return critical ? sequence(oid(id), yes(), octets(value)) : sequence(oid(id), octets(value))
}

function alternativeNames(names: readonly Identifier[]): Buffer {
  return sequence(
    ...names.map(({ type, value }) =>
      type === 'ip' ? der(0x87, addressBytes(value)) : der(0x82, Buffer.from(value, 'latin1')),
    ),
  )
}

function readAlternativeNames(bytes: Buffer): Identifier[] {
  return readElements(readElement(bytes).content).map(({ tag, content }) => {
    if (tag === 0x82) return { type: 'dns', value: content.toString('latin1') }
    if (tag !== 0x87) return { type: 'other', value: content.toString('hex') }
    if (content.length === 4) return { type: 'ip', value: [...content].join('.') }
    const groups = Array.from({ length: content.length / 2 }, (_, i) =>
      content.readUInt16BE(i * 2).toString(16),
    )
    return { type: 'ip', value: new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1) }
  })
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const bytes = Buffer.alloc(16)
  before.forEach((group, i) => {
    bytes.writeUInt16BE(group, i * 2)
  })
  after.forEach((group, i) => {
    bytes.writeUInt16BE(group, 16 - (after.length - i) * 2)
  })
  return bytes
}

function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), text(commonName))))
}

function keyIdentifierOf(spki: Buffer): Buffer {
  return createHash('sha1').update(spki).digest()
}
