import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import fastify from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../src/exchange/connection.ts'
import type { AcmeListenerOptions, HttpRequest, RequestHandler } from '../../src/proxy/listener-options.ts'
import { connectionOfRequest } from '../../src/proxy/peer.ts'
import { run } from '../interception/verifiers.ts'
import { type RunningListener, startListener, until } from './running-listener.ts'
import { ask, http2, tcp, tls, untilClosed } from './tls-client.ts'

let running: RunningListener
const start = async (options: Partial<AcmeListenerOptions> = {}, handler?: RequestHandler) => {
  running = await startListener(options, handler)
  return running
}
afterEach(() => running.stop())

const curl = async (...args: string[]) => {
  const root = join(running.folder, 'listener-root.pem')
  return (await run('curl', ['-sS', '-i', '--cacert', root, ...args])).output
}

describe('HTTP over the listener', () => {
  it('answers curl in HTTP/1.1 and HTTP/2, with and without a body, and by IP literal without SNI', async () => {
    const { port } = await start()
    expect(await curl('--http1.1', `https://localhost:${port}/dir`)).toMatch(
      /^HTTP\/1\.1 200[\s\S]*GET \/dir 0 1\.1$/,
    )
    expect(await curl('--http2', `https://localhost:${port}/dir`)).toMatch(
      /^HTTP\/2 200[\s\S]*GET \/dir 0 2\.0$/,
    )
    expect(await curl('--http2', '-d', 'abc', `https://localhost:${port}/x`)).toMatch(/POST \/x 3 2\.0$/)
    expect(await curl('--http1.1', '-d', 'abc', `https://127.0.0.1:${port}/x`)).toMatch(/POST \/x 3 1\.1$/)
    expect(running.events).toEqual([])
  })

  it('speaks TLS 1.2 and 1.3 and nothing older', async () => {
    const { port } = await start()
    expect(await curl('--tls-max', '1.2', `https://localhost:${port}/`)).toMatch(/200/)
    expect(await curl('--tlsv1.3', `https://localhost:${port}/`)).toMatch(/200/)
    const old = ['-connect', `127.0.0.1:${port}`, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']
    expect((await run('openssl', ['s_client', ...old])).code).toBe(1)
    await until(() => running.events.length > 0)
    expect(running.events).toEqual([
      { kind: 'tlsHandshakeFailed', clientAddress: '127.0.0.1', detail: 'ERR_SSL_UNSUPPORTED_PROTOCOL' },
    ])
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('resumes %s sessions', async (version) => {
    const target = await start()
    const once = async (session?: Buffer) => {
      const socket = await tls(target, {
        minVersion: version,
        maxVersion: version,
        ...(session ? { session } : {}),
      })
      const reused = socket.isSessionReused()
      let ticket: Buffer | undefined = socket.getSession()
      socket.on('session', (fresh: Buffer) => {
        ticket = fresh
      })
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
      await untilClosed(socket)
      return { reused, ticket }
    }
    const first = await once()
    expect(first.reused).toBe(false)
    expect((await once(first.ticket)).reused).toBe(true)
  })

  it('hands the same facts about the connection to HTTP/1.1 and HTTP/2 requests, also after it is gone', async () => {
    const seen: HttpRequest[] = []
    const target = await start({}, (request, response) => {
      seen.push(request)
      response.end()
    })
    await curl(
      '--http1.1',
      `https://acme.test:${target.port}/`,
      '--resolve',
      `acme.test:${target.port}:127.0.0.1`,
    )
    const session = await http2(target)
    const { localPort } = session.socket as TLSSocket
    await ask(session, {})
    session.destroy()
    await until(() => target.listener.openConnections === 0)
    const [http1, over2] = seen.map((request): Connection => connectionOfRequest(request))
    const common = {
      ...{ listener: 'acme', mode: 'relay', proxyUser: null, intercepted: null },
      ...{ clientAddress: '127.0.0.1', tlsVersion: 'TLSv1.3' },
    }
    expect(http1).toEqual({ ...common, clientPort: expect.any(Number), serverName: 'acme.test' })
    expect(over2).toEqual({ ...common, clientPort: localPort, serverName: 'localhost' })
  })

  it('feeds a Fastify application in both versions', async () => {
    const app = fastify()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    app.post('/new-order', (request, reply) => {
      reply.header('replay-nonce', 'n1').code(201)
      return {
        bytes: (request.body as Buffer).length,
        address: connectionOfRequest(request.raw).clientAddress,
      }
    })
    await app.ready()
    const { port } = await start({}, (request, response) => app.routing(request as never, response as never))
    for (const version of ['--http1.1', '--http2']) {
      const answer = await curl(
        version,
        '-d',
        '12345',
        '-H',
        'Content-Type: application/jose+json',
        `https://localhost:${port}/new-order`,
      )
      expect(answer).toMatch(
        /^HTTP\/\S+ 201[\s\S]*replay-nonce: n1[\s\S]*\{"bytes":5,"address":"127\.0\.0\.1"\}$/,
      )
    }
    await app.close()
  })
})

describe('bounds of a request', () => {
  const refused = [
    ['a header over 16 KiB', ['-H', `X: ${'a'.repeat(17_000)}`], 431],
    ['more than 100 fields', Array.from({ length: 101 }, (_, i) => ['-H', `X-${i}: a`]).flat(), 431],
    ['a target over 4 KiB', ['--url-query', 'a'.repeat(4_100)], 414],
  ] as const
  it.each(refused)('%s is refused in both versions and reported', async (_title, args, status) => {
    let handled = 0
    const { port, events } = await start({}, (_request, response) => {
      handled += 1
      response.end()
    })
    for (const version of ['--http1.1', '--http2']) {
      expect(await curl(version, `https://localhost:${port}/`, ...args)).toMatch(
        new RegExp(`^HTTP/\\S+ ${status}`),
      )
    }
    expect(handled).toBe(0)
    expect(events.map((event) => event.kind)).toEqual(['parserError', 'parserError'])
  })

  it.each([
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n'],
    ['two equal Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    [
      'length and chunked',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc'],
    ['a signed length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc'],
    [
      'another transfer coding',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'two transfer codings',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['a bare carriage return', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n'],
    ['a nul', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n'],
    ['a space in the target', 'GET / x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a malformed chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ])('HTTP/1.1 with %s gets 400 and the connection is closed', async (_title, bytes) => {
    const target = await start({ limits: { checkInterval: 50 } })
    const socket = await tls(target)
    socket.write(bytes)
    const answer = await untilClosed(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(answer).toMatch(/\r\nConnection: close\r\n/i)
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(target.events).toEqual([
      {
        kind: 'parserError',
        clientAddress: '127.0.0.1',
        detail: expect.stringMatching(/^[\x20-\x7e]{1,120}$/),
      },
    ])
  })
})

describe('connections per address', () => {
  it('are capped, and freed when they close', async () => {
    const target = await start({ limits: { connectionsPerAddress: 2 } })
    const first = await tls(target)
    await tls(target)
    await untilClosed(await tcp(target))
    expect(target.events).toEqual([
      { kind: 'tooManyConnections', clientAddress: '127.0.0.1', detail: 'more than 2 at once' },
    ])
    first.destroy()
    await until(() => target.listener.openConnections === 1)
    await tls(target)
    expect(target.events).toHaveLength(1)
  })

  it('do not bind a trusted balancer that forwards for many', async () => {
    const target = await start({
      clientAddress: { from: 'x_forwarded_for', trusted: ['127.0.0.0/8'] },
      limits: { connectionsPerAddress: 1 },
    })
    await Promise.all([tls(target), tls(target), tls(target)])
    expect(target.events).toEqual([])
  })

  it('are counted by the address the PROXY header names', async () => {
    const target = await start({
      clientAddress: { from: 'proxy_protocol', trusted: ['127.0.0.1'] },
      limits: { connectionsPerAddress: 1 },
    })
    const header = (address: string) => Buffer.from(`PROXY TCP6 ${address} ::1 1000 443\r\n`)
    await tls({ ...target, before: header('2001:db8:0:1::1') })
    await tls({ ...target, before: header('2001:db8:0:2::1') })
    await untilClosed(await tcp({ ...target, before: header('2001:db8:0:1:ffff::1') }))
    expect(target.events).toMatchObject([
      { kind: 'tooManyConnections', clientAddress: '2001:db8:0:1:ffff::1' },
    ])
  })
})

describe('the PROXY protocol before TLS', () => {
  const behindBalancer = () =>
    start({ clientAddress: { from: 'proxy_protocol', trusted: ['127.0.0.1'] } }, (request, response) => {
      const { clientAddress, clientPort } = connectionOfRequest(request)
      response.end(`${clientAddress} ${clientPort}`)
    })
  const version2 = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000201c0000202d43101bb', 'hex')
  const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')

  it.each([
    ['version 1', Buffer.from('PROXY TCP4 198.51.100.1 192.0.2.2 54321 443\r\n'), '198.51.100.1 54321'],
    ['version 1, IPv4-mapped', Buffer.from('PROXY TCP6 ::ffff:198.51.100.1 ::1 9 443\r\n'), '198.51.100.1 9'],
    ['version 2', version2, '192.0.2.1 54321'],
    ['version 2 LOCAL', local, /^127\.0\.0\.1 \d+$/],
  ])('%s names the client, in HTTP/1.1 and HTTP/2', async (_title, before, expected) => {
    const target = await behindBalancer()
    const session = await http2({ ...target, before })
    expect((await ask(session, {})).body).toMatch(expected)
    session.destroy()
    const socket = await tls({ ...target, before })
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect((await untilClosed(socket)).split('\r\n\r\n')[1]).toMatch(expected)
  })

  it('may come in pieces, or in one piece with the client hello', async () => {
    const target = await behindBalancer()
    const pieces = await tcp(target)
    for (const byte of version2.subarray(0, -1)) {
      pieces.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    for (const [socket, first] of [
      [pieces, version2.subarray(-1)],
      [await tcp(target), version2],
    ] as const) {
      socket.cork()
      socket.write(first)
      const secure = connect({ socket, ca: target.root, servername: 'localhost' })
      socket.uncork()
      secure.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(await untilClosed(secure)).toMatch(/192\.0\.2\.1 54321/)
    }
    expect(target.events).toEqual([])
  })

  it.each([
    ['no header', Buffer.from('16030100c8', 'hex')],
    ['a malformed header', Buffer.from('PROXY TCP4 999.0.0.1 192.0.2.2 1 2\r\n')],
    ['an endless header', Buffer.from(`PROXY ${'x'.repeat(200)}`)],
  ])('%s ends the connection and is reported', async (_title, before) => {
    const target = await behindBalancer()
    expect(await untilClosed(await tcp({ ...target, before }))).toBe('')
    expect(target.events).toMatchObject([{ kind: 'proxyProtocolRefused', clientAddress: '127.0.0.1' }])
  })

  it('is believed from trusted networks only; others are cut off', async () => {
    const target = await start({ clientAddress: { from: 'proxy_protocol', trusted: ['192.0.2.0/24'] } })
    await untilClosed(await tcp({ ...target, before: version2 }))
    expect(target.events).toEqual([
      { kind: 'proxyProtocolRefused', clientAddress: '127.0.0.1', detail: 'not a trusted load balancer' },
    ])
  })

  it('is no event when a balancer only looks whether the port is open', async () => {
    const target = await behindBalancer()
    const socket = await tcp(target)
    await until(() => target.listener.openConnections === 1)
    socket.end()
    await until(() => target.listener.openConnections === 0)
    expect(target.events).toEqual([])
  })
})

describe('an own-root listener', () => {
  it('shows its root, which is the file in the folder', async () => {
    const target = await start()
    expect(target.root).toBe(await readFile(join(target.folder, 'listener-root.pem'), 'utf8'))
  })
})
