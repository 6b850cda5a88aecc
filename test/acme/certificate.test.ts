import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, hash, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCertificateChain, readLeaf } from '../../src/acme/certificate.ts'
import { readCsr } from '../../src/acme/csr.ts'
import { issueLeaf, makeCsr, makeRoot } from '../support/test-ca/certificates.ts'

const NAMES = [
  { type: 'dns', value: 'www.example.com' },
  { type: 'dns', value: '*.example.com' },
  { type: 'ip', value: '192.0.2.7' },
  { type: 'ip', value: '2001:db8::7' },
]
const root = makeRoot('Root, of "Tests"')
const keys = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const spki = keys.publicKey.export({ type: 'spki', format: 'der' })
const notBefore = new Date('2026-01-02T03:04:05Z')
const notAfter = new Date('2051-01-02T03:04:05Z')

function issue(): string {
  return issueLeaf({ spki, issuer: root, names: NAMES, notBefore, notAfter })
}

test('a chain: what the certificate says, as another reader reads it (RFC 5280, RFC 8738)', () => {
  const pem = issue()
  const other = new X509Certificate(pem)
  const read = readCertificateChain(Buffer.from(`${pem}\n${root.pem}`))!
  expect(read.leaf).toEqual({
    fingerprint: other.fingerprint256.replaceAll(':', '').toLowerCase(),
    serial: other.serialNumber.toLowerCase().replace(/^0+/, ''),
    identifiers: NAMES,
    commonName: null,
    issuer: 'CN=Root\\, of \\"Tests\\"',
    notBefore: notBefore.getTime() * 1000,
    notAfter: notAfter.getTime() * 1000,
    keyType: 'P-384',
    keyBits: 384,
    spki: hash('sha256', spki),
    ariId: `${root.keyIdentifier.toString('base64url')}.${Buffer.from(other.serialNumber, 'hex').toString('base64url')}`,
  })
  const rootHash = new X509Certificate(root.pem).fingerprint256.replaceAll(':', '').toLowerCase()
  expect(read.chain).toEqual([{ fingerprint: rootHash, subject: 'CN=Root\\, of \\"Tests\\"' }])
})

test('RFC 9773 §4.1: the bytes of the serial number, a leading zero included', () => {
  const keyIdentifier = Buffer.from('69885b6b87464041e1b37b847ba0ae2cde01c8d4', 'hex')
  const issuer = { ...root, keyIdentifier }
  const der = Buffer.from(new X509Certificate(issueLeaf({ spki, issuer, names: NAMES })).raw)
  const serial = '00876543210000000000000000000001'
  Buffer.from(serial, 'hex').copy(der, der.indexOf(Buffer.from(new X509Certificate(der).serialNumber, 'hex')))
  expect(readLeaf(der)).toMatchObject({
    serial: '876543210000000000000000000001',
    ariId: `aYhba4dGQEHhs3uEe6CuLN4ByNQ.${Buffer.from(serial, 'hex').toString('base64url')}`,
  })
})

test('certificates and requests of openssl: RSA, common name alone, distinguished names', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-x509-'))
  try {
    const at = (name: string) => join(folder, name)
    const run = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] })
    await writeFile(at('openssl.cnf'), '[req]\ndistinguished_name=dn\n[dn]\n')
    const subject = '/DC=org/O=Ü \\+ Co/CN=Only.Example.ORG'
    run(
      'req',
      '-config',
      at('openssl.cnf'),
      '-utf8',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      at('key.pem'),
      '-subj',
      subject,
      '-days',
      '9',
      '-out',
      at('cert.pem'),
    )
    run(
      'req',
      '-config',
      at('openssl.cnf'),
      '-utf8',
      '-new',
      '-key',
      at('key.pem'),
      '-subj',
      subject,
      '-addext',
      'subjectAltName=DNS:Two.example.org,IP:::1',
      '-outform',
      'DER',
      '-out',
      at('csr.der'),
    )
    const pem = await readFile(at('cert.pem'))
    const other = new X509Certificate(pem)
    const read = readCertificateChain(pem)!.leaf
    expect(read).toMatchObject({
      fingerprint: other.fingerprint256.replaceAll(':', '').toLowerCase(),
      serial: other.serialNumber.toLowerCase().replace(/^0+/, ''),
      identifiers: [{ type: 'dns', value: 'only.example.org' }],
      commonName: 'Only.Example.ORG',
      keyType: 'RSA',
      keyBits: 2048,
      notAfter: other.validToDate.getTime() * 1000,
    })
    const rfc4514 = run(
      'x509',
      '-in',
      at('cert.pem'),
      '-noout',
      '-subject',
      '-nameopt',
      'RFC2253,-esc_msb,utf8',
    )
    expect(`subject=${read.issuer}`).toBe(String(rfc4514).trim())
    expect(readCsr(await readFile(at('csr.der')))).toEqual({
      names: [
        { type: 'dns', value: 'only.example.org' },
        { type: 'dns', value: 'two.example.org' },
        { type: 'ip', value: '::1' },
      ],
      keyType: 'RSA',
      keyBits: 2048,
      spki: read.spki,
    })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a request with alternative names alone, and one without any', () => {
  const key = { keyType: 'P-384', keyBits: 384, spki: hash('sha256', spki) }
  expect(readCsr(makeCsr(keys.privateKey, spki, NAMES))).toEqual({ names: NAMES, ...key })
  expect(readCsr(makeCsr(keys.privateKey, spki, []))).toEqual({ names: [], ...key })
})

test('what is no certificate or request is null; nothing throws, however it is mangled', () => {
  expect(readCertificateChain(Buffer.from('no pem'))).toBeNull()
  expect(
    readCertificateChain(Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')),
  ).toBeNull()
  expect([readLeaf(Buffer.alloc(0)), readCsr(Buffer.alloc(0))]).toEqual([null, null])
  const whole = Buffer.from(new X509Certificate(issue()).raw)
  const csr = makeCsr(keys.privateKey, spki, NAMES)
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
      for (const bytes of [whole, csr]) {
        const mangled = Buffer.from(bytes)
        if (at < mangled.length) mangled[at] = byte
        readLeaf(mangled)
        readCsr(mangled)
        if (length < bytes.length) {
          expect(readLeaf(bytes.subarray(0, length))).toBeNull()
          expect(readCsr(bytes.subarray(0, length))).toBeNull()
        }
      }
    }),
    { numRuns: 500 },
  )
})
