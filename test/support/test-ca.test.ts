import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { calculateJwkThumbprint, flattenedVerify, importJWK } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type AuthorizationDocument,
  httpsTransport,
  type OrderDocument,
  readJson,
  TestAcmeClient,
  UnexpectedAnswer,
} from './acme-client.ts'
import { makeAccountKey, signJws } from './sign-jws.ts'
import { Refusal } from './test-ca/answer.ts'
import { sha256 } from './test-ca/ca-log.ts'
import { makeRoot, makeServerCertificate } from './test-ca/certificates.ts'
import { startTestCa, type TestCa } from './test-ca/test-ca.ts'

let ca: TestCa
let client: TestAcmeClient

beforeEach(async () => {
  ca = await startTestCa()
  client = new TestAcmeClient(httpsTransport(ca.trust, { timeoutMs: 5000 }))
  await client.discover(ca.directory)
})

afterEach(async () => {
  client.transport.close()
  await ca.close()
})

/** The status and problem type of a refusal. */
async function refusalOf(answer: Promise<unknown>) {
  const error = await answer.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof UnexpectedAnswer)) throw new Error(`not refused: ${String(error)}`)
  return {
    status: error.answer.status,
    type: readJson<{ type: string }>(error.answer).type.split(':').at(-1),
  }
}

describe('the honest CA', () => {
  test('takes an account from order to certificate, key change and revocation', async () => {
    expect((await client.newAccount()).status).toBe(201)
    const { pem, order } = await client.issue(['a.test', '*.b.test'], 'dns-01')
    const leaf = new X509Certificate(pem)
    expect(leaf.subjectAltName).toBe('DNS:a.test, DNS:*.b.test')
    expect(leaf.checkIssued(new X509Certificate(ca.issuer))).toBe(true)
    expect(leaf.verify(new X509Certificate(ca.issuer).publicKey)).toBe(true)
    expect(pem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)

    const listed = await client.post(`${client.account}/orders`)
    expect(readJson<{ orders: string[] }>(listed).orders).toEqual([order])
    await client.changeKey()
    expect((await client.post(client.account ?? '')).status).toBe(200)
    expect((await client.revoke(pem)).status).toBe(200)
    expect(await refusalOf(client.revoke(pem))).toEqual({ status: 400, type: 'alreadyRevoked' })
    expect(
      ca.log.objects.map(({ object }) => object).filter((object) => object === 'certificate'),
    ).toHaveLength(1)
  })

  test('builds every URL from the Host it was asked by', async () => {
    const answer = await client.transport.send('GET', ca.directory, undefined, { Host: 'acme.example:8443' })
    expect(readJson<{ newOrder: string }>(answer).newOrder).toBe('https://acme.example:8443/new-order')
  })

  test('newNonce RFC 8555 §7.2: HEAD 200, GET 204, and a nonce is good once', async () => {
    const url = `https://${ca.authority}/new-nonce`
    const head = await client.transport.send('HEAD', url)
    const get = await client.transport.send('GET', url)
    expect([head.status, get.status]).toEqual([200, 204])
    expect(head.fields['replay-nonce']).not.toBe(get.fields['replay-nonce'])
    const nonce = head.fields['replay-nonce']
    const header = { jwk: client.key.jwk, nonce }
    expect((await client.post(client.directory?.newAccount ?? '', {}, header)).status).toBe(201)
    expect(await refusalOf(client.post(client.directory?.newAccount ?? '', {}, header))).toEqual({
      status: 400,
      type: 'badNonce',
    })
  })

  test('newAccount RFC 8555 §7.3: known keys get 200, onlyReturnExisting makes nothing', async () => {
    expect(await refusalOf(client.newAccount({ onlyReturnExisting: true }))).toEqual({
      status: 400,
      type: 'accountDoesNotExist',
    })
    const made = await client.newAccount({ contact: ['mailto:a@b.test'] })
    const again = await client.newAccount({ onlyReturnExisting: true })
    expect([made.status, again.status]).toEqual([201, 200])
    expect(again.fields.location).toBe(made.fields.location)
    await client.post(client.account ?? '', { status: 'deactivated' })
    expect(await refusalOf(client.post(client.account ?? ''))).toEqual({ status: 403, type: 'unauthorized' })
  })

  test('refuses a wrong signature, a wrong url, a foreign object and a wrong content type', async () => {
    await client.newAccount()
    const url = client.directory?.newOrder ?? ''
    const order = { identifiers: [{ type: 'dns', value: 'a.test' }] }
    const other = new TestAcmeClient(client.transport)
    await other.discover(ca.directory)
    await other.newAccount()
    const made = await other.post(url, order)
    expect(await refusalOf(client.post(made.fields.location ?? ''))).toEqual({
      status: 403,
      type: 'unauthorized',
    })

    const forged = signJws(other.key, { kid: client.account, nonce: await client.nonce(), url }, order)
    expect((await client.transport.send('POST', url, forged)).status).toBe(400)
    const elsewhere = signJws(
      client.key,
      { kid: client.account, nonce: await client.nonce(), url: `${url}x` },
      order,
    )
    expect((await client.transport.send('POST', url, elsewhere)).status).toBe(403)
    const body = client.sign(url, order, { nonce: await client.nonce() })
    const typed = await client.transport.send('POST', url, body, { 'Content-Type': 'application/json' })
    expect(typed.status).toBe(415)
  })

  test('fails validation on command, and finalize is then not ready', async () => {
    ca.validate(({ value }) =>
      value === 'bad.test' ? new Refusal('connection', 'refused by 127.0.0.1') : null,
    )
    await client.newAccount()
    const ordered = await client.post(client.directory?.newOrder ?? '', {
      identifiers: [{ type: 'dns', value: 'bad.test' }],
    })
    const order = readJson<OrderDocument>(ordered)
    const authorization = readJson<AuthorizationDocument>(await client.post(order.authorizations[0] ?? ''))
    const answered = await client.post(authorization.challenges[0]?.url ?? '', {})
    expect(readJson(answered)).toMatchObject({
      status: 'invalid',
      error: { type: 'urn:ietf:params:acme:error:connection' },
    })
    expect(answered.fields.link).toContain('rel="up"')
    expect(await refusalOf(client.post(order.finalize, { csr: '' }))).toEqual({
      status: 403,
      type: 'orderNotReady',
    })
  })

  test('answers renewalInfo RFC 9773 for what it issued', async () => {
    await client.newAccount()
    const { pem } = await client.issue(['a.test'])
    const [issued] = ca.state.certificates.values()
    const answer = await client.transport.send('GET', `${client.directory?.renewalInfo}/${issued?.id}`)
    expect(answer.fields['retry-after']).toBe('21600')
    expect(new X509Certificate(pem).serialNumber.toLowerCase()).toBe(
      Buffer.from(issued?.id.split('.')[1] ?? '', 'base64url').toString('hex'),
    )
  })

  test('signed requests hold before an independent implementation (jose)', async () => {
    for (const alg of ['ES256', 'RS256'] as const) {
      const key = makeAccountKey(alg)
      const jws = JSON.parse(signJws(key, { nonce: 'n', url: 'https://x.test/' }, { a: 1 }).toString())
      const verified = await flattenedVerify(
        jws,
        await importJWK(key.publicKey.export({ format: 'jwk' }), alg),
      )
      expect(Buffer.from(verified.payload).toString()).toBe('{"a":1}')
      expect(await calculateJwkThumbprint(key.publicKey.export({ format: 'jwk' }))).toBe(key.thumbprint)
    }
  })

  test('logs every request as received, in memory and in its file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'test-ca-'))
    const file = join(folder, 'ca.ndjson')
    const logging = await startTestCa({ log: file, nonces: 'ignore' })
    const other = new TestAcmeClient(httpsTransport(logging.trust))
    await other.discover(logging.directory)
    const url = other.directory?.newAccount ?? ''
    const body = other.sign(url, {}, { jwk: other.key.jwk, nonce: 'any' })
    await other.transport.send('POST', url, body)
    const logged = logging.log.requests.at(-1)
    expect(logged).toMatchObject({
      method: 'POST',
      target: '/new-account',
      host: logging.authority,
      digest: sha256(body),
      bytes: body.length,
      operation: 'newAccount',
      protected: { nonce: 'any', url },
    })
    other.transport.close()
    await logging.close()
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual(logging.log.entries)
    await rm(folder, { recursive: true })
  })
})

describe('the wicked CA', () => {
  const directory = () => client.transport.send('GET', ca.directory)

  test('429 and 503 with Retry-After in seconds and as a date, on the nth request only', async () => {
    const at = new Date('2030-01-02T03:04:05Z')
    ca.script(
      { operation: 'directory', nth: 2 },
      { kind: 'problem', type: 'rateLimited', status: 429, retryAfter: 7 },
    )
    ca.script(
      { path: '/new-nonce', times: 1 },
      { kind: 'problem', type: 'serverInternal', status: 503, retryAfter: at },
    )
    const answers = [await directory(), await directory(), await directory()]
    expect(answers.map(({ status }) => status)).toEqual([200, 429, 200])
    expect(answers[1]?.fields['retry-after']).toBe('7')
    const refused = await client.transport.send('GET', `https://${ca.authority}/new-nonce`)
    expect(refused.fields['retry-after']).toBe('Wed, 02 Jan 2030 03:04:05 GMT')
    expect((await client.transport.send('GET', `https://${ca.authority}/new-nonce`)).status).toBe(204)
  })

  test.each(['before-reading', 'after-processing', 'mid-body'] as const)('resets %s', async (when) => {
    const rule = ca.script({ operation: 'newAccount', times: 1 }, { kind: 'reset', when })
    await expect(client.newAccount()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(rule.applied).toBe(1)
    const processed = when !== 'before-reading'
    expect(ca.state.accounts.size).toBe(processed ? 1 : 0)
    expect(ca.log.requests.at(-1)?.digest === null).toBe(!processed)
    expect((await client.newAccount()).status).toBe(processed ? 200 : 201)
  })

  test('slow, dripping and dateful answers arrive whole', async () => {
    const honest = await directory()
    ca.script({ nth: 1 }, { kind: 'slow', ms: 30 })
    const slow = await directory()
    ca.clearScript()
    ca.script({}, { kind: 'drip', bytes: 100, ms: 1 })
    const dripped = await directory()
    ca.clearScript()
    ca.script({}, { kind: 'retry-after', value: new Date('2030-01-02T03:04:05Z') })
    const dated = await directory()
    expect([slow.digest, dripped.digest, dated.digest]).toEqual([honest.digest, honest.digest, honest.digest])
    expect(slow.ms).toBeGreaterThan(25)
    expect(dated.fields['retry-after']).toContain('2030')
  })

  test('malformed JSON, wrong content types and bodies over 1 MiB', async () => {
    ca.script({ nth: 1 }, { kind: 'malformed-json' })
    expect(() => JSON.parse('{')).toThrow()
    const malformed = await directory()
    expect(() => readJson(malformed)).toThrow(SyntaxError)
    ca.clearScript()
    ca.script({ nth: 1 }, { kind: 'content-type', value: 'text/html' })
    ca.script({ nth: 1 }, { kind: 'content-type', value: null })
    expect((await directory()).fields['content-type']).toBeUndefined()
    ca.clearScript()
    ca.script({}, { kind: 'huge-body', bytes: 1_100_000 })
    expect((await directory()).body).toHaveLength(1_100_000)
  })

  test('content codings, also a gzip bomb', async () => {
    const honest = await directory()
    const decoders = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync }
    for (const coding of ['gzip', 'br', 'deflate'] as const) {
      ca.clearScript()
      ca.script({}, { kind: 'encoded', coding })
      const encoded = await directory()
      expect(encoded.fields['content-encoding']).toBe(coding)
      expect(decoders[coding](encoded.body)).toEqual(honest.body)
    }
    ca.clearScript()
    ca.script({}, { kind: 'gzip-bomb', bytes: 20 << 20 })
    const bomb = await directory()
    expect(bomb.body.length).toBeLessThan(64 << 10)
    expect(gunzipSync(bomb.body)).toHaveLength(20 << 20)
  })

  test('nonces wrong or missing, Location missing, Link repeated', async () => {
    ca.script({ operation: 'newAccount', nth: 1 }, { kind: 'nonce', value: 'not a nonce' })
    const wrong = await client.newAccount()
    expect(wrong.fields['replay-nonce']).toBe('not a nonce')
    expect(await refusalOf(client.newAccount())).toEqual({ status: 400, type: 'badNonce' })
    ca.script({ operation: 'newAccount', times: 1 }, { kind: 'nonce', value: null })
    expect((await client.newAccount()).fields['replay-nonce']).toBeUndefined()
    ca.script({ operation: 'newAccount', times: 1 }, { kind: 'field', name: 'location', value: null })
    expect((await client.newAccount()).fields.location).toBeUndefined()
    ca.script({ operation: 'newAccount', times: 1 }, { kind: 'repeated-links', count: 3 })
    expect((await client.newAccount()).fields.link?.split(',')).toHaveLength(4)
  })

  /** What the CA puts on the wire until it closes or falls silent. */
  async function wire(): Promise<string> {
    const socket = connectTls({ host: '127.0.0.1', port: ca.port, servername: 'localhost', ca: ca.trust })
    socket.write(`GET /directory HTTP/1.1\r\nHost: ${ca.authority}\r\n\r\n`)
    let seen = ''
    socket.setTimeout(300, () => socket.destroy())
    socket.on('data', (part) => {
      seen += part.toString('latin1')
    })
    socket.on('error', () => undefined)
    await once(socket, 'close')
    return seen
  }

  test('interim answers with and without an end', async () => {
    ca.script({}, { kind: 'interim', status: 103, count: 5, ending: 'answer' })
    const told = await wire()
    expect(told.match(/HTTP\/1\.1 103/g)).toHaveLength(5)
    expect(told).toContain('HTTP/1.1 200 OK')
    ca.clearScript()
    ca.script({}, { kind: 'interim', status: 102, count: 1000, ending: 'nothing' })
    const storm = await wire()
    expect(storm.match(/HTTP\/1\.1 102/g)).toHaveLength(1000)
    expect(storm).not.toContain('200 OK')
  })

  test('HTTP/1.0, bad chunking, silence and answers nobody asked for', async () => {
    ca.script({ nth: 1 }, { kind: 'http-1.0' })
    const old = await wire()
    expect(old).toMatch(/^HTTP\/1\.0 200 /)
    expect(old).not.toMatch(/content-length/i)
    ca.clearScript()
    ca.script({}, { kind: 'bad-chunking' })
    expect(await wire()).toContain('\r\nnot-a-size\r\n')
    await expect(directory()).rejects.toMatchObject({ code: 'HPE_INVALID_CHUNK_SIZE' })
    ca.clearScript()
    ca.script({}, { kind: 'unsolicited' })
    expect((await wire()).match(/HTTP\/1\.1 200/g)).toHaveLength(2)
    ca.clearScript()
    ca.script({}, { kind: 'hang' })
    expect(await wire()).toBe('')
  })

  test('closes idle keep-alive connections without a word', async () => {
    ca.script({}, { kind: 'close-idle', ms: 10 })
    const seen = await wire()
    expect(seen).toContain('HTTP/1.1 200 OK')
    expect(seen).not.toMatch(/connection: close/i)
  })
})

describe('certificates for bad TLS', () => {
  const root = makeRoot()
  const day = 86_400_000
  const variants = {
    good: makeServerCertificate({ names: ['localhost'], issuer: root }),
    expired: makeServerCertificate({
      names: ['localhost'],
      issuer: root,
      notBefore: new Date(Date.now() - 3 * day),
      notAfter: new Date(Date.now() - day),
    }),
    'wrong name': makeServerCertificate({ names: ['elsewhere.test'], issuer: root }),
    'self-signed': makeServerCertificate({ names: ['localhost'], issuer: 'self' }),
  }

  test.each([
    ['good', null],
    ['expired', 'CERT_HAS_EXPIRED'],
    ['wrong name', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['self-signed', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ] as const)('%s: %s', async (variant, code) => {
    const { keyPem, pem } = variants[variant]
    const server = createTlsServer({ key: keyPem, cert: pem }, (socket) => socket.end())
    server.on('tlsClientError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connectTls({ host: '127.0.0.1', port, servername: 'localhost', ca: root.pem })
    const outcome = await Promise.race([
      once(socket, 'secureConnect').then(() => null),
      once(socket, 'error').then(([error]: { code?: string }[]) => error?.code),
    ]).catch((error: { code?: string }) => error.code)
    expect(outcome).toBe(code)
    socket.destroy()
    server.close()
  })
})
