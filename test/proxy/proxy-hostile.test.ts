import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { HttpResponse, ListenerLimits } from '../../src/proxy/listener-options.ts'
import { until, wholeBody } from './running-listener.ts'
import {
  CONNECT,
  headerOf,
  intercepted,
  type ProxySetting,
  type ProxyWorld,
  rawTcp,
  secured,
  startProxy,
} from './running-proxy.ts'
import { tls, untilClosed } from './tls-client.ts'

/** What is not under test is left long, so that the deadline that struck is the one meant. */
const LONG = 60_000
const limits = (short: Partial<ListenerLimits>): ProxySetting['options'] => ({
  limits: {
    handshakeTimeout: LONG,
    headersTimeout: LONG,
    requestTimeout: LONG,
    idleTimeout: LONG,
    answerTimeout: LONG,
    checkInterval: 30,
    ...short,
  },
})

let world: ProxyWorld
const start = async (short: Partial<ListenerLimits> = {}, setting: ProxySetting = {}) => {
  world = await startProxy({ options: { ...limits(short), ...setting.options }, ...setting })
  return world
}
afterEach(() => world.stop())

const timedOut = (detail: unknown) => [{ kind: 'timeout', clientAddress: '127.0.0.1', detail }]
const trickle = (socket: { write(text: string): unknown; once(event: 'close', f: () => void): unknown }) => {
  const timer = setInterval(() => socket.write('a'), 20)
  socket.once('close', () => clearInterval(timer))
}

describe('deadlines of the proxy itself', () => {
  it('a client that sends nothing at all', async () => {
    await start({ headersTimeout: 150 })
    await untilClosed(await rawTcp(world.port))
    expect(world.events).toEqual(timedOut('first byte'))
  })

  it('a CONNECT that trickles', async () => {
    await start({ headersTimeout: 150 })
    const socket = await rawTcp(world.port)
    socket.write('CONNECT ca.test:443 HTTP/1.1\r\nHost: ca.test:443\r\nX: ')
    trickle(socket)
    expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 408 /)
    expect(world.events).toEqual(timedOut('ERR_HTTP_REQUEST_TIMEOUT'))
  })

  it('a handshake for an https:// proxy URL that trickles', async () => {
    await start({ handshakeTimeout: 150 })
    const socket = await rawTcp(world.port)
    socket.write(Buffer.from('1603010200010001fc0303', 'hex'))
    trickle(socket)
    await untilClosed(socket)
    expect(world.events).toEqual(timedOut('TLS handshake'))
  })

  it('nothing after that handshake', async () => {
    await start({ headersTimeout: 150 })
    await untilClosed(await tls({ port: world.port, root: world.listenerRoot }))
    expect(world.events).toEqual(timedOut('ERR_HTTP_REQUEST_TIMEOUT'))
  })

  it.each(['not a target', 'not-listed.test:443'])(
    'a refusal that is not taken leaves: %s',
    async (target) => {
      await start()
      const socket = connectTcp({ port: world.port, host: '127.0.0.1', allowHalfOpen: true })
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write(CONNECT(target))
      await once(socket, 'readable')
      await until(() => world.listener.openConnections === 0)
      socket.destroy()
    },
  )
})

const outers = ['http://', 'https://'] as const
describe.each(outers)('deadlines inside, through an %s proxy', (outer) => {
  const connected = async () => {
    const target = { port: world.port, root: world.listenerRoot }
    const socket = outer === 'http://' ? await rawTcp(world.port) : await tls(target)
    socket.write(CONNECT('ca.test:443'))
    await headerOf(socket)
    return socket
  }
  const inside = async () => secured(await connected(), { ca: world.root, servername: 'ca.test' })

  it('no handshake', async () => {
    await start({ handshakeTimeout: 150 })
    await untilClosed(await connected())
    expect(world.events).toEqual(timedOut('TLS handshake'))
  })

  it('a handshake that trickles', async () => {
    await start({ handshakeTimeout: 150 })
    const socket = await connected()
    socket.write(Buffer.from('1603010200010001fc0303', 'hex'))
    trickle(socket)
    await untilClosed(socket)
    expect(world.events).toEqual(timedOut('TLS handshake'))
  })

  it('nothing after the handshake', async () => {
    await start({ headersTimeout: 150 })
    await untilClosed(await inside())
    expect(world.events).toEqual(timedOut('ERR_HTTP_REQUEST_TIMEOUT'))
  })

  it('a header that trickles', async () => {
    await start({ headersTimeout: 150 })
    const inner = await inside()
    inner.write('GET / HTTP/1.1\r\nHost: a\r\nX: ')
    trickle(inner)
    expect(await untilClosed(inner)).toMatch(/^HTTP\/1\.1 408 /)
    expect(world.events).toEqual(timedOut('ERR_HTTP_REQUEST_TIMEOUT'))
  })

  it('a body that trickles', async () => {
    await start({ requestTimeout: 150, headersTimeout: 100 })
    const inner = await inside()
    inner.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n')
    trickle(inner)
    expect(await untilClosed(inner)).toMatch(/^HTTP\/1\.1 408 /)
    expect(world.events).toEqual(timedOut('ERR_HTTP_REQUEST_TIMEOUT'))
  })

  it('a kept connection without a request ends quietly', async () => {
    await start({ idleTimeout: 100 })
    const inner = await inside()
    inner.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await untilClosed(inner)).toMatch(/GET \/ 0 1\.1$/)
    expect(world.events).toEqual([])
  })

  it('an answer that is not taken', async () => {
    await start(
      { answerTimeout: 150 },
      {
        handler: (request, response) => {
          request.resume()
          response.end(Buffer.alloc(32 * 1024 * 1024))
        },
      },
    )
    const inner = await inside()
    inner.pause()
    inner.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => world.events.length === 1)
    expect(world.events).toEqual(timedOut('answer not taken'))
    await until(() => world.listener.openConnections === 0)
  })
})

describe('what two readers could take differently is refused inside too (RFC 9112 §6.3, §11.2)', () => {
  it.each([
    [
      'length and coding',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc', 400],
    ['a list of lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc', 400],
    ['a signed length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc', 400],
    [
      'another coding',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a coding twice',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['bare LF', 'GET / HTTP/1.1\nHost: a\n\n', 400],
    ['bare LF in a field', 'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n', 400],
    ['a folded field', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n', 400],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
    [
      'a bad chunk size',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n',
      400,
    ],
    [
      'a chunk without CRLF',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd0\r\n\r\n',
      400,
    ],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['NUL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n', 400],
    ['101 fields', `GET / HTTP/1.1\r\nHost: a\r\n${'X: a\r\n'.repeat(101)}\r\n`, 431],
    ['a header of 20 kB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['a target of 5 kB', `GET /${'a'.repeat(5_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  ])('%s', async (_title, bytes, status) => {
    const bodies: (Buffer | null)[] = []
    await start({}, { handler: (request) => void wholeBody(request).then((body) => bodies.push(body)) })
    const inner = await intercepted(world)
    inner.write(bytes)
    expect(await untilClosed(inner)).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*Connection: close`, 'i'),
    )
    await until(() => world.events.length > 0)
    expect(world.events[0]?.kind).toBe('parserError')
    // Where the header was in order, the request has begun; it never became complete.
    expect(bodies.filter((body) => body !== null)).toEqual([])
  })

  it('a CONNECT inside a taken-over connection leads nowhere', async () => {
    await start()
    const inner = await intercepted(world)
    inner.write(CONNECT('other.test:443'))
    expect(await untilClosed(inner)).toBe('')
    expect(world.dials).toEqual([])
  })
})

describe('drain', () => {
  it('lets requests inside finish, ends idle ones, and takes nothing new', async () => {
    const waiting: HttpResponse[] = []
    await start(
      {},
      {
        handler: (request, response) => {
          request.resume()
          if (request.url === '/now') response.end('now')
          else waiting.push(response)
        },
      },
    )
    const busy = await intercepted(world)
    busy.write('GET /slow HTTP/1.1\r\nHost: ca.test\r\n\r\n')
    const idle = await intercepted(world)
    idle.write('GET /now HTTP/1.1\r\nHost: ca.test\r\n\r\n')
    await once(idle, 'data')
    const outer = await rawTcp(world.port)
    outer.write('GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => waiting.length === 1)
    const closing = world.listener.close(LONG)
    await untilClosed(idle)
    await untilClosed(outer)
    await expect(rawTcp(world.port)).rejects.toThrow(/ECONNREFUSED/)
    const all = untilClosed(busy)
    waiting[0]?.end('done')
    expect(await all).toMatch(/\r\nConnection: close\r\n[\s\S]*done$/)
    await closing
    expect(world.listener.openConnections).toBe(0)
    expect(world.events).toEqual([])
  })

  it('cuts what is left when the time is over', async () => {
    await start({}, { handler: (request) => void request.resume() })
    const inner = await intercepted(world)
    inner.write('GET / HTTP/1.1\r\nHost: ca.test\r\n\r\n')
    const half = await rawTcp(world.port)
    half.write(CONNECT('ca.test:443'))
    await headerOf(half)
    const gone = Promise.all([untilClosed(inner), untilClosed(half)])
    await world.listener.close(50)
    await gone
    await until(() => world.listener.openConnections === 0)
  })
})

it('closes the quietest of too many connections, first those that never asked', async () => {
  await start({ quietConnections: 3, silentGrace: 0, keptGrace: 0 })
  const ask = async (socket: TLSSocket, target: string) => {
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ca.test\r\n\r\n`)
    expect(String(await once(socket, 'data'))).toContain(`GET ${target}`)
  }
  const kept = await intercepted(world)
  await ask(kept, '/1')
  const silent: TLSSocket[] = []
  for (let i = 0; i < 4; i += 1) silent.push(await intercepted(world))
  silent[3]?.write('POST / HTTP/1.1\r\nHost: ca.test\r\nContent-Length: 9\r\n\r\nabc')
  await until(() => world.events.length === 2)
  expect(world.events).toEqual(
    Array.from({ length: 2 }, () => ({
      kind: 'tooManyConnections',
      clientAddress: '127.0.0.1',
      detail: 'sent no request, and there are too many like it',
    })),
  )
  await Promise.all(silent.slice(0, 2).map(untilClosed))
  await until(() => world.listener.openConnections === 3)
  await ask(kept, '/2')
})

it('leaves the quietest their grace: a request may be on the way', async () => {
  await start({ quietConnections: 1, silentGrace: 60_000, keptGrace: 60_000 })
  const [first, second] = [await intercepted(world), await intercepted(world)]
  for (const socket of [first, second, first]) {
    socket.write('GET /1 HTTP/1.1\r\nHost: ca.test\r\n\r\n')
    expect(String(await once(socket, 'data'))).toContain('GET /1')
  }
  expect(world.events).toEqual([])
})

it('closes kept connections where only those are too many', async () => {
  await start({ quietConnections: 1, silentGrace: 60_000, keptGrace: 0 })
  const [first, second] = [await intercepted(world), await intercepted(world)]
  for (const socket of [first, second]) {
    socket.write('GET /1 HTTP/1.1\r\nHost: ca.test\r\n\r\n')
    await once(socket, 'data')
  }
  await untilClosed(first)
  expect(world.events).toEqual([])
})

it('cuts off a client that asks ahead without taking the answers', async () => {
  let handled = 0
  const handler = (_request: unknown, response: HttpResponse) => {
    handled += 1
    response.end('x'.repeat(1000))
  }
  await start({ pipelined: 4 }, { handler })
  const inner = await intercepted(world)
  inner.pause()
  inner.write('GET / HTTP/1.1\r\nHost: ca.test\r\n\r\n'.repeat(1000))
  await until(() => world.events.length > 0)
  expect(world.events).toEqual([
    { kind: 'protocolError', clientAddress: '127.0.0.1', detail: 'more than 4 requests at once' },
  ])
  await until(() => world.listener.openConnections === 0)
  expect(handled).toBeLessThan(10)
})

it('resets at any point are survived', async () => {
  await start()
  const full = Buffer.concat([
    Buffer.from(CONNECT('ca.test:443')),
    Buffer.from('160301020001000001fc0303', 'hex'),
  ])
  for (let size = 1; size <= full.length; size += 3) {
    const socket = await rawTcp(world.port)
    socket.write(full.subarray(0, size))
    await new Promise((resolve) => setImmediate(resolve))
    socket.resetAndDestroy()
  }
  for (let i = 0; i < 20; i += 1) {
    const inner: TLSSocket = await intercepted(world)
    inner.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc')
    await new Promise((resolve) => setImmediate(resolve))
    inner.destroy()
  }
  await until(() => world.listener.openConnections === 0)
  const inner = await intercepted(world)
  inner.write('GET / HTTP/1.1\r\nHost: ca.test\r\nConnection: close\r\n\r\n')
  expect(await untilClosed(inner)).toMatch(/GET \/ 0 1\.1$/)
})

it('what is no TLS record after the handshake ends the connection', async () => {
  await start()
  const socket = await rawTcp(world.port)
  socket.write(CONNECT('ca.test:443'))
  await headerOf(socket)
  const inner = await secured(socket, { ca: world.root, servername: 'ca.test' })
  inner.write('GET / HTTP/1.1\r\nHost: ca.test\r\n\r\n')
  await once(inner, 'data')
  socket.write(Buffer.concat([Buffer.from('1703030100', 'hex'), Buffer.alloc(256, 1)]))
  await untilClosed(inner)
  await until(() => world.listener.openConnections === 0)
})
