/**
 * N12: a CA's server is never accepted where a careful client of its own would refuse it. Beside
 * upstream-certificate.test.ts, which has the five commonest cases through the whole program.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type SecureVersion, type TlsOptions } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { CaDispatcher } from '../../src/ca/dispatcher.ts'
import { sequence, text } from '../support/test-ca/der.ts'
import {
  type Certified,
  caExtensions,
  certify,
  dnsNames,
  extension,
  onlyUnder,
  purpose,
  signatureAlgorithm,
} from './bad-certificates.ts'

const HOST = 'acme.ca.test'
const root = certify({ commonName: 'Root', issuer: null, extensions: caExtensions() })
const rsaRoot = certify({
  commonName: 'RSA Root',
  issuer: null,
  key: 'RSA-2048',
  extensions: caExtensions(),
})
const trust = root.pem + rsaRoot.pem
const good = [dnsNames(HOST), purpose(1)]
const leaf = (fields: Partial<Parameters<typeof certify>[0]> = {}) =>
  certify({ issuer: root, extensions: good, ...fields })

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

interface Offer {
  /** Leaf first. */
  readonly chain: readonly Certified[]
  readonly host?: string
  readonly options?: TlsOptions
}

/** What the dispatcher says, and how many octets of a request came through to the server. */
async function meet({ chain, host = HOST, options = {} }: Offer) {
  let received = 0
  const server = createServer(
    {
      key: chain[0]!.key.export({ type: 'pkcs8', format: 'pem' }),
      cert: chain.map(({ pem }) => pem).join(''),
      // So that the server itself refuses nothing of what it is given.
      ciphers: 'DEFAULT:@SECLEVEL=0',
      ...options,
    },
    (socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (data) => {
        received += data.length
        socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      })
    },
  )
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin = `https://${host}:${port}`
  const dispatcher = new CaDispatcher([
    { name: 'bad', origin, trust, timeout: 10_000, addresses: ['127.0.0.1'] },
  ])
  closing.push(
    async () => server.close(),
    () => dispatcher.close(),
  )
  const body = Buffer.from('secret')
  const request = { method: 'POST', target: '/dir', fields: [['Host', host]], body } as const
  const sent = await dispatcher.send('bad', request)
  // A session that was begun before the certificate was refused must not be resumed without looking at it.
  const again = await dispatcher.send('bad', request)
  expect(again.kind).toBe(sent.kind)
  return { sent, received }
}

const intermediate = certify({ commonName: 'Between', issuer: root, extensions: caExtensions() })
const constrained = certify({
  commonName: 'Constrained',
  issuer: root,
  extensions: [...caExtensions(), onlyUnder('other.test')],
})
const short = certify({ commonName: 'Short', issuer: root, extensions: caExtensions(0) })
const tooDeep = certify({ commonName: 'Too deep', issuer: short, extensions: caExtensions() })
const noCa = certify({ commonName: 'No CA', issuer: root, extensions: good })
const oldVersions = { minVersion: 'TLSv1' as SecureVersion, ciphers: 'DEFAULT:@SECLEVEL=0' }

test.each<[string, Offer]>([
  ['good', { chain: [leaf()] }],
  ['good, under an intermediate', { chain: [leaf({ issuer: intermediate }), intermediate] }],
  ['good, of an RSA root', { chain: [leaf({ issuer: rsaRoot, key: 'RSA-2048' })] }],
  ['a wildcard of the right depth', { chain: [leaf({ extensions: [dnsNames('*.ca.test')] })] }],
  ['the same name twice in one subjectAltName', { chain: [leaf({ extensions: [dnsNames(HOST, HOST)] })] }],
])('a certificate that is %s is taken', async (_what, offer) => {
  const { sent, received } = await meet(offer)
  expect(sent).toMatchObject({ kind: 'response', response: { status: 200 } })
  expect(received).toBeGreaterThan(0)
})

test.each<[string, Offer]>([
  [
    'of another name, over TLS 1.2',
    { chain: [leaf({ extensions: [dnsNames('other.test')] })], options: { maxVersion: 'TLSv1.2' } },
  ],
  ['a wildcard for a name two labels down', { chain: [leaf({ extensions: [dnsNames('*.test')] })] }],
  ['a wildcard within a label', { chain: [leaf({ extensions: [dnsNames('*me.*.test')] })] }],
  [
    'an address written as a DNS name',
    { chain: [leaf({ extensions: [dnsNames('127.0.0.1')] })], host: '127.0.0.1' },
  ],
  ['without its intermediate', { chain: [leaf({ issuer: intermediate })] }],
  ['signed with SHA-1', { chain: [leaf({ issuer: rsaRoot, hash: 'sha1' })] }],
  ['signed with MD5', { chain: [leaf({ issuer: rsaRoot, hash: 'md5' })] }],
  ['of a 1024-bit RSA key', { chain: [leaf({ key: 'RSA-1024' })] }],
  ["outside its issuer's name constraints", { chain: [leaf({ issuer: constrained }), constrained] }],
  ['signed by a certificate that is no CA', { chain: [leaf({ issuer: noCa }), noCa] }],
  ['deeper than the path length allows', { chain: [leaf({ issuer: tooDeep }), tooDeep, short] }],
  ['for TLS clients only', { chain: [leaf({ extensions: [dnsNames(HOST), purpose(2)] })] }],
  [
    'with a critical extension that nobody knows',
    { chain: [leaf({ extensions: [...good, extension('1.3.6.1.4.1.99999.1', text('?'), true)] })] },
  ],
  [
    'with a NUL in the common name, and no other name',
    { chain: [leaf({ commonName: `${HOST}\0.evil.test`, extensions: [purpose(1)] })] },
  ],
  ['with a NUL in the DNS name', { chain: [leaf({ extensions: [dnsNames(`${HOST}\0.evil.test`)] })] }],
  ['named by its common name only', { chain: [leaf({ commonName: HOST, extensions: [purpose(1)] })] }],
  ['of version 1', { chain: [leaf({ commonName: HOST, version1: true })] }],
  [
    'with two subjectAltName extensions (RFC 5280 §4.2)',
    { chain: [leaf({ extensions: [dnsNames('other.test'), dnsNames(HOST)] })] },
  ],
  [
    'whose two signature algorithms differ (RFC 5280 §4.1.1.2)',
    { chain: [leaf({ issuer: rsaRoot, claims: signatureAlgorithm(rsaRoot.key, 'sha1') })] },
  ],
  ['on a server of TLS 1.0 only', { chain: [leaf()], options: { ...oldVersions, maxVersion: 'TLSv1' } }],
  ['on a server of TLS 1.1 only', { chain: [leaf()], options: { ...oldVersions, maxVersion: 'TLSv1.1' } }],
])('N12: a certificate that is %s is refused, and nothing is sent', async (_what, offer) => {
  const { sent, received } = await meet(offer)
  expect(sent).toMatchObject({ kind: 'failed', failure: { cause: 'tls' } })
  expect(received).toBe(0)
})

test('N12: revocation is not looked at: without a list at hand, nothing says that a certificate was revoked', async () => {
  // RFC 5280 §4.2.1.13: where its issuer lists what was revoked. Neither Node nor OpenSSL fetches it.
  const list = extension('2.5.29.31', sequence())
  const { sent } = await meet({ chain: [leaf({ extensions: [...good, list] })] })
  expect(sent.kind).toBe('response')
})
