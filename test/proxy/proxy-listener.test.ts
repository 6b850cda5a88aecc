import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../src/exchange/connection.ts'
import { connectionOfRequest } from '../../src/proxy/peer.ts'
import { startProcess } from '../support/child-process.ts'
import { until } from './running-listener.ts'
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
import { INTERNAL_SPELLINGS } from './target-spellings.ts'
import { tls, untilClosed } from './tls-client.ts'

let world: ProxyWorld
const start = async (setting: ProxySetting = {}) => {
  world = await startProxy(setting)
  return world
}
afterEach(() => world.stop())

const GET = (path: string, host = 'ca.test') =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
/** What comes back for these bytes until the connection closes. */
const exchange = async (bytes: string | Buffer) => {
  const socket = await rawTcp(world.port)
  socket.write(bytes)
  return untilClosed(socket)
}
/** Runs curl against the proxy; its standard output. */
const curl = async (...args: string[]) => {
  const run = startProcess('curl', ['-sS', '--max-time', '20', ...args])
  const status = await run.ended
  return { status, output: run.output() }
}

describe('CONNECT to a CA', () => {
  it.each([
    ['1.1', 'CONNECT ca.test:443 HTTP/1.1\r\nHost: ca.test:443\r\n\r\n', 'ca.test'],
    ['1.0 without Host, as Python 3.11 sends it', 'CONNECT ca.test:443 HTTP/1.0\r\n\r\n', 'ca.test'],
    [
      '1.1 with Proxy-Connection, as curl sends it',
      CONNECT('ca.test:443', 'Proxy-Connection: Keep-Alive\r\nUser-Agent: curl\r\n'),
      'ca.test',
    ],
    [
      '1.1 with Connection: close, as axios sends it',
      CONNECT('ca.test:443', 'Connection: close\r\n'),
      'ca.test',
    ],
    ['a Host without the port', 'CONNECT ca.test:443 HTTP/1.1\r\nHost: ca.test\r\n\r\n', 'ca.test'],
    ['upper case and a trailing dot', CONNECT('CA.Test.:443'), 'ca.test'],
    ['another port of the same host', CONNECT('ca.test:14000'), 'ca.test:14000'],
    ['an empty body, said so', CONNECT('ca.test:443', 'Content-Length: 0\r\n'), 'ca.test'],
    [
      'credentials nobody asked for',
      CONNECT('ca.test:443', 'Proxy-Authorization: Basic eDp5\r\n'),
      'ca.test',
    ],
  ])('%s', async (_title, bytes, authority) => {
    let seen: Connection | null = null
    await start({
      handler: (request, response) => {
        seen = connectionOfRequest(request)
        response.end('ok')
      },
    })
    const socket = await rawTcp(world.port)
    socket.write(bytes)
    expect(await headerOf(socket)).toBe('HTTP/1.1 200 Connection established\r\n')
    const inner = await secured(socket, { ca: world.root, servername: 'ca.test' })
    inner.write(GET('/dir'))
    expect(await untilClosed(inner)).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok$/)
    expect(seen).toEqual({
      listener: 'proxy',
      mode: 'intercept',
      clientAddress: '127.0.0.1',
      clientPort: expect.any(Number),
      tlsVersion: 'TLSv1.3',
      serverName: 'ca.test',
      proxyUser: null,
      intercepted: authority,
    })
    expect(world.events).toEqual([])
    expect(world.dials).toEqual([])
    expect(world.intents()).toEqual([])
  })

  it.each([
    ['127.0.0.9:443', '127.0.0.9', '127.0.0.9'],
    ['[2001:db8::9]:443', '2001:db8::9', '[2001:db8::9]'],
    ['[2001:DB8:0::0:9]:443', '2001:db8::9', '[2001:db8::9]'],
  ])('an IP literal, for which no server name is sent: %s', async (target, host, authority) => {
    let seen: Connection | null = null
    await start({
      handler: (request, response) => {
        seen = connectionOfRequest(request)
        response.end('ok')
      },
    })
    const socket = await rawTcp(world.port)
    socket.write(CONNECT(target))
    await headerOf(socket)
    const inner = await secured(socket, { ca: world.root, host })
    inner.write(GET('/dir', authority))
    expect(await untilClosed(inner)).toMatch(/ok$/)
    expect(seen).toMatchObject({ serverName: null, intercepted: authority })
  })

  it('takes TLS bytes that come with the CONNECT, in one packet or in the middle of a record', async () => {
    await start()
    for (const cut of [0, 1, 5, 100]) {
      const socket = await rawTcp(world.port)
      const { Duplex } = await import('node:stream')
      // A client that does not wait: its ClientHello goes out behind the CONNECT, `cut` bytes of it later.
      let first = true
      const pipe = new Duplex({
        read() {},
        write(chunk: Buffer, _encoding, done) {
          if (first) {
            first = false
            const at = cut === 0 ? chunk.length : cut
            socket.write(Buffer.concat([Buffer.from(CONNECT('ca.test:443')), chunk.subarray(0, at)]))
            setTimeout(() => at < chunk.length && socket.write(chunk.subarray(at)), 10)
          } else socket.write(chunk)
          done()
        },
      })
      let received = Buffer.alloc(0)
      let header = ''
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk])
        if (header === '') {
          const end = received.indexOf('\r\n\r\n')
          if (end === -1) return
          header = received.toString('latin1', 0, end)
          received = received.subarray(end + 4)
        }
        pipe.push(received)
        received = Buffer.alloc(0)
      })
      const inner = connectTls({ socket: pipe, ca: world.root, servername: 'ca.test' })
      inner.on('error', () => {})
      await once(inner, 'secureConnect')
      inner.write(GET('/dir'))
      const [answer] = (await once(inner, 'data')) as [Buffer]
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /)
      expect(header).toBe('HTTP/1.1 200 Connection established')
      socket.destroy()
    }
  })

  it('keeps the connection for many requests, and resumes TLS sessions', async () => {
    await start()
    const inner = await intercepted(world)
    const session = once(inner, 'session') as Promise<[Buffer]>
    for (let i = 0; i < 20; i += 1) {
      inner.write(`GET /${i} HTTP/1.1\r\nHost: ca.test\r\n\r\n`)
      const [answer] = (await once(inner, 'data')) as [Buffer]
      expect(answer.toString()).toContain(`GET /${i} 0 1.1`)
    }
    const [ticket] = await session
    inner.destroy()
    const socket = await rawTcp(world.port)
    socket.write(CONNECT('ca.test:443'))
    await headerOf(socket)
    const again = await secured(socket, { ca: world.root, servername: 'ca.test', session: ticket })
    expect(again.isSessionReused()).toBe(true)
    expect(world.minted).toEqual(['ca.test'])
    again.destroy()
  })

  it('hands on a request with another Host: it is for the pipeline to refuse', async () => {
    let seen: [string | undefined, Connection] | null = null
    await start({
      handler: (request, response) => {
        seen = [request.headers.host, connectionOfRequest(request)]
        response.end()
      },
    })
    const inner = await intercepted(world)
    inner.write(GET('/dir', 'other.test'))
    await untilClosed(inner)
    expect(seen).toMatchObject(['other.test', { intercepted: 'ca.test' }])
  })

  it('refuses a TLS server name of another host, and no HTTP is read', async () => {
    let requests = 0
    await start({ handler: () => (requests += 1) })
    const socket = await rawTcp(world.port)
    socket.write(CONNECT('ca.test:443'))
    await headerOf(socket)
    const inner = connectTls({ socket, ca: world.root, servername: 'evil.test', rejectUnauthorized: false })
    inner.on('error', () => {})
    inner.write(GET('/dir', 'evil.test'))
    await untilClosed(inner)
    expect(requests).toBe(0)
    expect(world.events.map(({ kind }) => kind)).toEqual(['serverNameRefused'])
    expect(world.minted).toEqual(['ca.test'])
  })

  it.each([
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: ca.test\r\n\r\n', /HTTP_REQUEST|WRONG_VERSION|ERR_SSL/],
    ['something else', 'SSH-2.0-OpenSSH_9.2\r\n', /ERR_SSL/],
    ['a second CONNECT', CONNECT('ca.test:443'), /ERR_SSL/],
  ])('%s inside the tunnel is cut off and reported', async (_title, bytes, detail) => {
    await start()
    const socket = await rawTcp(world.port)
    socket.write(CONNECT('ca.test:443'))
    await headerOf(socket)
    socket.write(bytes)
    await untilClosed(socket)
    await until(() => world.events.length > 0)
    expect(world.events).toEqual([
      { kind: 'tlsHandshakeFailed', clientAddress: '127.0.0.1', detail: expect.stringMatching(detail) },
    ])
  })

  it('says it in an event when a client does not trust the root', async () => {
    await start()
    const socket = await rawTcp(world.port)
    socket.write(CONNECT('ca.test:443'))
    await headerOf(socket)
    await expect(secured(socket, { ca: world.listenerRoot, servername: 'ca.test' })).rejects.toThrow()
    await until(() => world.events.length > 0)
    expect(world.events[0]?.kind).toBe('tlsHandshakeFailed')
  })

  it.each([
    ['TLS 1.0', { minVersion: 'TLSv1', maxVersion: 'TLSv1' }],
    ['TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }],
    ['HTTP/2 alone', { ALPNProtocols: ['h2'] }],
    ['a cipher without forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' }],
  ] as const)('%s is refused inside', async (_title, options) => {
    await start()
    const socket = await rawTcp(world.port)
    socket.write(CONNECT('ca.test:443'))
    await headerOf(socket)
    const lax = 'ciphers' in options ? {} : { ciphers: 'DEFAULT@SECLEVEL=0' }
    const attempt = secured(socket, {
      ca: world.root,
      servername: 'ca.test',
      ...lax,
      ...(options as object),
    })
    await expect(attempt).rejects.toThrow()
    await until(() => world.events.length > 0)
    expect(world.events[0]?.kind).toBe('tlsHandshakeFailed')
  })

  it('allows no renegotiation', async () => {
    await start()
    const socket = await rawTcp(world.port)
    socket.write(CONNECT('ca.test:443'))
    await headerOf(socket)
    const inner = await secured(socket, { ca: world.root, servername: 'ca.test', maxVersion: 'TLSv1.2' })
    let handshaken = false
    inner.renegotiate({}, () => {
      handshaken = true
    })
    await once(inner.resume(), 'end')
    expect(handshaken).toBe(false)
    expect(world.listener.openConnections).toBe(0)
  })

  it('answers 503 where there is no certificate', async () => {
    await start({ contextFails: true })
    const answer = await exchange(CONNECT('ca.test:443'))
    expect(answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 10\r\n/i)
    expect(world.events.map(({ kind }) => kind)).toEqual(['certificateUnavailable'])
  })
})

describe('what is no CONNECT that a proxy can serve', () => {
  it.each([
    ['a name without a port', 'CONNECT ca.test HTTP/1.1\r\nHost: ca.test\r\n\r\n', 400, 'connectRefused'],
    ['a URL', 'CONNECT https://ca.test/ HTTP/1.1\r\nHost: ca.test\r\n\r\n', 400, null],
    ['a body', CONNECT('ca.test:443', 'Content-Length: 5\r\n'), 400, 'connectRefused'],
    ['a chunked body', CONNECT('ca.test:443', 'Transfer-Encoding: chunked\r\n'), 400, 'connectRefused'],
    ['no Host in HTTP/1.1', 'CONNECT ca.test:443 HTTP/1.1\r\n\r\n', 400, 'parserError'],
    ['two Hosts', 'CONNECT ca.test:443 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'parserError'],
    ['two lengths', CONNECT('ca.test:443', 'Content-Length: 0\r\nContent-Length: 0\r\n'), 400, 'parserError'],
    [
      'length and coding',
      CONNECT('ca.test:443', 'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n'),
      400,
      'parserError',
    ],
    ['a folded field', CONNECT('ca.test:443', 'X: a\r\n b\r\n'), 400, 'parserError'],
    ['bare LF', 'CONNECT ca.test:443 HTTP/1.1\nHost: ca.test\n\n', 400, 'parserError'],
    ['a space before the colon', CONNECT('ca.test:443', 'X : a\r\n'), 400, 'parserError'],
    ['HTTP/2.0', 'CONNECT ca.test:443 HTTP/2.0\r\nHost: a\r\n\r\n', 400, 'parserError'],
    ['HTTP/0.9', 'CONNECT ca.test:443\r\n\r\n', 400, 'parserError'],
    ['too many fields', CONNECT('ca.test:443', 'X: a\r\n'.repeat(101)), 431, 'parserError'],
    ['too large a header', CONNECT('ca.test:443', `X: ${'a'.repeat(17_000)}\r\n`), 431, 'parserError'],
    ['SOCKS 5', Buffer.from('050100', 'hex'), 400, 'parserError'],
    ['NUL', Buffer.alloc(30), 400, 'parserError'],
    [
      'an https URL in absolute-form',
      'GET https://ca.test/ HTTP/1.1\r\nHost: ca.test\r\n\r\n',
      400,
      'connectRefused',
    ],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: ca.test\r\n\r\n', 400, 'connectRefused'],
    [
      'another Host than the URL',
      'GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n',
      400,
      'connectRefused',
    ],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, null],
  ])('%s', async (_title, bytes, status, kind) => {
    await start()
    const answer = await exchange(bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toMatch(/\r\nConnection: close\r\n/i)
    await until(() => world.events.length > 0)
    if (kind !== null) expect(world.events[0]?.kind).toBe(kind)
    expect(world.dials).toEqual([])
    expect(world.minted).toEqual([])
  })

  it('400 spellings of internal hosts are refused in both forms and never dialled', async () => {
    await start({ options: { limits: { connectionsPerAddress: 10_000 } } })
    const forms = INTERNAL_SPELLINGS.flatMap((spelling) => [
      `CONNECT ${spelling}:443 HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET http://${spelling}/ HTTP/1.1\r\nHost: ${spelling}\r\nConnection: close\r\n\r\n`,
    ])
    expect(INTERNAL_SPELLINGS.length).toBeGreaterThan(400)
    for (let i = 0; i < forms.length; i += 50) {
      const batch = await Promise.all(forms.slice(i, i + 50).map((bytes) => exchange(bytes)))
      expect(batch.filter((answer) => !answer.startsWith('HTTP/1.1 400 '))).toEqual([])
    }
    expect(world.dials).toEqual([])
    expect(world.intents()).toEqual([])
    expect(world.events.every(({ kind }) => kind === 'connectRefused' || kind === 'parserError')).toBe(true)
  }, 30_000)

  it('a CONNECT behind a request whose answer is under way ends the connection', async () => {
    await start({ others: { 'a.test:80': null } })
    const socket = await rawTcp(world.port)
    socket.write(`GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n${CONNECT('ca.test:443')}`)
    expect(await untilClosed(socket)).toBe('')
    expect(world.minted).toEqual([])
  })
})

describe('https:// proxy URL', () => {
  it('takes CONNECT over TLS, and TLS for the CA inside it', async () => {
    let seen: Connection | null = null
    await start({
      handler: (request, response) => {
        seen = connectionOfRequest(request)
        response.end('ok')
      },
    })
    const outer = await tls({ port: world.port, root: world.listenerRoot })
    outer.write(CONNECT('ca.test:443'))
    expect(await headerOf(outer)).toMatch(/^HTTP\/1\.1 200 /)
    const inner = await secured(outer, { ca: world.root, servername: 'ca.test', maxVersion: 'TLSv1.2' })
    inner.write(GET('/dir'))
    expect(await untilClosed(inner)).toMatch(/ok$/)
    expect(seen).toMatchObject({ tlsVersion: 'TLSv1.2', intercepted: 'ca.test' })
    expect(world.events).toEqual([])
  })

  it('speaks no HTTP/2 and no old TLS', async () => {
    await start()
    const target = { port: world.port, root: world.listenerRoot }
    await expect(
      secured(await rawTcp(target.port), { ca: target.root, servername: 'localhost', ALPNProtocols: ['h2'] }),
    ).rejects.toThrow()
    await expect(
      secured(await rawTcp(target.port), {
        ca: target.root,
        servername: 'localhost',
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
    ).rejects.toThrow()
  })
})

describe('curl', () => {
  it('through http://, through https://, with and without credentials', async () => {
    await start({ options: { users: [{ name: 'cluster-a', password: 'pa:ss wörd' }] } })
    const to = ['--cacert', world.rootFile, '--resolve', 'ca.test:443:192.0.2.1', 'https://ca.test/dir']
    const user = ['--proxy-user', 'cluster-a:pa:ss wörd']
    const plain = await curl('-x', `http://127.0.0.1:${world.port}`, ...user, ...to)
    expect(plain).toEqual({ status: 0, output: 'GET /dir 0 1.1' })
    const secure = await curl(
      ...['-x', `https://localhost:${world.port}`, '--proxy-cacert', world.listenerRootFile],
      ...user,
      ...to,
    )
    expect(secure).toEqual({ status: 0, output: 'GET /dir 0 1.1' })
    const asked = await curl('-x', `http://127.0.0.1:${world.port}`, '--proxy-anyauth', ...user, ...to)
    expect(asked).toEqual({ status: 0, output: 'GET /dir 0 1.1' })
    const without = await curl('-x', `http://127.0.0.1:${world.port}`, ...to)
    expect(without.status).toBe(56)
    expect(without.output).toContain('407')
    expect(world.events).toEqual([])
  })

  it('posts through --proxy1.0', async () => {
    await start()
    const { output } = await curl(
      ...['--proxy1.0', `127.0.0.1:${world.port}`, '--cacert', world.rootFile],
      ...['-d', 'x'.repeat(3000), 'https://ca.test/new-order'],
    )
    expect(output).toBe('POST /new-order 3000 1.1')
  })

  it('fetches pages directly and through the proxy variable', async () => {
    await start({ options: { users: [{ name: 'u', password: 'p' }] } })
    const { port } = world
    const direct = await curl(`http://127.0.0.1:${port}/root.pem`)
    expect(direct.output).toBe(`root for 127.0.0.1:${port}\n`)
    const through = await curl('-x', `http://127.0.0.1:${port}`, 'http://acmetap.invalid/root.pem?x')
    expect(through.output).toBe('root for acmetap.invalid\n')
    const own = await curl('-x', `http://127.0.0.1:${port}`, `http://localhost:${port}/root.pem`)
    expect(own.output).toBe(`root for localhost:${port}\n`)
    const secure = await curl('--cacert', world.listenerRootFile, `https://localhost:${port}/root.pem`)
    expect(secure.output).toBe(`root for localhost:${port}\n`)
    expect(world.dials).toEqual([])
  })
})

describe('pages', () => {
  it.each([
    ['GET /other', 404, /proxy port of acmetap/],
    ['POST /root.pem', 404, /proxy port of acmetap/],
    ['GET /root.pem', 200, /root for a/],
    ['HEAD /root.pem', 200, /\r\n\r\n$/],
    ['GET /../root.pem', 404, /proxy port/],
    ['GET //root.pem', 404, /proxy port/],
  ])('%s: %d', async (line, status, body) => {
    await start()
    const answer = await exchange(`${line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toMatch(body)
    expect(world.events).toEqual([])
  })
})

describe('authentication (RFC 7617)', () => {
  const users = [
    { name: 'cluster-a', password: 'correct' },
    { name: 'cluster-b', password: 'also correct' },
  ]
  const basic = (text: string) => `Proxy-Authorization: Basic ${Buffer.from(text).toString('base64')}\r\n`

  it('puts the user on the connection, whichever it is', async () => {
    const seen: (string | null)[] = []
    await start({
      options: { users },
      handler: (request, response) => {
        seen.push(connectionOfRequest(request).proxyUser)
        expect((request as IncomingMessage).headers['proxy-authorization']).toBeUndefined()
        response.end()
      },
    })
    for (const text of ['cluster-a:correct', 'cluster-b:also correct']) {
      const socket = await rawTcp(world.port)
      socket.write(CONNECT('ca.test:443', basic(text)))
      await headerOf(socket)
      const inner = await secured(socket, { ca: world.root, servername: 'ca.test' })
      inner.write(GET('/'))
      await untilClosed(inner)
    }
    expect(seen).toEqual(['cluster-a', 'cluster-b'])
  })

  it('asks a client that sends nothing, without an event', async () => {
    await start({ options: { users } })
    for (const bytes of [
      CONNECT('ca.test:443'),
      CONNECT('other.test:443'),
      'GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n',
    ]) {
      const answer = await exchange(bytes)
      expect(answer).toMatch(/^HTTP\/1\.1 407 Proxy Authentication Required\r\n/)
      expect(answer).toMatch(/\r\nproxy-authenticate: Basic realm="acmetap"\r\n/)
    }
    expect(world.events).toEqual([])
    expect(world.dials).toEqual([])
    expect(world.intents()).toEqual([])
  })

  it.each([
    ['a wrong password', basic('cluster-a:wrong')],
    ["another user's password", basic('cluster-a:also correct')],
    ['an unknown user', basic('nobody:correct')],
    ['no colon', basic('cluster-a')],
    ['nothing', basic('')],
    ['another scheme', 'Proxy-Authorization: Bearer correct\r\n'],
    ['no base64', 'Proxy-Authorization: Basic cluster-a:correct\r\n'],
    ['Digest', 'Proxy-Authorization: Digest username="cluster-a"\r\n'],
  ])('refuses %s, and says so without the words', async (_title, field) => {
    await start({ options: { users } })
    const answer = await exchange(CONNECT('ca.test:443', field))
    expect(answer).toMatch(/^HTTP\/1\.1 407 /)
    expect(world.events).toEqual([
      {
        kind: 'proxyAuthenticationFailed',
        clientAddress: '127.0.0.1',
        detail: 'wrong user name or password for the proxy',
      },
    ])
    expect(world.minted).toEqual([])
  })

  it('looks at few guesses of one address at once, and at those who were right before', async () => {
    await start({ options: { users } })
    const right = await rawTcp(world.port)
    right.write(CONNECT('ca.test:443', basic('cluster-a:correct')))
    expect(await headerOf(right)).toMatch(/ 200 /)
    right.destroy()
    const guesses = Array.from({ length: 30 }, (_, i) =>
      exchange(CONNECT('ca.test:443', basic(`cluster-b:${i}`))),
    )
    const again = exchange(CONNECT('nowhere.test:443', basic('cluster-a:correct')))
    const answers = await Promise.all(guesses)
    expect(answers.filter((answer) => answer.startsWith('HTTP/1.1 407 '))).toHaveLength(8)
    expect(answers.filter((answer) => answer.startsWith('HTTP/1.1 429 '))).toHaveLength(22)
    expect(await again).toMatch(/^HTTP\/1\.1 403 /)
  })

  it('takes other users while it runs', async () => {
    await start({ options: { users } })
    world.listener.useUsers([{ name: 'cluster-a', password: 'changed' }])
    const socket = await rawTcp(world.port)
    socket.write(CONNECT('ca.test:443', basic('cluster-a:changed')))
    expect(await headerOf(socket)).toMatch(/ 200 /)
    socket.destroy()
    expect(await exchange(CONNECT('ca.test:443', basic('cluster-a:correct')))).toMatch(/ 407 /)
  })

  it('no password gets into the record, the events or the answers', async () => {
    await start({ options: { users }, others: {} })
    const answers = [
      await exchange(CONNECT('other.test:443', basic('cluster-b:also correct'))),
      await exchange(CONNECT('other.test:443', basic('cluster-b:canary-password'))),
      await exchange(
        `GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n${basic('cluster-b:also correct')}Connection: close\r\n\r\n`,
      ),
    ]
    expect(answers.map((answer) => answer.slice(9, 12))).toEqual(['403', '407', '403'])
    const written = JSON.stringify([world.store.entries, world.events, world.completed, answers])
    for (const secret of ['also correct', 'canary-password'])
      for (const form of [secret, Buffer.from(`cluster-b:${secret}`).toString('base64')])
        expect(written).not.toContain(form)
    expect(world.intents()).toHaveLength(2)
  })
})

describe('networks', () => {
  it('serves the networks that are listed', async () => {
    await start({ options: { clients: ['127.0.0.0/8'] } })
    expect(await exchange(GET('/root.pem', 'a'))).toMatch(/ 200 OK/)
  })

  it('turns away all others, before a byte is read', async () => {
    await start({ options: { clients: ['10.0.0.0/8', '2001:db8::/32'] } })
    expect(await exchange(CONNECT('ca.test:443'))).toBe('')
    expect(world.events).toEqual([
      { kind: 'clientNotAllowed', clientAddress: '127.0.0.1', detail: expect.any(String) },
    ])
  })

  it("goes by the balancer's word where it is trusted", async () => {
    const clientAddress = { from: 'proxy_protocol', trusted: ['127.0.0.1'] } as const
    await start({ options: { clients: ['10.0.0.0/8'], clientAddress } })
    const inside = await exchange(`PROXY TCP4 10.1.2.3 192.0.2.1 1000 3128\r\n${GET('/root.pem', 'a')}`)
    expect(inside).toMatch(/ 200 OK/)
    const outside = await exchange(`PROXY TCP4 192.0.2.7 192.0.2.1 1000 3128\r\n${GET('/root.pem', 'a')}`)
    expect(outside).toBe('')
    expect(world.events).toMatchObject([{ kind: 'clientNotAllowed', clientAddress: '192.0.2.7' }])
  })

  it('puts the address from the PROXY header on intercepted connections', async () => {
    let seen: Connection | null = null
    await start({
      options: { clientAddress: { from: 'proxy_protocol', trusted: ['127.0.0.1'] } },
      handler: (request, response) => {
        seen = connectionOfRequest(request)
        response.end()
      },
    })
    const socket = await rawTcp(world.port)
    socket.write(`PROXY TCP4 198.51.100.7 192.0.2.1 1000 3128\r\n${CONNECT('ca.test:443')}`)
    await headerOf(socket)
    const inner = await secured(socket, { ca: world.root, servername: 'ca.test' })
    inner.write(GET('/'))
    await untilClosed(inner)
    expect(seen).toMatchObject({ clientAddress: '198.51.100.7', clientPort: 1000 })
  })

  it('gives one address its share of connections', async () => {
    await start({ options: { limits: { connectionsPerAddress: 2 } } })
    const [first, second] = [await rawTcp(world.port), await rawTcp(world.port)]
    expect(await exchange(GET('/root.pem', 'a'))).toBe('')
    expect(world.events[0]?.kind).toBe('tooManyConnections')
    first.destroy()
    second.destroy()
  })
})
