import { createPublicKey, generateKeyPairSync } from 'node:crypto'
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
} from '../test-ca/der.ts'
import type { BaseRequest } from './base-requests.ts'
import {
  alternativeNames,
  attribute,
  type Changes,
  commonName,
  compose,
  dns,
  extension,
  extensionRequest,
  general,
} from './compose.ts'

/** `fine`: it is to pass for the base's order. Null: there is no such mutation of this base. */
export interface Mutation {
  readonly name: string
  readonly fine: boolean
  make(base: BaseRequest): Buffer | null
}

const EVIL = 'evil.example.net'
const evil = alternativeNames(dns(EVIL))
const MICROSOFT_EXTENSIONS = '1.3.6.1.4.1.311.2.1.14'
const STAPLE = extension('1.3.6.1.5.5.7.1.24', sequence(integer(5)))
const KEY_USAGE = extension('2.5.29.15', bits(Buffer.of(0xa0), 5), [der(1, Buffer.of(0xff))])
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const tiny = generateKeyPairSync('rsa', { modulusLength: 512 })

const values = ({ identifiers }: BaseRequest) => identifiers.map(({ value }) => value)
const names = (base: BaseRequest) => values(base).map(general)
const san = (base: BaseRequest) => alternativeNames(...names(base))
const first = (base: BaseRequest) => values(base).find((value) => /[a-z]/.test(value.replaceAll(':', '')))!
const isEc = ({ key }: BaseRequest) => key.asymmetricKeyType === 'ec'
const cased = (value: string) =>
  value.replace(/[a-z]/g, (letter, at: number) => (at % 2 ? letter : letter.toUpperCase()))

const rsaKey = (modulus: Buffer, exponent: Buffer) =>
  sequence(sequence(oid('1.2.840.113549.1.1.1'), Buffer.of(5, 0)), bits(sequence(modulus, exponent)))
const rsaModulus = ({ key }: BaseRequest) =>
  Buffer.from(createPublicKey(key).export({ format: 'jwk' }).n!, 'base64url')

/** Names in place of the base's, as GeneralNames. */
const asking = (made: (base: BaseRequest) => readonly Buffer[]) => (base: BaseRequest) => [
  alternativeNames(...made(base)),
]
const plus =
  (...more: readonly Buffer[]) =>
  (base: BaseRequest) => [alternativeNames(...names(base), ...more)]
const before =
  (...more: readonly Buffer[]) =>
  (base: BaseRequest) => [alternativeNames(...more, ...names(base))]

function withExtensions(
  name: string,
  fine: boolean,
  extensions: (base: BaseRequest) => readonly Buffer[],
): Mutation {
  return { name, fine, make: (base) => compose(base, { extensions: extensions(base) }) }
}

function changed(name: string, fine: boolean, change: (base: BaseRequest) => Changes | null): Mutation {
  return {
    name,
    fine,
    make(base) {
      const changes = change(base)
      return changes && compose(base, changes)
    },
  }
}

/** What other clients would write for the same order. */
const HARMLESS: readonly Mutation[] = [
  { name: 'as openssl made it', fine: true, make: ({ der: bytes }) => bytes },
  changed('signed anew', true, () => ({})),
  withExtensions(
    'other order',
    true,
    asking((base) => names(base).reverse()),
  ),
  withExtensions(
    'upper case',
    true,
    asking((base) => values(base).map((value) => general(value.toUpperCase()))),
  ),
  withExtensions(
    'mixed case',
    true,
    asking((base) => values(base).map((value) => general(cased(value)))),
  ),
  changed('no common name', true, () => ({ subject: sequence() })),
  changed('a common name', true, (base) => ({ subject: commonName(first(base)) })),
  changed('common name in upper case', true, (base) => ({ subject: commonName(first(base).toUpperCase()) })),
  changed('common name as PrintableString', true, (base) =>
    first(base).startsWith('*') ? null : { subject: commonName(der(0x13, Buffer.from(first(base)))) },
  ),
  changed('common name as BMPString', true, (base) => ({
    subject: commonName(der(0x1e, Buffer.from(first(base), 'utf16le').swap16())),
  })),
  withExtensions('key usage before', true, (base) => [KEY_USAGE, san(base)]),
  withExtensions('key usage after', true, (base) => [san(base), KEY_USAGE]),
  withExtensions('must-staple', true, (base) => [san(base), STAPLE]),
  changed('a challenge password', true, (base) => ({
    attributes: [attribute('1.2.840.113549.1.9.7', text('x')), extensionRequest(san(base))],
  })),
  changed('a critical subjectAltName', true, (base) => ({
    extensions: [extension('2.5.29.17', sequence(...names(base)), [der(1, Buffer.of(0xff))])],
  })),
  changed('SHA-512', true, ({ key }) => (key.asymmetricKeyType === 'ed25519' ? null : { digest: 'sha512' })),
]

const OTHER_NAMES: readonly Mutation[] = [
  withExtensions('a name too many, last', false, plus(dns(EVIL))),
  withExtensions('a name too many, first', false, before(dns(EVIL))),
  withExtensions(
    'a name too few',
    false,
    asking((base) => names(base).slice(1)),
  ),
  withExtensions(
    'another name',
    false,
    asking((base) => [...names(base).slice(1), dns(EVIL)]),
  ),
  withExtensions('a wildcard', false, plus(dns('*.example.org'))),
  withExtensions(
    'the wildcard of a name',
    false,
    asking((base) => [dns(`*.${first(base)}`), ...names(base).slice(1)]),
  ),
  withExtensions('a child', false, plus(dns('child.one.example.com'))),
  withExtensions('an e-mail address', false, plus(der(0x81, Buffer.from('me@example.com')))),
  withExtensions('a URI', false, plus(der(0x86, Buffer.from(`https://${EVIL}/`)))),
  withExtensions('an address', false, plus(general('192.0.2.77'))),
  withExtensions('an IPv6 address', false, plus(general('2001:db8::77'))),
  withExtensions(
    'an IPv4-mapped address',
    false,
    plus(der(0x87, Buffer.from('00000000000000000000ffffc0000201', 'hex'))),
  ),
  withExtensions('an address of 5 bytes', false, plus(der(0x87, Buffer.alloc(5, 1)))),
  withExtensions('an address with its mask', false, plus(der(0x87, Buffer.from('c0000200ffffff00', 'hex')))),
  withExtensions('an address of no bytes', false, plus(der(0x87))),
  withExtensions('otherName', false, plus(der(0xa0, oid('1.3.6.1.4.1.311.20.2.3'), der(0xa0, text(EVIL))))),
  withExtensions('directoryName', false, plus(der(0xa4, commonName(EVIL)))),
  withExtensions('registeredId', false, plus(der(0x88, oid('1.2.3.4').subarray(2)))),
  withExtensions('x400 address', false, plus(der(0xa3, sequence()))),
  withExtensions('a constructed dNSName', false, plus(der(0xa2, der(0x16, Buffer.from(EVIL))))),
  withExtensions('an INTEGER among the names', false, plus(der(0x02, Buffer.from(EVIL)))),
  withExtensions('an application tag among the names', false, plus(der(0x42, Buffer.from(EVIL)))),
  withExtensions('an empty name', false, plus(dns(''))),
  withExtensions('a name twice', false, (base) => plus(general(values(base)[0]!))(base)),
  withExtensions('a name twice, in upper case', false, (base) =>
    plus(general(first(base).toUpperCase()))(base),
  ),
  withExtensions(
    'NUL after a name',
    false,
    asking((base) => [dns(`${first(base)}\0.${EVIL}`), ...names(base)]),
  ),
  withExtensions(
    'a name that ends in NUL',
    false,
    asking((base) =>
      values(base).map((value) => (value === first(base) ? dns(`${value}\0`) : general(value))),
    ),
  ),
  withExtensions(
    'a trailing dot',
    false,
    asking((base) =>
      values(base).map((value) => (value === first(base) ? dns(`${value}.`) : general(value))),
    ),
  ),
  withExtensions(
    'a blank',
    false,
    asking((base) =>
      values(base).map((value) => (value === first(base) ? dns(` ${value}`) : general(value))),
    ),
  ),
  withExtensions('a U-label', false, plus(der(0x82, Buffer.from('bücher.example')))),
  withExtensions('Latin-1', false, plus(dns('b\xfccher.example'))),
  withExtensions('an address as a DNS name', false, plus(dns('192.0.2.1'))),
  withExtensions('two names in one', false, plus(dns(`a.example.com,DNS:${EVIL}`))),
  withExtensions(
    '1,000 names',
    false,
    asking(() => many(1000)),
  ),
  withExtensions(
    '1,001 names',
    false,
    asking((base) => [...names(base), ...many(1001)]),
  ),
  withExtensions(
    'no names',
    false,
    asking(() => []),
  ),
  withExtensions('no subjectAltName', false, () => [KEY_USAGE]),
  withExtensions('a subjectAltName that is none', false, () => [extension('2.5.29.17', Buffer.from('x'))]),
  withExtensions('a subjectAltName of OCTET STRINGs', false, (base) => [
    extension('2.5.29.17', octets(...names(base))),
  ]),
]

function many(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => dns(`n${index}.example.org`))
}

const SUBJECTS: readonly Mutation[] = [
  changed('another common name', false, () => ({ subject: commonName(EVIL) })),
  changed('common name too long', false, () => ({ subject: commonName(`${'a'.repeat(60)}.example.com`) })),
  changed('two common names, evil last', false, (base) => ({ subject: commonName(first(base), EVIL) })),
  changed('two common names, evil first', false, (base) => ({ subject: commonName(EVIL, first(base)) })),
  changed('NUL in the common name', false, (base) => ({ subject: commonName(`${first(base)}\0${EVIL}`) })),
  changed('a Kelvin sign in the common name', false, (base) => ({
    subject: commonName(`\u212a${first(base)}`),
  })),
  changed('an address as common name', false, () => ({ subject: commonName('192.0.2.99') })),
  changed('an empty common name', false, () => ({ subject: commonName('') })),
  changed('a common name that is a number', false, () => ({ subject: commonName(integer(5)) })),
  changed('a common name that is no UTF-8', false, () => ({
    subject: commonName(der(0x0c, Buffer.of(0xc0, 0xaf))),
  })),
  changed('an organization that is no UTF-8', false, (base) => ({
    subject: sequence(organization(der(0x0c, Buffer.of(0xd4, 0x65))), ...relativeNames(base)),
  })),
  changed('an organization that is no text', false, (base) => ({
    subject: sequence(organization(der(0x1b, Buffer.from('Example'))), ...relativeNames(base)),
  })),
  changed('an underscore in a PrintableString', false, (base) => ({
    subject: sequence(organization(der(0x13, Buffer.from('a_b'))), ...relativeNames(base)),
  })),
]

const organization = (value: Buffer) => set(sequence(oid('2.5.4.10'), value))
const relativeNames = ({ subject }: BaseRequest) =>
  readElements(readElement(subject).content).map(({ whole }) => whole)

const FORMS: readonly Mutation[] = [
  changed('extensions requested twice, evil last', false, (base) => ({
    attributes: [extensionRequest(san(base)), extensionRequest(evil)],
  })),
  changed('extensions requested twice, evil first', false, (base) => ({
    attributes: [extensionRequest(evil), extensionRequest(san(base))],
  })),
  changed('an attribute of two values, evil last', false, (base) => ({
    attributes: [attribute('1.2.840.113549.1.9.14', sequence(san(base)), sequence(evil))],
  })),
  changed('an attribute of two values, evil first', false, (base) => ({
    attributes: [attribute('1.2.840.113549.1.9.14', sequence(evil), sequence(san(base)))],
  })),
  changed('an attribute without a value', false, (base) => ({
    attributes: [extensionRequest(san(base)), attribute('1.2.840.113549.1.9.7')],
  })),
  changed('extensions the way of Windows, evil', false, (base) => ({
    attributes: [extensionRequest(san(base)), attribute(MICROSOFT_EXTENSIONS, sequence(evil))],
  })),
  changed('extensions the way of Windows only', false, (base) => ({
    attributes: [attribute(MICROSOFT_EXTENSIONS, sequence(san(base)))],
  })),
  changed('an unknown attribute', false, (base) => ({
    attributes: [extensionRequest(san(base)), attribute('1.2.3.4.5', text('x'))],
  })),
  changed('no attributes', false, () => ({ attributes: null })),
  withExtensions('subjectAltName twice, evil last', false, (base) => [san(base), evil]),
  withExtensions('subjectAltName twice, evil first', false, (base) => [evil, san(base)]),
  withExtensions('key usage twice', false, (base) => [KEY_USAGE, san(base), KEY_USAGE]),
  withExtensions('critical: false, written', false, (base) => [
    extension('2.5.29.17', sequence(...names(base)), [der(1, Buffer.of(0))]),
  ]),
  withExtensions('critical: 1', false, (base) => [
    extension('2.5.29.17', sequence(...names(base)), [der(1, Buffer.of(1))]),
  ]),
  withExtensions('bytes after the names', false, (base) => [
    extension('2.5.29.17', Buffer.concat([sequence(...names(base)), sequence(dns(EVIL))])),
  ]),
  withExtensions('names of indefinite length', false, (base) => [
    extension('2.5.29.17', Buffer.concat([Buffer.of(0x30, 0x80), ...names(base), Buffer.of(0, 0)])),
  ]),
  withExtensions('an extension without a value', false, (base) => [san(base), sequence(oid('2.5.29.15'))]),
  withExtensions('must-staple that is none', false, (base) => [
    san(base),
    extension('1.3.6.1.5.5.7.1.24', text('x')),
  ]),
  changed('version 1', true, () => ({ version: integer(1) })),
  changed('version 2', true, () => ({ version: integer(2) })),
  changed('version 3', false, () => ({ version: integer(3) })),
  changed('version -1', false, () => ({ version: der(2, Buffer.of(0xff)) })),
  changed('version of 20 bytes', false, () => ({ version: der(2, Buffer.alloc(20, 0x7f)) })),
  changed('version 0 in two bytes', false, () => ({ version: der(2, Buffer.of(0, 0)) })),
  changed('version of no bytes', false, () => ({ version: der(2) })),
  changed('a member behind the attributes', false, () => ({ inside: [text(EVIL)] })),
  changed('a member behind the signature', false, () => ({ behind: [text(EVIL)] })),
  { name: 'bytes after the end', fine: false, make: (base) => Buffer.concat([compose(base), Buffer.of(0)]) },
  {
    name: 'another request after the end',
    fine: false,
    make: (base) => Buffer.concat([compose(base), compose(base, { extensions: [evil] })]),
  },
  { name: 'indefinite length', fine: false, make: indefinite },
  { name: 'a length that is not minimal', fine: false, make: longLength },
  { name: 'cut short', fine: false, make: (base) => compose(base).subarray(0, -7) },
  { name: 'nothing', fine: false, make: () => Buffer.of(0x30, 0) },
]

function indefinite(base: BaseRequest): Buffer {
  const { content } = readElement(compose(base))
  return Buffer.concat([Buffer.of(0x30, 0x80), content, Buffer.of(0, 0)])
}

function longLength(base: BaseRequest): Buffer {
  const { content } = readElement(compose(base))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  return Buffer.concat([Buffer.of(0x30, 0x84), length, content])
}

const KEYS: readonly Mutation[] = [
  changed('a huge RSA key', false, () => ({
    spki: rsaKey(integer(Buffer.alloc(2048, 0xc5)), integer(Buffer.of(1, 0, 1))),
  })),
  changed('an RSA key of 512 bits', false, () => ({
    spki: tiny.publicKey.export({ type: 'spki', format: 'der' }),
    signer: tiny.privateKey,
  })),
  changed('an even exponent', false, (base) =>
    base.key.asymmetricKeyType === 'rsa'
      ? { spki: rsaKey(integer(rsaModulus(base)), integer(Buffer.of(4))) }
      : null,
  ),
  changed('a negative modulus', false, (base) =>
    base.key.asymmetricKeyType === 'rsa'
      ? { spki: rsaKey(der(2, rsaModulus(base)), integer(Buffer.of(1, 0, 1))) }
      : null,
  ),
  changed('an exponent of 40 bytes', false, (base) =>
    base.key.asymmetricKeyType === 'rsa'
      ? { spki: rsaKey(integer(rsaModulus(base)), integer(Buffer.alloc(40, 3))) }
      : null,
  ),
  changed('RSA without NULL', false, (base) => {
    if (base.key.asymmetricKeyType !== 'rsa') return null
    const [, key] = readElements(readElement(base.spki).content)
    return { spki: sequence(sequence(oid('1.2.840.113549.1.1.1')), key!.whole) }
  }),
  changed(
    'a curve of explicit parameters',
    false,
    ({ explicitSpki }) => explicitSpki && { spki: explicitSpki },
  ),
  changed('a compressed point', false, (base) => (isEc(base) ? { spki: ofPoint(base, compressed) } : null)),
  changed('a point off its curve', false, (base) => (isEc(base) ? { spki: ofPoint(base, offCurve) } : null)),
  changed('the point at infinity', false, (base) =>
    isEc(base) ? { spki: ofPoint(base, () => Buffer.of(0)) } : null,
  ),
  changed('a key of an unknown kind', false, () => ({
    spki: sequence(sequence(oid('1.2.3.4')), bits(Buffer.alloc(32, 7))),
  })),
  changed('SHA-1', false, ({ key }) => (key.asymmetricKeyType === 'ed25519' ? null : { digest: 'sha1' })),
  changed('MD5', false, ({ key }) => (key.asymmetricKeyType === 'ed25519' ? null : { digest: 'md5' })),
  changed('a wrong signature', false, () => ({ signature: flipLast })),
  changed('no signature', false, () => ({ signature: () => Buffer.alloc(0) })),
  changed('signed by another key', false, () => ({ signer: other.privateKey })),
  changed("another's key", false, () => ({ spki: other.publicKey.export({ type: 'spki', format: 'der' }) })),
  changed('an unknown signature algorithm', false, () => ({ algorithm: sequence(oid('1.2.3.4')) })),
  changed('a signature algorithm with parameters', false, ({ key }) => ({
    algorithm: sequence(
      oid(key.asymmetricKeyType === 'rsa' ? '1.2.840.113549.1.1.11' : '1.2.840.10045.4.3.2'),
      text('x'),
    ),
  })),
  { name: 'signed for other names', fine: false, make: stolenSignature },
]

function ofPoint(base: BaseRequest, change: (point: Buffer) => Buffer): Buffer {
  const [algorithm, key] = readElements(readElement(base.spki).content)
  return sequence(algorithm!.whole, bits(change(Buffer.from(key!.content.subarray(1)))))
}

function compressed(point: Buffer): Buffer {
  const size = (point.length - 1) / 2
  return Buffer.concat([Buffer.of(point.at(-1)! & 1 ? 3 : 2), point.subarray(1, 1 + size)])
}

function offCurve(point: Buffer): Buffer {
  return flipLast(point)
}

function flipLast(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes)
  changed[changed.length - 1]! ^= 1
  return changed
}

/** The names were changed after it was signed. */
function stolenSignature(base: BaseRequest): Buffer {
  const [, algorithm, signature] = readElements(readElement(compose(base)).content)
  const [info] = readElements(readElement(compose(base, { extensions: [evil] })).content)
  return sequence(info!.whole, algorithm!.whole, signature!.whole)
}

export const MUTATIONS: readonly Mutation[] = [...HARMLESS, ...OTHER_NAMES, ...SUBJECTS, ...FORMS, ...KEYS]
