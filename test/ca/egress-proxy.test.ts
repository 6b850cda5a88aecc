import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createDial, type DialTarget, type WayOut } from '../../src/ca/dial.ts'
import { bypasses, caEgressOf, type EgressProxy, egressProxyOf } from '../../src/ca/egress-proxy.ts'
import { FailureError } from '../../src/ca/failure.ts'
import { OwnAddresses } from '../../src/ca/own-addresses.ts'
import { createResolve } from '../../src/ca/resolve.ts'
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A server that says what it hears in upper case, and who called. */
async function echo() {
  const callers: (string | undefined)[] = []
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    callers.push(socket.remoteAddress)
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase()))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(async () => {
    for (const socket of open) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { port: (server.address() as AddressInfo).port, callers }
}

async function proxyServer(options: Parameters<typeof startConnectProxy>[0]): Promise<ConnectProxy> {
  const proxy = await startConnectProxy(options)
  closing.push(() => proxy.close())
  return proxy
}

function proxyAt(port: number, overrides: Partial<EgressProxy> = {}): EgressProxy {
  return {
    url: `http://127.0.0.1:${port}`,
    username: null,
    password: null,
    trust: null,
    noProxy: [],
    ...overrides,
  }
}

function through(proxy: EgressProxy, overrides: Partial<WayOut> = {}) {
  return createDial({ resolve: createResolve(), own: new OwnAddresses(), proxy, ...overrides })
}

function to(host: string, overrides: Partial<DialTarget> = {}): DialTarget {
  return { host, port: 443, vouched: true, timeout: 5000, ...overrides }
}

async function failure(dialled: Promise<Socket>): Promise<FailureError> {
  const error = await dialled.then(
    (socket) => {
      socket.destroy()
      return new Error('it was connected')
    },
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(FailureError)
  return error as FailureError
}

async function says(socket: Socket, text: string, bytes = text.length): Promise<string> {
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk
  })
  socket.write(text)
  socket.resume()
  while (heard.length < bytes) await once(socket, 'data')
  socket.destroy()
  return heard
}

test('a tunnel is opened for the name, which the proxy resolves', async () => {
  const there = await echo()
  const proxy = await proxyServer({ onward: there.port })
  const socket = await through(proxyAt(proxy.port))(to('ca.example.net', { port: 8443 }))
  expect(await says(socket, 'hello')).toBe('HELLO')
  expect(proxy.asked).toHaveLength(1)
  expect(proxy.asked[0]!.head).toBe('CONNECT ca.example.net:8443 HTTP/1.1\r\nHost: ca.example.net:8443')
})

test('an IPv6 address is bracketed; configured addresses are asked for instead of the name', async () => {
  const there = await echo()
  const proxy = await proxyServer({ onward: there.port })
  const dial = through(proxyAt(proxy.port))
  for (const target of [to('2606:4700::1'), to('ca.example.net', { addresses: ['192.0.2.80'] })]) {
    ;(await dial(target)).destroy()
  }
  expect(proxy.asked.map(({ authority }) => authority)).toEqual(['[2606:4700::1]:443', '192.0.2.80:443'])
})

test('what the other end says at once behind the header is kept', async () => {
  const there = await echo()
  const proxy = await proxyServer({ onward: there.port, greeting: '220 first words\r\n' })
  const socket = await through(proxyAt(proxy.port))(to('ca.example.net'))
  expect(await says(socket, 'x', 18)).toBe('220 first words\r\nX')
})

test('interim answers are passed over', async () => {
  const proxy = await proxyServer({
    answer: () => 'HTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.0 200\r\n\r\nhi',
  })
  const socket = await through(proxyAt(proxy.port))(to('ca.example.net'))
  expect(await says(socket, '', 2)).toBe('hi')
})

test('TLS to the proxy is verified against the roots given for it', async () => {
  const root = makeRoot('Proxy Root')
  const there = await echo()
  const certificate = makeServerCertificate({ names: ['localhost', '127.0.0.1'], issuer: root })
  const proxy = await proxyServer({ onward: there.port, certificate })
  const trusting = (trust: string | null, host = 'localhost') =>
    through(proxyAt(proxy.port, { url: `https://${host}:${proxy.port}`, trust }))
  for (const host of ['localhost', '127.0.0.1']) {
    expect(await says(await trusting(root.pem, host)(to('ca.example.net')), 'hello')).toBe('HELLO')
  }
  expect(proxy.asked).toHaveLength(2)
  for (const trust of [makeRoot('Stranger').pem, null]) {
    const refused = await failure(trusting(trust)(to('ca.example.net')))
    expect(refused.failure).toBe('proxyRefused')
    expect(refused.message).toMatch(/^TLS with the proxy https:\/\/localhost:\d+: [A-Z_]+/)
  }
  const wrongName = makeServerCertificate({ names: ['elsewhere.test'], issuer: root })
  const other = await proxyServer({ onward: there.port, certificate: wrongName })
  const url = `https://localhost:${other.port}`
  expect((await failure(through(proxyAt(other.port, { url, trust: root.pem }))(to('a.test')))).failure).toBe(
    'proxyRefused',
  )
  expect([proxy.asked.length, other.asked.length]).toEqual([2, 0])
})

const PASSWORD = 'correct horse: b\u00e4ttery'

test('credentials go to the proxy, and 407 says which ones are missing or wrong', async () => {
  const there = await echo()
  const wanted = Buffer.from(`acmetap:${PASSWORD}`).toString('base64')
  const proxy = await proxyServer({
    onward: there.port,
    answer: ({ head }) =>
      head.includes(`\r\nProxy-Authorization: Basic ${wanted}`)
        ? undefined
        : 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n',
  })
  const missing = await failure(through(proxyAt(proxy.port))(to('ca.example.net')))
  expect(missing.failure).toBe('proxyRefused')
  expect(missing.message).toBe(
    `the proxy http://127.0.0.1:${proxy.port} answered 407 Proxy Authentication Required (it wants a user name and password: set egress.username and egress.password_file) to CONNECT ca.example.net:443`,
  )
  const wrong = proxyAt(proxy.port, { username: 'acmetap', password: 'guess-canary' })
  const refused = await failure(through(wrong)(to('ca.example.net')))
  expect(refused.message).toContain('407')
  expect(refused.message).toContain('does not accept')
  const right = proxyAt(proxy.port, { username: 'acmetap', password: PASSWORD })
  expect(await says(await through(right)(to('ca.example.net')), 'hello')).toBe('HELLO')
})

test('credentials are in no error, even where the proxy repeats them', async () => {
  const basic = Buffer.from(`acmetap:${PASSWORD}`).toString('base64')
  for (const answer of [
    `HTTP/1.1 403 you sent ${basic}\r\n\r\n`,
    'HTTP/1.1 403 you are s3cret-canary\r\n\r\n',
    `HTTP/1.1 500 ${basic}${'x'.repeat(200)}\r\n\r\n${basic}`,
    `${basic}\r\n\r\n`,
    'HTTP/1.1 403 No\r\n\r\ns3cret-canary',
  ]) {
    const proxy = await proxyServer({ answer: () => answer })
    for (const password of [PASSWORD, 's3cret-canary']) {
      const error = await failure(
        through(proxyAt(proxy.port, { username: 'acmetap', password }))(to('ca.example.net')),
      )
      const told = `${error.message} ${error.stack} ${JSON.stringify(error)}`
      for (const secret of [password, Buffer.from(`acmetap:${password}`).toString('base64')]) {
        expect(told).not.toContain(secret)
      }
    }
  }
})

test.each([
  ['403', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\n<b>no', 'answered 403 Forbidden to CONNECT'],
  ['control characters', 'HTTP/1.1 502 a\x1b[31mb\r\n\r\n', 'answered 502 a?[31mb to CONNECT'],
  ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: http://login\r\n\r\n', 'answered 302 Found to CONNECT'],
  ['no reason', 'HTTP/1.1 503\r\n\r\n', 'answered 503 to CONNECT'],
  ['garbage', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'something that is not HTTP'],
  ['another protocol version', 'HTTP/2 200\r\n\r\n', 'something that is not HTTP'],
  ['a huge header', `HTTP/1.1 200 OK\r\n${'X-Filler: y\r\n'.repeat(3000)}\r\n`, 'a header over 16 KiB'],
  ['a header without end', 'x'.repeat(20_000), 'a header over 16 KiB'],
])('a proxy that answers with %s has refused', async (_what, answer, text) => {
  const proxy = await proxyServer({ answer: () => answer })
  const error = await failure(through(proxyAt(proxy.port))(to('ca.example.net')))
  expect([error.failure, error.message]).toEqual(['proxyRefused', expect.stringContaining(text)])
})

test('a proxy that is silent, drips, hangs up or is not there', async () => {
  const silent = await proxyServer({ answer: () => null })
  const late = await failure(through(proxyAt(silent.port))(to('ca.example.net', { timeout: 150 })))
  expect([late.failure, late.message]).toEqual(['connectTimeout', expect.stringContaining('within 150 ms')])
  expect(late.message).toContain(`answer of the proxy http://127.0.0.1:${silent.port}`)

  const half = await proxyServer({ answer: () => 'HTTP/1.1 200 O' })
  expect((await failure(through(proxyAt(half.port))(to('a.test', { timeout: 150 })))).failure).toBe(
    'connectTimeout',
  )
  const hangsUp = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end('HTTP/1.1 20'))
  })
  hangsUp.listen(0, '127.0.0.1')
  await once(hangsUp, 'listening')
  const { port } = hangsUp.address() as AddressInfo
  const cut = await failure(through(proxyAt(port))(to('ca.example.net')))
  expect([cut.failure, cut.message]).toEqual([
    'proxyRefused',
    expect.stringContaining('closed the connection'),
  ])
  hangsUp.close()
  await once(hangsUp, 'close')
  const gone = await failure(through(proxyAt(port))(to('ca.example.net')))
  expect([gone.failure, gone.message]).toEqual([
    'connectRefused',
    expect.stringContaining(`the proxy http://127.0.0.1:${port}: `),
  ])
  const ending = new AbortController()
  setTimeout(() => ending.abort(), 50)
  const given = await failure(through(proxyAt(silent.port))(to('a.test', { signal: ending.signal })))
  expect(given.failure).toBe('aborted')
})

test('a host that is not vouched for must not be a name or an address of the inside', async () => {
  const proxy = await proxyServer({ answer: () => 'HTTP/1.1 500 reached\r\n\r\n' })
  const dial = through(proxyAt(proxy.port))
  for (const host of [
    '127.0.0.1',
    '10.0.0.1',
    '::1',
    '169.254.169.254',
    '64:ff9b::10.0.0.1',
    'localhost',
    'LOCALHOST',
    'a.localhost',
    'intranet',
    'printer.local',
    'metadata.google.internal',
    'router.home.arpa',
    'localhost.',
    '127.1',
    '0x7f000001',
    '2130706433',
    'a.test\r\nX-Injected: yes',
    'a.test:80',
    'user@a.test',
  ]) {
    const error = await failure(dial(to(host, { vouched: false })))
    expect([host, ['addressRefused', 'nameNotResolved'].includes(error.failure)]).toEqual([host, true])
  }
  expect(proxy.connections()).toBe(0)
  expect((await failure(dial(to('api.example.net', { vouched: false })))).failure).toBe('proxyRefused')
  expect((await failure(dial(to('8.8.8.8', { vouched: false })))).failure).toBe('proxyRefused')
  expect((await failure(dial(to('intranet')))).failure).toBe('proxyRefused')
  expect(proxy.asked.map(({ authority }) => authority)).toEqual([
    'api.example.net:443',
    '8.8.8.8:443',
    'intranet:443',
  ])
})

test('a proxy that is acmetap itself is not called', async () => {
  const proxy = await proxyServer({ answer: () => 'HTTP/1.1 500 reached\r\n\r\n' })
  const own = new OwnAddresses()
  own.use([{ address: '127.0.0.1', port: proxy.port }])
  const error = await failure(through(proxyAt(proxy.port), { own })(to('ca.example.net')))
  expect([error.failure, error.message]).toEqual([
    'addressRefused',
    `the proxy http://127.0.0.1:${proxy.port}: 127.0.0.1 is acmetap's own listener on port ${proxy.port}`,
  ])
  expect(proxy.connections()).toBe(0)
})

test('the proxy is called from the address to send from', async () => {
  const there = await echo()
  const proxy = await proxyServer({ onward: there.port })
  ;(await through(proxyAt(proxy.port))(to('ca.example.net', { from: '127.0.0.2' }))).destroy()
  expect(proxy.asked[0]!.from).toBe('127.0.0.2')
})

test('hosts of no_proxy are reached without it', async () => {
  const there = await echo()
  const proxy = await proxyServer({ answer: () => 'HTTP/1.1 500 reached\r\n\r\n' })
  const dial = through(proxyAt(proxy.port, { noProxy: ['localhost', '127.0.0.0/8'] }))
  for (const target of [
    to('localhost', { port: there.port }),
    to('127.0.0.1', { port: there.port }),
    to('ca.example.net', { port: there.port, addresses: ['127.0.0.1'] }),
  ]) {
    ;(await dial(target)).destroy()
  }
  expect(proxy.connections()).toBe(0)
})

test.each([
  [['ca.test'], 'ca.test', true],
  [['ca.test'], 'a.ca.test', false],
  [['ca.test'], 'xca.test', false],
  [['*.ca.test'], 'a.ca.test', true],
  [['*.ca.test'], 'a.b.ca.test', true],
  [['*.ca.test'], 'ca.test', false],
  [['*.ca.test'], 'xca.test', false],
  [['10.0.0.0/8'], '10.1.2.3', true],
  [['10.0.0.0/8'], '11.1.2.3', false],
  [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
  [['10.0.0.0/8'], '10.example.net', false],
  [['10.0.0.0/8'], 'fd00::1', false],
  [['fd00::/8'], 'fd00::1', true],
  [['fd00::/8'], '10.0.0.1', false],
  [['192.0.2.1'], '192.0.2.1', true],
  [['192.0.2.1'], '192.0.2.2', false],
  [['2001:db8::1'], '2001:db8:0::1', true],
  [['0.0.0.0/0'], '8.8.8.8', true],
  [['0.0.0.0/0'], 'ca.test', false],
  [['a.test', '*.b.test', '10.0.0.0/8'], 'x.b.test', true],
  [[], 'ca.test', false],
] as const)('no_proxy %j and %s: %s', (noProxy, host, expected) => {
  expect(bypasses(noProxy, host)).toBe(expected)
})

test('settings become a proxy: the password from a file is its first line, the trust is read', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'egress-'))
  closing.push(() => rm(folder, { recursive: true }))
  const [password, trust] = [path.join(folder, 'password'), path.join(folder, 'trust.pem')]
  await writeFile(password, 'first line\r\nsecond\n')
  await writeFile(trust, 'PEM')
  const settings = {
    proxy: 'https://proxy.test:3128',
    username: 'acmetap',
    password_file: password,
    no_proxy: ['a.test'],
    trust,
  }
  const proxy = {
    url: 'https://proxy.test:3128',
    username: 'acmetap',
    password: 'first line',
    trust: 'PEM',
    noProxy: ['a.test'],
  }
  expect(egressProxyOf(settings)).toEqual(proxy)
  expect(egressProxyOf({ no_proxy: [] })).toBeNull()
  expect(caEgressOf(undefined)).toBe('inherit')
  expect(caEgressOf({ direct: false, no_proxy: [] })).toBe('inherit')
  expect(caEgressOf({ direct: true, no_proxy: [] })).toBe('direct')
  expect(caEgressOf({ direct: false, ...settings })).toEqual(proxy)
})
