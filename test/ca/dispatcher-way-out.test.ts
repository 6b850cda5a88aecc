import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { WayOut } from '../../src/ca/dial.ts'
import { type CaConnection, CaDispatcher, type OutgoingRequest, type Sent } from '../../src/ca/dispatcher.ts'
import type { EgressProxy } from '../../src/ca/egress-proxy.ts'
import { OwnAddresses } from '../../src/ca/own-addresses.ts'
import { createResolve } from '../../src/ca/resolve.ts'
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.ts'
import { startDnsServer } from '../support/dns-server.ts'
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

function wayOut(overrides: Partial<WayOut> = {}): WayOut {
  return { resolve: createResolve(), own: new OwnAddresses(), proxy: null, ...overrides }
}

function dispatcherFor(cas: CaConnection[], way: WayOut): CaDispatcher {
  const dispatcher = new CaDispatcher(cas, way)
  closing.push(() => dispatcher.close())
  return dispatcher
}

function get(from: string | null = null): OutgoingRequest {
  return { method: 'GET', target: '/dir', fields: [['Host', 'ca.test']], body: null, from }
}

function causeOf(sent: Sent): string {
  return sent.kind === 'failed' ? sent.failure.cause : `response ${sent.response.status}`
}

function messageOf(sent: Sent): string {
  return sent.kind === 'failed' ? sent.failure.message : ''
}

test('through the proxy the CA is still verified by its own name and root', async () => {
  const root = makeRoot()
  const certificate = makeServerCertificate({ names: ['ca.test'], issuer: root })
  const ca = await rawCa({ root, certificate })
  const proxy = await proxyServer({ onward: ca.port })
  const way = wayOut({ proxy: proxyAt(proxy.port) })
  const good = dispatcherFor([ca.ca({ origin: 'https://ca.test' })], way)
  expect(causeOf(await good.send('raw', get()))).toBe('response 200')
  expect(ca.requests[0]!.servername).toBe('ca.test')
  expect(proxy.asked[0]!.authority).toBe('ca.test:443')
  for (const wrong of [
    { origin: 'https://other.test' },
    { origin: 'https://ca.test', trust: makeRoot().pem },
  ]) {
    expect(causeOf(await dispatcherFor([ca.ca(wrong)], way).send('raw', get()))).toBe('tls')
  }
  expect(ca.requests).toHaveLength(1)
})

test('TLS within TLS: through an https:// proxy', async () => {
  const ca = await rawCa()
  const root = makeRoot('Proxy Root')
  const certificate = makeServerCertificate({ names: ['localhost'], issuer: root })
  const proxy = await proxyServer({ onward: ca.port, certificate })
  const way = wayOut({ proxy: proxyAt(0, { url: `https://localhost:${proxy.port}`, trust: root.pem }) })
  const dispatcher = dispatcherFor([ca.ca()], way)
  for (let i = 0; i < 3; i++) expect(causeOf(await dispatcher.send('raw', get()))).toBe('response 200')
  const body = Buffer.alloc(40_000, 'x')
  expect(causeOf(await dispatcher.send('raw', { ...get(), method: 'POST', body }))).toBe('response 200')
  expect(ca.requests.at(-1)!.body.equals(body)).toBe(true)
  expect(proxy.connections()).toBeLessThanOrEqual(2)
})

test('each CA may be reached otherwise than the rest', async () => {
  const ca = await rawCa()
  const common = await proxyServer({ onward: ca.port })
  const special = await proxyServer({ onward: ca.port })
  const way = wayOut({ proxy: proxyAt(common.port) })
  const cas = [
    ca.ca({ name: 'inherits' }),
    ca.ca({ name: 'says-so', egress: 'inherit' }),
    ca.ca({ name: 'direct', egress: 'direct' }),
    ca.ca({ name: 'special', egress: proxyAt(special.port) }),
  ]
  const dispatcher = dispatcherFor(cas, way)
  for (const { name } of cas) expect(causeOf(await dispatcher.send(name, get()))).toBe('response 200')
  expect([common.connections(), special.connections(), ca.connections()]).toEqual([2, 1, 4])
})

test('a proxy that says no is told apart from the CA, and so is one that is not there', async () => {
  const ca = await rawCa()
  const proxy = await proxyServer({ answer: () => 'HTTP/1.1 403 Forbidden\r\n\r\n' })
  const refused = await dispatcherFor([ca.ca()], wayOut({ proxy: proxyAt(proxy.port) })).send('raw', get())
  expect([causeOf(refused), messageOf(refused)]).toEqual([
    'proxyRefused',
    expect.stringContaining('403 Forbidden'),
  ])
  const gone = await dispatcherFor([ca.ca()], wayOut({ proxy: proxyAt(1) })).send('raw', get())
  expect([causeOf(gone), messageOf(gone)]).toEqual(['connectRefused', expect.stringContaining('127.0.0.1:1')])
  expect(ca.requests).toEqual([])
})

test('each address to send from has connections of its own, and keeps them', async () => {
  const ca = await rawCa()
  const callers: (string | undefined)[] = []
  ca.answerWith(({ socket }) => {
    callers.push(socket.remoteAddress)
    socket.write(OK)
  })
  const dispatcher = dispatcherFor([ca.ca({ origin: `https://127.0.0.1:${ca.port}` })], wayOut())
  const froms = ['127.0.0.2', '127.0.0.3', '127.0.0.2', '127.0.0.3', null, '127.0.0.2']
  for (const from of froms) expect(causeOf(await dispatcher.send('raw', get(from)))).toBe('response 200')
  expect(callers).toEqual(['127.0.0.2', '127.0.0.3', '127.0.0.2', '127.0.0.3', '127.0.0.1', '127.0.0.2'])
  expect(ca.connections()).toBeLessThanOrEqual(6)
  expect(new Set(ca.requests.map(({ connection }) => connection)).size).toBeLessThan(6)
})

test("where DNS leads a CA's name to acmetap, nothing is called and both remedies are named; each of them works", async () => {
  const [inside, outside] = await Promise.all([
    startDnsServer(() => ({ addresses: ['127.0.0.4'] })),
    startDnsServer(() => ({ addresses: ['127.0.0.5'] })),
  ])
  closing.push(inside.close, outside.close)
  const root = makeRoot()
  const certificate = makeServerCertificate({ names: ['ca.test'], issuer: root })
  const real = await rawCa({ root, certificate, host: '127.0.0.5' })
  const callers: (string | undefined)[] = []
  const listener = createServer((socket) => callers.push(socket.remoteAddress))
  listener.listen(real.port, '127.0.0.4')
  await once(listener, 'listening')
  closing.push(async () => listener.close())
  const own = new OwnAddresses()
  own.use([{ address: '127.0.0.4', port: real.port }])
  const named = (overrides: Partial<CaConnection> = {}) =>
    real.ca({ name: 'letsencrypt', origin: `https://ca.test:${real.port}`, ...overrides })
  const misled = wayOut({ own, resolve: createResolve([inside.address]) })

  const refused = await dispatcherFor([named()], misled).send('letsencrypt', get())
  expect([causeOf(refused), messageOf(refused)]).toEqual([
    'addressRefused',
    `ca.test leads to 127.0.0.4, which is acmetap's own listener on port ${real.port}; set cas.letsencrypt.addresses to the CA's own addresses, or egress.resolvers to DNS servers that know them`,
  ])
  const withAddresses = dispatcherFor([named({ addresses: ['127.0.0.5'] })], misled)
  expect(causeOf(await withAddresses.send('letsencrypt', get()))).toBe('response 200')
  const withResolvers = dispatcherFor([named()], wayOut({ own, resolve: createResolve([outside.address]) }))
  expect(causeOf(await withResolvers.send('letsencrypt', get()))).toBe('response 200')
  expect(callers).toEqual([])
})

test('a CA of an internal address is reached: the configuration vouches for it', async () => {
  const ca = await rawCa()
  for (const origin of [`https://127.0.0.1:${ca.port}`, `https://localhost:${ca.port}`]) {
    expect(causeOf(await dispatcherFor([ca.ca({ origin })], wayOut()).send('raw', get()))).toBe(
      'response 200',
    )
  }
})

test('sessions are resumed', async () => {
  const ca = await rawCa()
  const resumed: boolean[] = []
  ca.answerWith(({ socket }) => {
    resumed.push(socket.isSessionReused())
    // Later, so that the ticket is there before the connection ends.
    setTimeout(() => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'), 20)
  })
  const dispatcher = dispatcherFor([ca.ca()], wayOut())
  for (let i = 0; i < 3; i++) expect(causeOf(await dispatcher.send('raw', get()))).toBe('response 200')
  expect(resumed).toEqual([false, true, true])
})

test('a new way out is used at once; answers under way come in by the old one', async () => {
  const ca = await rawCa()
  const proxy = await proxyServer({ onward: ca.port })
  const held: (() => void)[] = []
  ca.answerWith(({ socket }) => held.push(() => socket.write(OK)))
  const cas = [ca.ca(), ca.ca({ name: 'direct', egress: 'direct' })]
  const way = wayOut()
  const dispatcher = dispatcherFor(cas, way)
  const before = dispatcher.send('raw', get())
  while (held.length < 1) await new Promise((resolve) => setTimeout(resolve, 5))
  ca.answerWith(({ socket }) => socket.write(OK))
  expect(causeOf(await dispatcher.send('direct', get()))).toBe('response 200')
  const connections = ca.connections()
  dispatcher.use(cas, { ...way, proxy: proxyAt(proxy.port) })
  expect(causeOf(await dispatcher.send('raw', get()))).toBe('response 200')
  expect([proxy.connections(), ca.connections()]).toEqual([1, connections + 1])
  held[0]!()
  expect(causeOf(await before)).toBe('response 200')
  // What stays as it was keeps its connections.
  expect(causeOf(await dispatcher.send('direct', get()))).toBe('response 200')
  expect(ca.connections()).toBe(connections + 1)
})
