import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { FailureError } from '../../src/ca/failure.ts'
import { startProcess } from '../support/child-process.ts'
import { until } from './running-listener.ts'
import {
  CONNECT,
  headerOf,
  type Origin,
  type ProxySetting,
  type ProxyWorld,
  rawTcp,
  startOrigin,
  startProxy,
} from './running-proxy.ts'
import { tls, untilClosed } from './tls-client.ts'

let world: ProxyWorld
let origin: Origin
/** One allowed host, `a.test`, on 443 and 80, that leads to `onConnection`. */
const start = async (onConnection: (socket: Socket) => void, setting: ProxySetting = {}) => {
  origin = await startOrigin(onConnection)
  const { port } = origin
  world = await startProxy({
    ...setting,
    others: { 'a.test:443': port, 'a.test:80': port, 'vouched.test:443': port, ...setting.others },
  })
}
afterEach(async () => {
  await world.stop()
  await origin.close()
})

const tunnel = async (fields = '') => {
  const socket = await rawTcp(world.port)
  socket.write(CONNECT('a.test:443', fields))
  const header = await headerOf(socket)
  return { socket, header }
}
const ended = async () => {
  await until(() => world.completed.length > 0)
  return world.completed.map(({ outcome }) => (outcome.kind === 'response' ? outcome.tunnel : outcome.kind))
}
const exchange = async (bytes: string) => {
  const socket = await rawTcp(world.port)
  socket.write(bytes)
  return untilClosed(socket)
}

describe('a tunnel', () => {
  it('carries bytes both ways, and is recorded before and after', async () => {
    await start((socket) => socket.pipe(socket))
    const { socket, header } = await tunnel()
    const id = /^HTTP\/1\.1 200 Connection established\r\nAcmetap-Exchange: (\S+)\r\n$/.exec(header)?.[1]
    expect(world.intents()).toHaveLength(1)
    expect(world.outcomes()).toHaveLength(0)
    const bytes = Buffer.alloc(3_000_000, 'abc')
    socket.end(bytes)
    const back = Buffer.from(await untilClosed(socket), 'latin1')
    expect(back.equals(bytes)).toBe(true)
    expect(await ended()).toEqual([
      { up: 3_000_000, down: 3_000_000, duration: expect.any(Number), end: 'clientClosed' },
    ])
    expect(world.completed[0]).toMatchObject({
      id,
      mode: 'intercept',
      operation: 'tunnel',
      destination: null,
      otherHost: { host: 'a.test', port: 443, form: 'connect' },
      request: { method: 'CONNECT', target: 'a.test:443', authority: 'a.test:443', httpVersion: '1.1' },
      connection: { listener: 'proxy', intercepted: null },
    })
    expect(world.dials).toMatchObject([{ host: 'a.test', port: 443, vouched: false, timeout: 10_000 }])
    expect(world.outcomes()).toHaveLength(1)
    expect(world.events).toEqual([])
  })

  it('is recorded under the host that was reached, whatever Host says (RFC 9112 §3.2.3)', async () => {
    await start((socket) => socket.end())
    await exchange('CONNECT a.test:443 HTTP/1.1\r\nHost: harmless.test\r\n\r\n')
    await exchange('CONNECT evil.test:443 HTTP/1.1\r\nHost: harmless.test\r\n\r\n')
    await exchange('CONNECT [2001:db8::1]:443 HTTP/1.0\r\n\r\n')
    expect(world.intents().map(({ request }) => request.authority)).toEqual([
      'a.test:443',
      'evil.test:443',
      '[2001:db8::1]:443',
    ])
  })

  it('carries what came behind the CONNECT', async () => {
    await start((socket) => socket.pipe(socket))
    const socket = await rawTcp(world.port)
    socket.write(`${CONNECT('a.test:443')}first `)
    await headerOf(socket)
    socket.end('second')
    expect(await untilClosed(socket)).toBe('first second')
    expect(await ended()).toMatchObject([{ up: 12, down: 12 }])
  })

  it('goes through an https:// proxy URL', async () => {
    await start((socket) => socket.pipe(socket))
    const outer = await tls({ port: world.port, root: world.listenerRoot })
    outer.write(CONNECT('a.test:443'))
    await headerOf(outer)
    outer.end('inside')
    expect(await untilClosed(outer)).toBe('inside')
    expect(await ended()).toMatchObject([{ up: 6, down: 6, end: 'clientClosed' }])
    expect(world.completed[0]?.connection).toMatchObject({ tlsVersion: 'TLSv1.3' })
  })

  it('vouches for hosts that are named', async () => {
    await start((socket) => socket.end())
    await exchange(CONNECT('vouched.test:443'))
    expect(world.dials).toMatchObject([{ host: 'vouched.test', vouched: true }])
  })

  it.each([
    ['the server ends', (socket: Socket) => socket.end('bye'), 'serverClosed'],
    ['the server resets', (socket: Socket) => setTimeout(() => socket.resetAndDestroy(), 50), 'serverReset'],
  ] as const)('%s', async (_title, act, end) => {
    await start(act as (socket: Socket) => void)
    const { socket } = await tunnel()
    socket.resume()
    socket.on('end', () => socket.end())
    expect(await ended()).toMatchObject([{ end }])
  })

  it('the client resets', async () => {
    await start((socket) => socket.resume())
    const { socket } = await tunnel()
    socket.resetAndDestroy()
    expect(await ended()).toMatchObject([{ end: 'clientReset' }])
  })

  it('is closed when it is idle', async () => {
    await start((socket) => socket.resume(), { options: { tunnelIdle: 100 } })
    const { socket } = await tunnel()
    await untilClosed(socket)
    expect(await ended()).toMatchObject([{ up: 0, down: 0, end: 'idle' }])
  })

  it('outlives the deadlines of requests', async () => {
    const limits = {
      checkInterval: 20,
      headersTimeout: 100,
      requestTimeout: 100,
      idleTimeout: 100,
      handshakeTimeout: 100,
    }
    await start((socket) => socket.pipe(socket), { options: { limits } })
    const { socket } = await tunnel()
    for (let i = 0; i < 5; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      socket.write('x')
      await once(socket, 'data')
    }
    socket.destroy()
    expect(await ended()).toMatchObject([{ up: 5, down: 5 }])
    expect(world.events).toEqual([])
  })

  it('ends as shutdown when the drain is over, and not before', async () => {
    await start((socket) => socket.pipe(socket))
    const { socket } = await tunnel()
    const closing = world.listener.close(300)
    socket.write('still')
    expect(String(await once(socket, 'data'))).toBe('still')
    const closed = untilClosed(socket)
    await closing
    await closed
    expect(await ended()).toMatchObject([{ up: 5, down: 5, end: 'shutdown' }])
  })

  it('a dial under way is given up at the end of the drain', async () => {
    await start((socket) => socket.resume(), { others: { 'slow.test:443': null } })
    const answer = exchange(CONNECT('slow.test:443'))
    await until(() => world.dials.length === 1)
    await world.listener.close(50)
    await answer
    await until(() => world.completed.length === 1)
    expect(world.completed[0]?.outcome).toMatchObject({ kind: 'failed', failure: { cause: 'aborted' } })
  })

  it('more than may be open get 503 and an event, and room comes back', async () => {
    await start((socket) => socket.pipe(socket), { options: { tunnels: 2 } })
    const open = [await tunnel(), await tunnel()]
    const refused = await exchange(CONNECT('a.test:443'))
    expect(refused).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 10\r\n/i)
    expect(await exchange('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n')).toMatch(/^HTTP\/1\.1 503 /)
    expect(world.events.map(({ kind }) => kind)).toEqual(['tooManyTunnels', 'tooManyTunnels'])
    for (const { socket } of open) socket.destroy()
    await until(() => world.completed.length === 2)
    expect((await tunnel()).header).toMatch(/ 200 /)
  })
})

describe('no tunnel', () => {
  const problem = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as unknown

  it('to a host that is not listed: 403 with the remedy, recorded, never dialled', async () => {
    await start((socket) => socket.end())
    const answer = await exchange(CONNECT('evil.test:443'))
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
    expect(answer).toMatch(/\r\nacmetap-exchange: [0-9a-f-]{36}\r\n/i)
    expect(answer).toMatch(/\r\ncontent-type: application\/problem\+json\r\n/i)
    expect(problem(answer)).toMatchObject({
      status: 403,
      type: 'urn:ietf:params:acme:error:unauthorized',
      detail: expect.stringContaining('evil.test is not listed; add it to intercept.other_hosts'),
    })
    expect(world.dials).toEqual([])
    expect(world.intents()).toMatchObject([
      { operation: 'tunnel', decision: { effect: 'deny', rule: 'other-host' } },
    ])
  })

  it("to a CA's host on another port, or by plain http://", async () => {
    await start((socket) => socket.end())
    expect(await exchange(CONNECT('ca.test:80'))).toMatch(/^HTTP\/1\.1 403 /)
    const plain = await exchange('GET http://ca.test/dir HTTP/1.1\r\nHost: ca.test\r\n\r\n')
    expect(plain).toMatch(/^HTTP\/1\.1 403 /)
    expect(world.dials).toEqual([])
    expect(world.minted).toEqual([])
  })

  it.each([
    ['addressRefused', 403],
    ['connectTimeout', 504],
    ['connectRefused', 502],
    ['nameNotResolved', 502],
    ['proxyRefused', 502],
  ] as const)('%s: %d', async (cause, status) => {
    const error = new FailureError(cause, 'for operators')
    await start((socket) => socket.end(), { others: { 'bad.test:443': error, 'bad.test:80': error } })
    const answers = [
      await exchange(CONNECT('bad.test:443')),
      await exchange('GET http://bad.test/ HTTP/1.1\r\nHost: bad.test\r\nConnection: close\r\n\r\n'),
    ]
    for (const answer of answers) {
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(problem(answer)).toMatchObject({ status, detail: expect.stringContaining('bad.test') })
      expect(answer).not.toContain('for operators')
    }
    expect(world.completed.map(({ outcome }) => outcome)).toMatchObject([
      { kind: 'failed', failure: { cause } },
      { kind: 'failed', failure: { cause } },
    ])
    expect(world.outcomes()).toHaveLength(2)
  })

  it('where the intent cannot be recorded: 503, and nothing is dialled', async () => {
    await start((socket) => socket.end())
    world.store.trouble = 'refuse'
    expect(await exchange(CONNECT('a.test:443'))).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after/i)
    world.store.trouble = 'none'
    expect(world.dials).toEqual([])
    expect(world.faults).toHaveLength(1)
  })

  it('10,000 hosts and ports that are not listed lead to no dial', async () => {
    await start((socket) => socket.end(), { options: { limits: { connectionsPerAddress: 20_000 } } })
    let refused = 0
    const one = async (i: number) => {
      const host = [
        'a.test',
        'ca.test',
        `h${i}.test`,
        `10.0.${i % 256}.${i % 251}`,
        `[2001:db8::${i.toString(16)}]`,
      ][i % 5]
      let port = 1 + ((i * 7919) % 65_535)
      if (port === 443 || port === 80 || port === 14_000) port = 444
      const bytes =
        i % 2 === 0
          ? CONNECT(`${host}:${port}`)
          : `GET http://${host}:${port}/ HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`
      if ((await exchange(bytes)).startsWith('HTTP/1.1 403 ')) refused += 1
    }
    for (let i = 0; i < 10_000; i += 100) await Promise.all(Array.from({ length: 100 }, (_, j) => one(i + j)))
    expect(refused).toBe(10_000)
    expect(world.dials).toEqual([])
    expect(world.minted).toEqual([])
    expect(world.outcomes()).toHaveLength(10_000)
  }, 120_000)
})

describe('absolute-form', () => {
  /** Answers once what came is complete, by the length it says; `seen` is everything that came. */
  const answering = (answer: string, seen: string[]) => (socket: Socket) => {
    let received = ''
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
      const end = received.indexOf('\r\n\r\n')
      if (end === -1) return
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0)
      const whole = /transfer-encoding/i.test(received)
        ? received.endsWith('0\r\n\r\n')
        : received.length >= end + 4 + length
      if (!whole) return
      seen.push(received)
      socket.end(received.startsWith('HEAD') ? answer.slice(0, answer.indexOf('\r\n\r\n') + 4) : answer)
    })
  }
  const OK =
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nX-A: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\nok'

  it('goes on as origin-form without hop-by-hop and proxy fields, and comes back', async () => {
    const seen: string[] = []
    await start(answering(OK, seen))
    const answer = await exchange(
      [
        'POST http://A.test/x?y=%20z HTTP/1.1',
        'Host: a.test',
        'Content-Length: 4',
        'Proxy-Authorization: Basic eDp5',
        'Proxy-Connection: keep-alive',
        'Connection: close, X-Mine',
        'X-Mine: 1',
        'X-Kept: 1',
        'X-Forwarded-For: 10.0.0.1',
        'Expect: 100-continue',
        '',
        'body',
      ].join('\r\n'),
    )
    expect(seen).toEqual([
      'POST /x?y=%20z HTTP/1.1\r\nHost: a.test\r\nX-Kept: 1\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody',
    ])
    expect(answer).toMatch(/HTTP\/1\.1 200 OK\r\n/)
    expect(answer).toMatch(/\r\nX-A: 1\r\nX-A: 2\r\n/i)
    expect(answer).toMatch(/\r\nacmetap-exchange: /i)
    expect(answer).not.toMatch(/x-hop/i)
    expect(answer).toMatch(/\r\n\r\nok$/)
    expect(await ended()).toMatchObject([{ up: seen[0]?.length, down: OK.length, end: 'serverClosed' }])
    expect(world.completed[0]).toMatchObject({
      otherHost: { host: 'a.test', port: 80, form: 'absolute' },
      request: { method: 'POST', target: 'http://A.test/x?[redacted]', authority: 'a.test' },
      outcome: { response: { status: 200 } },
    })
    expect(JSON.stringify(world.store.entries)).not.toContain('eDp5')
  })

  it('keeps nothing of a query, which may hold a password for the host', async () => {
    await start(answering(OK, []), { others: { 'a.test:8080': null } })
    const paths = ['http://a.test/update?token=canaryToken', 'http://a.test?key=canaryKey']
    for (const path of [...paths, 'http://refused.test/?token=canaryRefused']) {
      await exchange(`GET ${path} HTTP/1.1\r\nHost: ${new URL(path).host}\r\nConnection: close\r\n\r\n`)
    }
    expect(world.dials).toHaveLength(2)
    expect(world.completed.map(({ request }) => request.target)).toEqual([
      'http://a.test/update?[redacted]',
      'http://a.test?[redacted]',
      'http://refused.test/?[redacted]',
    ])
    expect(JSON.stringify([world.store.entries, world.events])).not.toContain('canary')
  })

  it('chunked both ways, HTTP/1.0, HEAD, and several on one connection', async () => {
    const seen: string[] = []
    const chunked = 'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
    await start(answering(chunked, seen))
    const socket = await rawTcp(world.port)
    const all = untilClosed(socket)
    socket.write(
      'PUT http://a.test/1 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    )
    await until(() => world.completed.length === 1)
    socket.write('DELETE http://a.test/2 HTTP/1.1\r\nHost: a.test:80\r\n\r\n')
    await until(() => world.completed.length === 2)
    socket.write('HEAD http://a.test/3 HTTP/1.0\r\n\r\n')
    const answers = await all
    expect(answers.match(/HTTP\/1\.1 201 Created/g)).toHaveLength(3)
    expect(answers.match(/abc/g)).toHaveLength(2)
    expect(seen.map((text) => text.split('\r\n')[0])).toEqual([
      'PUT /1 HTTP/1.1',
      'DELETE /2 HTTP/1.1',
      'HEAD /3 HTTP/1.1',
    ])
    expect(seen[0]).toMatch(/\r\n\r\n2\r\nhi\r\n0\r\n\r\n$/)
    expect(world.dials).toHaveLength(3)
  })

  it.each([
    ['nothing', '', 502],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n', 502],
    [
      'length and coding',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      502,
    ],
    [
      'a change of protocol',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
      502,
    ],
    ['a change of protocol to none', 'HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n', 502],
    ['a status below all', 'HTTP/1.1 099 Low\r\nContent-Length: 2\r\n\r\nok', 502],
    ['a status of zeros', 'HTTP/1.1 000 None\r\nContent-Length: 2\r\n\r\nok', 502],
    ['a status above all', 'HTTP/1.1 999 High\r\nContent-Length: 2\r\n\r\nok', 502],
  ])('a host that answers %s', async (_title, answer, status) => {
    await start((socket) => {
      socket.resume()
      socket.end(answer)
    })
    const got = await exchange('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
    expect(got).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    await until(() => world.completed.length === 1)
    expect(world.completed[0]?.outcome.kind).toBe('failed')
  })

  it('an answer that breaks off breaks off', async () => {
    await start((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
      setTimeout(() => socket.destroy(), 50)
    })
    const got = await exchange('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n')
    expect(got).toMatch(/abc$/)
    expect(await ended()).toMatchObject([{ end: 'serverReset' }])
  })

  it('a client that goes away ends it', async () => {
    await start((socket) => socket.resume().write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'))
    const socket = await rawTcp(world.port)
    socket.write('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    expect(await ended()).toMatchObject([{ end: 'clientClosed' }])
    await until(() => origin.sockets.every((one) => one.destroyed || one.readableEnded))
  })

  it('is given up when nothing moves', async () => {
    await start((socket) => socket.resume(), { options: { tunnelIdle: 100 } })
    const got = await exchange('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
    expect(got).toMatch(/^HTTP\/1\.1 502 /)
    expect(world.completed[0]?.outcome).toMatchObject({ failure: { cause: 'responseTimeout' } })
  })

  it('curl with http_proxy', async () => {
    await start(answering(OK, []))
    const run = startProcess('curl', ['-sS', '-x', `http://127.0.0.1:${world.port}`, 'http://a.test/x'])
    await run.ended
    expect(run.output()).toBe('ok')
  })
})
