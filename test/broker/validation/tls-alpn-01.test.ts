import 'reflect-metadata'
import { createSecureContext, type TlsOptions } from 'node:tls'
import { Extension, SubjectAlternativeNameExtension } from '@peculiar/x509'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { validationCertificate } from '../../../src/engine/solvers/validation-certificate.ts'
import { digestValue, type Oddity, oddCertificate } from './odd-certificates.ts'
import { diagnosed, KEY_AUTHORIZATION, NAME, World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await new World().open()
})
afterEach(() => world.close())

const ALPN = ['acme-tls/1']
const look = () => world.look({ type: 'tls-alpn-01' })

async function serve(oddity: Oddity = {}, options: TlsOptions = {}, address?: string): Promise<void> {
  const made = await oddCertificate(NAME, KEY_AUTHORIZATION, oddity)
  await world.tls({ ...made, ALPNProtocols: ALPN, ...options }, address)
}

test("the engine's own certificate, by its server name", async () => {
  const { certificate, key } = await validationCertificate(
    { type: 'dns', value: NAME },
    KEY_AUTHORIZATION,
    new Date(),
  )
  const asked: string[] = []
  await world.tls({
    ALPNProtocols: ALPN,
    SNICallback: (name, done) => {
      asked.push(name)
      done(null, createSecureContext({ cert: certificate, key }))
    },
  })
  expect(await look()).toBeNull()
  expect(asked).toEqual([NAME])
})

test('an address, by its name in the reverse tree', async () => {
  const identifier = { type: 'ip', value: '127.0.0.1' }
  const { certificate, key } = await validationCertificate(identifier, KEY_AUTHORIZATION, new Date())
  const asked: string[] = []
  await world.tls({
    ALPNProtocols: ALPN,
    SNICallback: (name, done) => {
      asked.push(name)
      done(null, createSecureContext({ cert: certificate, key }))
    },
  })
  expect(await world.look({ type: 'tls-alpn-01', identifier })).toBeNull()
  expect(asked).toEqual(['1.0.0.127.in-addr.arpa'])
})

test.each<[string, Oddity]>([
  ['as it should be', {}],
  ['a name in upper case', { names: [{ type: 'dns', value: NAME.toUpperCase() }] }],
  ['an extension that nobody asked for', { more: [new Extension('1.2.3.4', false, Buffer.of(5, 0))] }],
])('good: %s', async (_, oddity) => {
  await serve(oddity)
  expect(await look()).toBeNull()
})

test.each<[string, Oddity, string]>([
  [
    'two names',
    {
      names: [
        { type: 'dns', value: NAME },
        { type: 'dns', value: 'b.example.com' },
      ],
    },
    'wrong number of identifiers',
  ],
  [
    'a name and an address',
    {
      names: [
        { type: 'dns', value: NAME },
        { type: 'ip', value: '127.0.0.1' },
      ],
    },
    'wrong number of identifiers',
  ],
  [
    'a name and a mailbox',
    {
      names: [
        { type: 'dns', value: NAME },
        { type: 'email', value: 'a@b.example' },
      ],
    },
    'wrong number of identifiers',
  ],
  [
    'another name',
    { names: [{ type: 'dns', value: 'b.example.com' }] },
    'identifier does not match expected identifier',
  ],
  [
    'a wildcard',
    { names: [{ type: 'dns', value: '*.example.com' }] },
    'identifier does not match expected identifier',
  ],
  [
    'the name as a mailbox',
    { names: [{ type: 'email', value: NAME }] },
    'identifier does not match expected identifier',
  ],
  ['no names', { alternativeNames: [] }, 'Required extension OID 2.5.29.17 is not present'],
  [
    'names twice',
    {
      alternativeNames: [1, 2].map(() => new SubjectAlternativeNameExtension([{ type: 'dns', value: NAME }])),
    },
    'Extension OID 2.5.29.17 seen twice',
  ],
  ['no digest', { without: true }, 'Required extension OID 1.3.6.1.5.5.7.1.31 is not present'],
  ['a digest twice', { twice: true }, 'Extension OID 1.3.6.1.5.5.7.1.31 seen twice'],
  [
    'a digest that is not critical',
    { critical: false },
    'Received certificate with acmeValidationV1 extension that is not Critical.',
  ],
  [
    'a digest of another key authorization',
    { value: digestValue('x.y') },
    'Received certificate with acmeValidationV1 extension value ',
  ],
  [
    'a digest that is cut',
    { value: Buffer.concat([Buffer.of(4, 31), Buffer.alloc(31)]) },
    'malformed acmeValidationV1 extension value',
  ],
  [
    'a digest with bytes behind it',
    { value: Buffer.concat([digestValue(KEY_AUTHORIZATION), Buffer.of(0)]) },
    'malformed acmeValidationV1 extension value',
  ],
  [
    'a digest without its tag',
    { value: digestValue(KEY_AUTHORIZATION).subarray(2) },
    'malformed acmeValidationV1 extension value',
  ],
  ['another signer', { signedByAnother: true }, 'Received certificate which is not self-signed.'],
  ['another issuer', { otherIssuer: true }, 'Received certificate which is not self-signed.'],
])('bad: %s', async (_, oddity, text) => {
  await serve(oddity)
  const problem = await look()
  expect(problem).toMatchObject({ type: 'urn:ietf:params:acme:error:unauthorized' })
  expect(problem!.detail).toContain(
    `Incorrect validation certificate for tls-alpn-01 challenge. Requested ${NAME} from 127.0.0.1:${world.tlsPort}. `,
  )
  expect(problem!.detail).toContain(text)
  expect(diagnosed(problem!, 'tls-alpn-01')).toBe('alpn')
})

describe('no such handshake', () => {
  async function says(type: string, detail: string | RegExp, diagnosis: string): Promise<void> {
    const problem = await look()
    expect(problem).toMatchObject({ type: `urn:ietf:params:acme:error:${type}` })
    expect(problem!.detail).toMatch(detail)
    expect(diagnosed(problem!, 'tls-alpn-01')).toBe(diagnosis)
  }

  test('a server that knows no protocols', async () => {
    await serve({}, { ALPNProtocols: undefined } as unknown as TlsOptions)
    await says(
      'unauthorized',
      /^Cannot negotiate ALPN protocol "acme-tls\/1" for tls-alpn-01 challenge$/,
      'alpn',
    )
  })

  test('a server that knows others', async () => {
    await serve({}, { ALPNProtocols: ['http/1.1'] })
    await says('tls', /^127\.0\.0\.1: remote error: tls: no application protocol$/, 'alpn')
  })

  test('a server that knows other names', async () => {
    await serve({}, { SNICallback: (_, done) => done(new Error('unknown')) })
    await says('connection', /^127\.0\.0\.1: Connection reset by peer$/, 'connection-reset')
  })

  test('TLS 1.1', async () => {
    await serve({}, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' })
    await says('tls', /^127\.0\.0\.1: (?:remote error: )?tls: /, 'alpn')
  })

  test('HTTP', async () => {
    await world.http(
      { raw: (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')) },
      '127.0.0.1',
      world.tlsPort,
    )
    await says('malformed', /^127\.0\.0\.1: Server only speaks HTTP, not TLS$/, 'tls-on-http-port')
  })

  test('nothing', async () => {
    await says('connection', /^127\.0\.0\.1: Connection refused$/, 'connection-refused')
  })

  test('silence', async () => {
    await world.http({ raw: () => undefined }, '127.0.0.1', world.tlsPort)
    await says(
      'connection',
      /Timeout after connect \(your server may be slow or overloaded\)$/,
      'slow-server',
    )
  })

  test('IPv4 where IPv6 fails', async () => {
    world.zones = { [NAME]: { A: ['127.0.0.1'], AAAA: ['::1'] } }
    await serve()
    expect(await look()).toBeNull()
  })

  test('IPv6 before IPv4', async () => {
    world.zones = { [NAME]: { A: ['127.0.0.1'], AAAA: ['::1'] } }
    await serve({}, {}, '::1')
    expect(await look()).toBeNull()
  })

  test('an address of the inside, and our own listener', async () => {
    world.settings = { internal: [] }
    await serve()
    await says('dns', /^IP address is in a reserved address block: /, 'split-horizon')
    world.settings = {}
    world.own.use([{ address: '127.0.0.1', port: world.tlsPort }])
    await says('dns', /own listener/, 'split-horizon')
    expect(world.accepted.size).toBe(0)
  })

  test('from every address', async () => {
    await serve()
    world.settings = { from: ['127.0.0.5', '127.0.0.6'] }
    expect(await look()).toBeNull()
    expect(world.accepted.get('127.0.0.1')).toBe(2)
  })
})
