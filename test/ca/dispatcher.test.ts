import { once } from 'node:events'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import {
  type CaConnection,
  CaDispatcher,
  type OutgoingRequest,
  RESPONSE_BODY_LIMIT,
  type Sent,
} from '../../src/ca/dispatcher.ts'
import { OK, type RawCa, startRawCa } from '../support/raw-ca.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function rawCa(options?: Parameters<typeof startRawCa>[0]): Promise<RawCa> {
  const ca = await startRawCa(options)
  closing.push(() => ca.close())
  return ca
}

function dispatcherFor(...cas: CaConnection[]): CaDispatcher {
  const dispatcher = new CaDispatcher(cas)
  closing.push(() => dispatcher.close())
  return dispatcher
}

function get(target = '/', host = 'relay.test:8443'): OutgoingRequest {
  return { method: 'GET', target, fields: [['Host', host]], body: null }
}

function post(body: string | Buffer, target = '/'): OutgoingRequest {
  return { method: 'POST', target, fields: [['Host', 'relay.test']], body: Buffer.from(body) }
}

function causeOf(sent: Sent): string {
  return sent.kind === 'failed' ? sent.failure.cause : `response ${sent.response.status}`
}

function responseOf(sent: Sent) {
  if (sent.kind !== 'response') throw new Error(`failed: ${sent.failure.cause} ${sent.failure.message}`)
  return sent.response
}

test.each([
  ['self-signed', { names: ['localhost'], issuer: 'self' as const }],
  ['of a root we do not trust', { names: ['localhost'], issuer: makeRoot('Stranger') }],
  ['expired', { names: ['localhost'], notAfter: new Date(Date.now() - 3600_000) }],
  ['not yet valid', { names: ['localhost'], notBefore: new Date(Date.now() + 3600_000) }],
  ['for another name', { names: ['elsewhere.test'] }],
  ['for the name in the Host field', { names: ['relay.test'] }],
])('a certificate that is %s is refused and nothing is sent', async (_what, certificate) => {
  const root = makeRoot()
  const ca = await rawCa({ root, certificate: makeServerCertificate({ issuer: root, ...certificate }) })
  const sent = await dispatcherFor(ca.ca()).send('raw', post('secret'))
  expect(causeOf(sent)).toBe('tls')
  expect(ca.requests).toEqual([])
})

test('a certificate is not accepted because an environment variable says so', async () => {
  const ca = await rawCa({ certificate: makeServerCertificate({ names: ['localhost'], issuer: 'self' }) })
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  try {
    expect(causeOf(await dispatcherFor(ca.ca()).send('raw', get()))).toBe('tls')
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  }
})

test("the CA's own name is asked for and verified, whatever Host says, over one connection", async () => {
  const ca = await rawCa()
  const dispatcher = dispatcherFor(ca.ca())
  for (const host of [
    'relay-one.test:8443',
    'relay-two.test',
    'relay-one.test:8443',
    '[::1]:9',
    'localhost',
  ]) {
    expect(causeOf(await dispatcher.send('raw', get('/dir', host)))).toBe('response 200')
    expect(ca.requests.at(-1)!.head).toMatch(new RegExp(`^host: ${host.replace(/[[\]]/g, '\\$&')}$`, 'im'))
  }
  expect(ca.requests.map(({ servername }) => servername)).toEqual(Array(5).fill('localhost'))
  // undici may take a second one while the first still finishes; a new one for each name would be five.
  expect(ca.connections()).toBeLessThanOrEqual(2)
})

test('two relay hosts at once do not tear each other down', async () => {
  const ca = await rawCa()
  ca.answerWith(({ socket }) => setTimeout(() => socket.write(OK), 5))
  const dispatcher = dispatcherFor(ca.ca())
  const hosts = Array.from({ length: 40 }, (_, i) => (i % 2 ? 'one.test' : 'two.test'))
  const sent = await Promise.all(hosts.map((host) => dispatcher.send('raw', get('/', host))))
  expect(sent.map(causeOf)).toEqual(Array(40).fill('response 200'))
  expect(ca.requests).toHaveLength(40)
})

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '[::1]'],
])('a CA at %s is verified by its address, without SNI', async (host, inUrl) => {
  const good = await rawCa({ host })
  const origin = `https://${inUrl}:${good.port}`
  expect(causeOf(await dispatcherFor(good.ca({ origin })).send('raw', get()))).toBe('response 200')
  expect(good.requests[0]!.servername).toBe(false)

  const root = makeRoot()
  const wrong = await rawCa({
    host,
    root,
    certificate: makeServerCertificate({ names: ['127.0.0.9'], issuer: root }),
  })
  const refused = dispatcherFor(wrong.ca({ origin: `https://${inUrl}:${wrong.port}` }))
  expect(causeOf(await refused.send('raw', get()))).toBe('tls')
  expect(wrong.requests).toEqual([])
})

test.each([
  '/',
  '/a/../b',
  '//x',
  '/%zz',
  '/a%2Fb%00',
  '/x?y&y=%20&=',
  '/./.',
  '/a\\b',
  '/caf\xe9\x80\xff',
  `/${'x'.repeat(4000)}`,
])('the target %j arrives byte for byte', async (target) => {
  const ca = await rawCa()
  await dispatcherFor(ca.ca()).send('raw', get(target))
  expect(ca.requests[0]!.head.split('\r\n')[0]).toBe(`GET ${target} HTTP/1.1`)
})

test('fields arrive as they are given, repeated where repeated, in bytes', async () => {
  const ca = await rawCa()
  const fields = [
    ['Host', 'relay.test'],
    ['X-One', 'a'],
    ['x-one', 'b'],
    ['__proto__', 'c'],
    ['constructor', 'd'],
    ['X-Latin', 'caf\xe9'],
  ] as const
  await dispatcherFor(ca.ca()).send('raw', { method: 'GET', target: '/', fields, body: null })
  const lines = ca.requests[0]!.head.split('\r\n').slice(1)
  expect(lines.filter((line) => !/^connection/i.test(line))).toEqual([
    'host: relay.test',
    'X-One: a',
    'x-one: b',
    '__proto__: c',
    'constructor: d',
    'X-Latin: caf\xe9',
  ])
})

test('every field of the answer comes back, repeated ones apart, in bytes', async () => {
  const ca = await rawCa()
  ca.answerWith(({ socket }) =>
    socket.write(
      Buffer.from(
        'HTTP/1.1 201 Created\r\nLink: <a>;rel="up"\r\nConnection: X-Hop, keep-alive\r\nX-Hop: gone\r\n' +
          'constructor: x\r\nlink: <b>;rel="index"\r\nX-Latin: caf\xe9\r\nContent-Length: 0\r\n\r\n',
        'latin1',
      ),
    ),
  )
  const { fields, status } = responseOf(await dispatcherFor(ca.ca()).send('raw', get()))
  expect(status).toBe(201)
  expect(fields.filter(([name]) => name === 'link').map(([, value]) => value)).toEqual([
    '<a>;rel="up"',
    '<b>;rel="index"',
  ])
  expect(fields).toContainEqual(['constructor', 'x'])
  expect(fields).toContainEqual(['x-latin', 'caf\xe9'])
  expect(fields.map(([name]) => name)).not.toContain('x-hop')
  expect(fields.map(([name]) => name)).not.toContain('date')
})

test('a GET that gets 503 with Retry-After is sent once', async () => {
  const ca = await rawCa()
  ca.answerWith(({ socket }) =>
    socket.write('HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n'),
  )
  expect(causeOf(await dispatcherFor(ca.ca()).send('raw', get()))).toBe('response 503')
  expect(ca.requests).toHaveLength(1)
})

test.each(['GET', 'HEAD', 'POST', 'PUT'])('a %s whose connection is reset is sent once', async (method) => {
  const ca = await rawCa()
  const dispatcher = dispatcherFor(ca.ca())
  await dispatcher.send('raw', get('/warm'))
  ca.answerWith(({ socket }) => socket.destroy())
  const body = method === 'GET' || method === 'HEAD' ? null : Buffer.from('x')
  const sent = await dispatcher.send('raw', { method, target: '/', fields: [['Host', 'h']], body })
  expect(causeOf(sent)).toBe('reset')
  expect(ca.requests.map(({ head }) => head.split(' ')[0])).toEqual(['GET', method])
})

test('an answer of the limit passes and one byte more is too large', async () => {
  const ca = await rawCa()
  const dispatcher = dispatcherFor(ca.ca())
  for (const [size, cause] of [
    [RESPONSE_BODY_LIMIT, 'response 200'],
    [RESPONSE_BODY_LIMIT + 1, 'responseTooLarge'],
  ] as const) {
    ca.answerWith(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      socket.write(Buffer.alloc(size, 'x'))
    })
    expect(causeOf(await dispatcher.send('raw', get()))).toBe(cause)
  }
  ca.answerWith(({ socket }) => socket.write(OK))
  expect(responseOf(await dispatcher.send('raw', get())).body.toString()).toBe('ok')
})

test('no answer, and an answer that drips, end at the total time-out', async () => {
  const ca = await rawCa()
  const dispatcher = dispatcherFor(ca.ca({ timeout: 400 }))
  ca.answerWith(() => undefined)
  expect(causeOf(await dispatcher.send('raw', get()))).toBe('responseTimeout')
  const timers: NodeJS.Timeout[] = []
  ca.answerWith(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n')
    timers.push(setInterval(() => socket.write('x'), 20))
  })
  expect(causeOf(await dispatcher.send('raw', get()))).toBe('responseTimeout')
  for (const timer of timers) clearInterval(timer)
})

test('a request given up before it had a connection does not go out when there is one', async () => {
  const ca = await rawCa()
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const door = createTcpServer((socket) => {
    void released.then(() => {
      const onward = connect(ca.port, '127.0.0.1')
      socket.pipe(onward).pipe(socket)
      for (const side of [socket, onward]) side.on('error', () => undefined)
    })
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  closing.push(async () => door.close())
  const { port } = door.address() as AddressInfo
  const dispatcher = dispatcherFor(ca.ca({ origin: `https://localhost:${port}`, timeout: 300 }))
  expect(causeOf(await dispatcher.send('raw', post('late', '/late')))).toBe('connectTimeout')
  release()
  expect(causeOf(await dispatcher.send('raw', get('/after')))).toBe('response 200')
  expect(ca.requests.map(({ head }) => head.split(' ')[1])).toEqual(['/after'])
})

test('some interim answers are passed over, a storm of them ends the exchange', async () => {
  const ca = await rawCa()
  const dispatcher = dispatcherFor(ca.ca())
  ca.answerWith(({ socket }) => socket.write('HTTP/1.1 103 Early Hints\r\nLink: <e>\r\n\r\n'.repeat(5) + OK))
  const { status, fields } = responseOf(await dispatcher.send('raw', get()))
  expect([status, fields.map(([name]) => name)]).toEqual([200, ['content-length']])
  ca.answerWith(({ socket }) => socket.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000)))
  expect(causeOf(await dispatcher.send('raw', get()))).toBe('responseUnreadable')
})

test.each([
  ['no HTTP at all', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk'],
  ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok'],
  ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ['a control character in a field', 'HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n'],
  ['a status that is none', 'HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n'],
  ['fields without end', `HTTP/1.1 200 OK\r\n${'X-Filler: y\r\n'.repeat(3000)}`],
])('an answer with %s is unreadable, and the next answer is its own', async (_what, answer) => {
  const ca = await rawCa()
  const dispatcher = dispatcherFor(ca.ca())
  ca.answerWith(({ socket }) => socket.write(answer))
  expect(causeOf(await dispatcher.send('raw', get('/evil')))).toBe('responseUnreadable')
  ca.answerWith(({ socket }) => socket.write(OK))
  expect(responseOf(await dispatcher.send('raw', get('/good'))).body.toString()).toBe('ok')
})

test('an answer nobody asked for is not taken for the next one', async () => {
  const ca = await rawCa()
  const dispatcher = dispatcherFor(ca.ca())
  for (let round = 0; round < 10; round++) {
    ca.answerWith(({ socket }) => socket.write(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray`))
    await dispatcher.send('raw', get('/evil'))
    const tag = `tag${round}`
    ca.answerWith(({ socket }) =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${tag.length}\r\n\r\n${tag}`),
    )
    const sent = await dispatcher.send('raw', get('/good'))
    if (sent.kind === 'response') expect(sent.response.body.toString()).toBe(tag)
  }
})

test('an answer cut short is no answer', async () => {
  const ca = await rawCa()
  ca.answerWith(({ socket }) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'))
  const sent = await dispatcherFor(ca.ca()).send('raw', get())
  expect(sent.kind).toBe('failed')
})

const text = Buffer.from('{"status":"valid"}')
test.each([
  ['gzip', gzipSync(text)],
  ['x-gzip', gzipSync(text)],
  ['br', brotliCompressSync(text)],
  ['deflate', deflateSync(text)],
  ['deflate', deflateRawSync(text)],
  ['zstd', zstdCompressSync(text)],
  ['GZIP', gzipSync(text)],
  ['identity', text],
  ['gzip, br', brotliCompressSync(gzipSync(text))],
])('%s is decoded for reading; the bytes stay', async (coding, body) => {
  const ca = await rawCa()
  ca.answerWith(({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body)
  })
  const response = responseOf(await dispatcherFor(ca.ca()).send('raw', get()))
  expect(response.body.equals(body)).toBe(true)
  expect(response.decoded?.toString()).toBe(text.toString())
})

test.each([
  ['a bomb', 'gzip', gzipSync(Buffer.alloc(RESPONSE_BODY_LIMIT + 1))],
  ['a zstd bomb', 'zstd', zstdCompressSync(Buffer.alloc(RESPONSE_BODY_LIMIT + 1))],
  ['not gzip', 'gzip', text],
  ['unknown', 'compress', text],
  ['a long chain', 'gzip, gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(gzipSync(text))))],
])('a body that is %s is not decoded and passes all the same', async (_what, coding, body) => {
  const ca = await rawCa()
  ca.answerWith(({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body)
  })
  const response = responseOf(await dispatcherFor(ca.ca()).send('raw', get()))
  expect(response.decoded).toBeNull()
  expect(response.body.equals(body)).toBe(true)
})

test('what breaks before the request was written says so', async () => {
  const dispatcher = dispatcherFor(
    { name: 'closed', origin: 'https://127.0.0.1:1', trust: null, timeout: 5000 },
    { name: 'nowhere', origin: 'https://no-such-host.invalid', trust: null, timeout: 5000 },
  )
  expect(causeOf(await dispatcher.send('closed', get()))).toBe('connectRefused')
  expect(causeOf(await dispatcher.send('nowhere', get()))).toBe('nameNotResolved')
  expect(causeOf(await dispatcher.send('unheard-of', get()))).toBe('aborted')

  const hangsUp = createTcpServer((socket) => socket.destroy())
  hangsUp.listen(0, '127.0.0.1')
  await once(hangsUp, 'listening')
  closing.push(async () => hangsUp.close())
  const { port } = hangsUp.address() as AddressInfo
  dispatcher.use([{ name: 'hangsUp', origin: `https://localhost:${port}`, trust: null, timeout: 5000 }])
  expect(causeOf(await dispatcher.send('hangsUp', get()))).toBe('connectRefused')
})

test('close waits for answers under way, of CAs that were taken out too, and then refuses', async () => {
  const ca = await rawCa()
  const held: (() => void)[] = []
  ca.answerWith(({ socket }) => held.push(() => socket.write(OK)))
  const dispatcher = new CaDispatcher([ca.ca(), ca.ca({ name: 'leaving' })])
  const first = dispatcher.send('raw', get('/first'))
  const second = dispatcher.send('leaving', get('/second'))
  while (held.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  dispatcher.use([ca.ca()])
  let closed = false
  const closingNow = dispatcher.close().then(() => {
    closed = true
  })
  expect(causeOf(await dispatcher.send('raw', get('/third')))).toBe('aborted')
  expect(closed).toBe(false)
  for (const answer of held) answer()
  expect(causeOf(await first)).toBe('response 200')
  expect(causeOf(await second)).toBe('response 200')
  await closingNow
  expect(ca.requests).toHaveLength(2)
})

test('a POST without a body says Content-Length: 0; methods that have none say nothing', async () => {
  const ca = await rawCa()
  const dispatcher = dispatcherFor(ca.ca())
  for (const method of ['POST', 'OPTIONS', 'TRACE', 'DELETE', 'PROPFIND']) {
    const body = method === 'GET' ? null : Buffer.alloc(0)
    await dispatcher.send('raw', { method, target: '/', fields: [['Host', 'h']], body })
  }
  const lengths = ca.requests.map(({ head }) => [head.split(' ')[0], /content-length: \d+/i.exec(head)?.[0]])
  expect(lengths).toEqual([
    ['POST', 'content-length: 0'],
    ['OPTIONS', undefined],
    ['TRACE', undefined],
    ['DELETE', undefined],
    ['PROPFIND', 'content-length: 0'],
  ])
})
