import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../src/exchange/connection.ts'
import type { RequestHandler } from '../../src/proxy/listener-options.ts'
import { connectionOfRequest } from '../../src/proxy/peer.ts'
import { until } from './running-listener.ts'
import { rawTcp, type SniWorld, secured, startSni } from './running-proxy.ts'
import { untilClosed } from './tls-client.ts'

let world: SniWorld
afterEach(() => world.stop())

const GET = (host: string) => `GET /dir HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
const seeing = () => {
  const seen: Connection[] = []
  const handler: RequestHandler = (request, response) => {
    seen.push(connectionOfRequest(request))
    response.end('ok')
  }
  return { seen, handler }
}
/** The ClientHello a client would send for this name, as bytes. */
async function clientHello(servername: string | undefined): Promise<Buffer> {
  const { Duplex } = await import('node:stream')
  return new Promise((resolve) => {
    const pipe = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk)
        done()
      },
    })
    connectTls({ socket: pipe, ...(servername === undefined ? {} : { servername }) }).on('error', () => {})
  })
}

describe('a CA that is led here by DNS', () => {
  it('is served under its own name', async () => {
    const { seen, handler } = seeing()
    world = await startSni({}, null, handler)
    const inner = await secured(await rawTcp(world.port), { ca: world.root, servername: 'ca.test' })
    expect(inner.alpnProtocol).toBe('http/1.1')
    inner.write(GET('ca.test'))
    expect(await untilClosed(inner)).toMatch(/ok$/)
    expect(seen).toEqual([
      {
        listener: 'sni',
        mode: 'intercept',
        clientAddress: '127.0.0.1',
        clientPort: expect.any(Number),
        tlsVersion: 'TLSv1.3',
        serverName: 'ca.test',
        proxyUser: null,
        intercepted: 'ca.test',
      },
    ])
    expect(world.events).toEqual([])
  })

  it.each(['CA.Test', 'ca.TEST.'])('also spelt %s', async (servername) => {
    const { seen, handler } = seeing()
    world = await startSni({}, null, handler)
    const inner = await secured(await rawTcp(world.port), {
      ca: world.root,
      servername,
      checkServerIdentity: () => undefined,
    })
    inner.write(GET('ca.test'))
    await untilClosed(inner)
    expect(seen).toMatchObject([{ serverName: servername, intercepted: 'ca.test' }])
    expect(world.minted).toEqual(['ca.test'])
  })

  it("is the one on the listener's own port where a host has several", async () => {
    const { CAS } = await import('./running-proxy.ts')
    const { seen, handler } = seeing()
    world = await startSni({}, null, handler)
    const authorities = CAS as Record<string, readonly string[]>
    const before = authorities['ca.test'] ?? []
    authorities['ca.test'] = ['ca.test', `ca.test:${world.port}`]
    try {
      const inner = await secured(await rawTcp(world.port), { ca: world.root, servername: 'ca.test' })
      inner.write(GET(`ca.test:${world.port}`))
      await untilClosed(inner)
    } finally {
      authorities['ca.test'] = before
    }
    expect(seen).toMatchObject([{ intercepted: `ca.test:${world.port}` }])
  })

  it.each([
    ['TLSv1.2', null],
    ['TLSv1.2', '127.0.0.9'],
    ['TLSv1.3', null],
    ['TLSv1.3', '127.0.0.9'],
  ] as const)('resumes no session, and serves who offers one (%s, %s)', async (version, unnamed) => {
    const { seen, handler } = seeing()
    world = await startSni({}, unnamed, handler)
    const options = { ca: world.root, servername: 'ca.test', maxVersion: version }
    let session: Buffer | undefined
    for (let n = 0; n < 3; n++) {
      const inner = await secured(await rawTcp(world.port), { ...options, ...(session ? { session } : {}) })
      inner.on('session', (latest: Buffer) => {
        session = latest
      })
      session ??= inner.getSession()
      inner.write(GET('ca.test'))
      expect(await untilClosed(inner)).toMatch(/ok$/)
    }
    expect(session).toBeDefined()
    expect(seen.map(({ intercepted }) => intercepted)).toEqual(['ca.test', 'ca.test', 'ca.test'])
    expect(seen.map(({ tlsVersion }) => tlsVersion)).toEqual([version, version, version])
    const offered = { ...options, servername: 'evil.test', ...(session ? { session } : {}) }
    const other = await secured(await rawTcp(world.port), offered).then(
      () => 'open',
      () => 'refused',
    )
    expect(other).toBe('refused')
  })

  it('takes a ClientHello in fragments', async () => {
    world = await startSni()
    const { Duplex } = await import('node:stream')
    const socket = await rawTcp(world.port)
    const pipe = new Duplex({
      read() {},
      async write(chunk: Buffer, _encoding, done) {
        for (let i = 0; i < chunk.length; i += 7) {
          socket.write(chunk.subarray(i, i + 7))
          await new Promise((resolve) => setImmediate(resolve))
        }
        done()
      },
    })
    socket.on('data', (chunk: Buffer) => pipe.push(chunk))
    const inner = connectTls({ socket: pipe, ca: world.root, servername: 'ca.test' })
    await once(inner, 'secureConnect')
    expect(world.events).toEqual([])
    socket.destroy()
  })

  it('serves a client without server name where one CA is an address', async () => {
    const { seen, handler } = seeing()
    world = await startSni({}, '127.0.0.9', handler)
    const inner = await secured(await rawTcp(world.port), { ca: world.root, host: '127.0.0.9' })
    inner.write(GET('127.0.0.9'))
    expect(await untilClosed(inner)).toMatch(/ok$/)
    const named = await secured(await rawTcp(world.port), { ca: world.root, servername: 'ca.test' })
    named.write(GET('ca.test'))
    await untilClosed(named)
    expect(seen).toMatchObject([
      { serverName: null, intercepted: '127.0.0.9' },
      { serverName: 'ca.test', intercepted: 'ca.test' },
    ])
  })
})

describe('what is no CA that is taken over', () => {
  const refused = async (servername: string | undefined, options: object = {}) => {
    const socket = await rawTcp(world.port)
    const outcome = await secured(socket, {
      rejectUnauthorized: false,
      ...(servername === undefined ? {} : { servername }),
      ...options,
    }).then(
      () => 'open',
      () => 'refused',
    )
    socket.destroy()
    return outcome
  }

  it.each([
    ['another name', 'evil.test'],
    ['a name below', 'a.ca.test'],
    ['a name above', 'test'],
    ['no name', undefined],
    ['a member of every object', 'constructor'],
    ['a long name', `${'a'.repeat(60)}.`.repeat(4).slice(0, 250)],
  ])('%s gets an alert and no certificate', async (_title, servername) => {
    world = await startSni()
    expect(await refused(servername)).toBe('refused')
    await until(() => world.events.length > 0)
    expect(world.events[0]?.kind).toBe('tlsHandshakeFailed')
    expect(world.minted).toEqual([])
  })

  it('another name is no better where one CA is an address', async () => {
    world = await startSni({}, '127.0.0.9')
    expect(await refused('evil.test')).toBe('refused')
    expect(world.minted).toEqual(['127.0.0.9'])
  })

  it.each([
    ['TLS 1.0', { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    ['TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    ['a cipher without forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }],
    ['HTTP/2 alone', { ALPNProtocols: ['h2'] }],
  ])('%s is refused', async (_title, options) => {
    world = await startSni()
    expect(await refused('ca.test', options)).toBe('refused')
  })

  it('10,000 distinct names mint nothing and leave nothing behind', async () => {
    world = await startSni({ limits: { connectionsPerAddress: 20_000 } })
    const hello = await clientHello(`${'x'.repeat(20)}.test`)
    const at = hello.indexOf('x'.repeat(20))
    const one = async (i: number) => {
      const bytes = Buffer.from(hello)
      bytes.write(String(i).padStart(20, 'n'), at, 'latin1')
      const socket = await rawTcp(world.port)
      socket.write(bytes)
      return untilClosed(socket)
    }
    for (let i = 0; i < 10_000; i += 100) {
      const answers = await Promise.all(Array.from({ length: 100 }, (_, j) => one(i + j)))
      // An alert (RFC 8446 §6) and not one byte of a ServerHello.
      for (const answer of answers) expect(answer.charCodeAt(0)).toBe(0x15)
    }
    expect(world.minted).toEqual([])
    await until(() => world.listener.openConnections === 0)
    expect(world.events).toHaveLength(10_000)
  }, 120_000)

  it('garbage in the place of the name, and mutated handshakes', async () => {
    world = await startSni({
      limits: { handshakeTimeout: 300, checkInterval: 50, connectionsPerAddress: 5_000 },
    })
    const hello = await clientHello('ca.test')
    const send = async (bytes: Buffer) => {
      const socket: Socket = await rawTcp(world.port)
      socket.end(bytes)
      await untilClosed(socket)
    }
    const at = hello.indexOf('ca.test')
    const names = [
      '\0\0\0\0\0\0\0',
      'ca.te\0t',
      '..tes..',
      '%00%00%',
      'ca test',
      '\xff\xfe\xfd\xfc\xfb\xfa\xf9',
      '127.0.0',
    ]
    for (const name of names) {
      const bytes = Buffer.from(hello)
      bytes.write(name, at, 'latin1')
      await send(bytes)
    }
    for (let i = 0; i < 1_000; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, () => {
          const bytes = Buffer.from(hello)
          const [where = 0, what = 0, more = 0] = randomBytes(3)
          bytes[(where * 7 + more) % bytes.length] = what
          return send(bytes)
        }),
      )
    }
    expect(new Set(world.minted).size).toBeLessThanOrEqual(1)
    await until(() => world.listener.openConnections === 0)
    const inner = await secured(await rawTcp(world.port), { ca: world.root, servername: 'ca.test' })
    inner.write(GET('ca.test'))
    expect(await untilClosed(inner)).toMatch(/ 200 /)
  }, 60_000)
})

describe('the rest of the port', () => {
  it('serves the networks that are listed, by the word of a trusted balancer', async () => {
    const { seen, handler } = seeing()
    const clientAddress = { from: 'proxy_protocol', trusted: ['127.0.0.1'] } as const
    world = await startSni({ clients: ['10.0.0.0/8'], clientAddress }, null, handler)
    const inside = await rawTcp(world.port)
    void inside.write('PROXY TCP4 10.1.2.3 192.0.2.1 1000 443\r\n')
    const inner = await secured(inside, { ca: world.root, servername: 'ca.test' })
    inner.write(GET('ca.test'))
    await untilClosed(inner)
    expect(seen).toMatchObject([{ clientAddress: '10.1.2.3' }])
    const outside = await rawTcp(world.port)
    void outside.write('PROXY TCP4 192.0.2.7 192.0.2.1 1000 443\r\n')
    await untilClosed(outside)
    expect(world.events).toMatchObject([{ kind: 'clientNotAllowed', clientAddress: '192.0.2.7' }])
  })

  it('cuts off a handshake that never ends', async () => {
    world = await startSni({ limits: { handshakeTimeout: 150, checkInterval: 30 } })
    const socket = await rawTcp(world.port)
    socket.write((await clientHello('ca.test')).subarray(0, 50))
    await untilClosed(socket)
    expect(world.events).toEqual([{ kind: 'timeout', clientAddress: '127.0.0.1', detail: 'TLS handshake' }])
  })

  it('drains: the answer under way arrives with Connection: close', async () => {
    let answer: (() => void) | null = null
    world = await startSni({}, null, (request, response) => {
      request.resume()
      answer = () => response.end('done')
    })
    const inner = await secured(await rawTcp(world.port), { ca: world.root, servername: 'ca.test' })
    inner.write('GET /dir HTTP/1.1\r\nHost: ca.test\r\n\r\n')
    const all = untilClosed(inner)
    await until(() => answer !== null)
    const closing = world.listener.close(60_000)
    answer!()
    expect(await all).toMatch(/\r\nConnection: close\r\n[\s\S]*done$/)
    await closing
  })
})
