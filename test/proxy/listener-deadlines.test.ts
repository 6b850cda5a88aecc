import { afterEach, describe, expect, it } from 'vitest'
import type { AcmeListenerOptions, RequestHandler } from '../../src/proxy/listener-options.ts'
import { type RunningListener, startListener, until } from './running-listener.ts'
import { ask, http2, type Target, tcp, tls, untilClosed } from './tls-client.ts'

/** What is not under test is left long, so that the deadline that struck is the one meant. */
const LONG = 60_000
const limits = (short: Partial<AcmeListenerOptions['limits']>) => ({
  proxyHeaderTimeout: LONG,
  handshakeTimeout: LONG,
  headersTimeout: LONG,
  requestTimeout: LONG,
  idleTimeout: LONG,
  answerTimeout: LONG,
  checkInterval: 30,
  ...short,
})

let running: RunningListener
afterEach(() => running.stop())

const fronts = [
  { front: 'directly', from: 'connection', before: undefined, client: '127.0.0.1' },
  {
    front: 'behind the PROXY protocol',
    from: 'proxy_protocol',
    before: Buffer.from('PROXY TCP4 198.51.100.1 192.0.2.2 54321 443\r\n'),
    client: '198.51.100.1',
  },
] as const

describe.each(fronts)('deadlines $front', ({ from, before, client }) => {
  const start = async (
    short: Partial<AcmeListenerOptions['limits']>,
    handler?: RequestHandler,
  ): Promise<Target> => {
    const clientAddress = { from, trusted: ['127.0.0.1'] }
    running = await startListener({ clientAddress, limits: limits(short) }, handler)
    return { port: running.port, root: running.root, ...(before === undefined ? {} : { before }) }
  }
  const timedOut = (detail: unknown) => [{ kind: 'timeout', clientAddress: client, detail }]
  const trickle = (socket: {
    write(text: string): unknown
    once(event: 'close', f: () => void): unknown
  }) => {
    const timer = setInterval(() => socket.write('a'), 20)
    socket.once('close', () => clearInterval(timer))
  }

  it('cut off a client that never starts the handshake, and one that trickles it', async () => {
    const target = await start({ handshakeTimeout: 150 })
    const silent = await tcp(target)
    const slow = await tcp(target)
    slow.write(Buffer.from('1603010200010001fc0303', 'hex'))
    trickle(slow)
    await Promise.all([untilClosed(silent), untilClosed(slow)])
    expect(running.events).toEqual([...timedOut('TLS handshake'), ...timedOut('TLS handshake')])
  })

  it('HTTP/1: answer 408 to headers that never end', async () => {
    const socket = await tls(await start({ headersTimeout: 150 }))
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nX: ')
    trickle(socket)
    expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n/)
    expect(running.events).toEqual(timedOut('ERR_HTTP_REQUEST_TIMEOUT'))
  })

  it('HTTP/1: cut off a client that sends nothing after the handshake', async () => {
    await untilClosed(await tls(await start({ headersTimeout: 150 })))
    expect(running.events).toEqual(timedOut('ERR_HTTP_REQUEST_TIMEOUT'))
  })

  it('HTTP/1: answer 408 to a body that trickles on', async () => {
    const socket = await tls(await start({ requestTimeout: 150, headersTimeout: 100 }))
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n')
    trickle(socket)
    expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 408 /)
    expect(running.events).toEqual(timedOut('ERR_HTTP_REQUEST_TIMEOUT'))
  })

  it('HTTP/1: close a kept connection that stays idle, without an event', async () => {
    const socket = await tls(await start({ idleTimeout: 100 }))
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 200 [\s\S]*GET \/ 0 1\.1$/)
    expect(running.events).toEqual([])
  })

  it('HTTP/2: answer 408 to a body that trickles on, and leave other streams alone', async () => {
    const target = await start({ requestTimeout: 300 })
    const session = await http2(target)
    const slow = session.request({ ':method': 'POST', ':path': '/slow' })
    slow.on('error', () => {})
    trickle(slow)
    const status = await new Promise((resolve) =>
      slow.on('response', (headers) => resolve(headers[':status'])),
    )
    expect(status).toBe(408)
    await until(() => slow.destroyed)
    expect(running.events).toEqual(timedOut('request body'))
    expect((await ask(session, { ':path': '/quick' })).status).toBe(200)
    session.destroy()
  })

  it('HTTP/2: do not strike a request whose answer takes long', async () => {
    const target = await start(
      { requestTimeout: 300, idleTimeout: 300, answerTimeout: 300 },
      (request, response) => {
        request.resume()
        setTimeout(() => response.end('late'), 900)
      },
    )
    const session = await http2(target)
    expect(await ask(session, { ':method': 'POST' }, 'body')).toMatchObject({ status: 200, body: 'late' })
    expect(running.events).toEqual([])
    session.destroy()
  })

  it('HTTP/2: say GOAWAY to an idle session, also to one whose header block never ends', async () => {
    const target = await start({ idleTimeout: 400 })
    const idle = await http2(target)
    const goneAway = new Promise((resolve) => idle.on('goaway', resolve))
    await ask(idle, {})
    expect(await goneAway).toBe(0)
    const raw = await tls(target, { ALPNProtocols: ['h2'] })
    const headersWithoutEnd = Buffer.from('000001010000000001' + '82', 'hex')
    raw.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    raw.write(Buffer.concat([Buffer.from('000000040000000000', 'hex'), headersWithoutEnd]))
    await untilClosed(raw)
    expect(running.events).toEqual([])
  })

  it('HTTP/2: cut off a session that keeps sending PING and never asks for anything', async () => {
    const session = await http2(await start({ idleTimeout: 400 }))
    const timer = setInterval(() => !session.destroyed && session.ping(() => {}), 20)
    await new Promise((resolve) => session.on('close', resolve))
    clearInterval(timer)
    await until(() => running.listener.openConnections === 0)
  })

  it('cut off a client that does not take its answer, in both versions', async () => {
    const answer = Buffer.alloc(32 * 1024 * 1024)
    const target = await start({ answerTimeout: 150 }, (request, response) => {
      request.resume()
      response.end(answer)
    })
    const socket = await tls(target)
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => running.events.length === 1)
    const session = await http2(target)
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => {})
    stream.pause()
    await until(() => running.events.length === 2)
    expect(running.events).toEqual([...timedOut('answer not taken'), ...timedOut('answer not taken')])
    socket.destroy()
    session.destroy()
    await until(() => running.listener.openConnections === 0)
  })
})

it('the PROXY protocol header has a deadline of its own, also when it trickles', async () => {
  running = await startListener({
    clientAddress: { from: 'proxy_protocol', trusted: ['127.0.0.1'] },
    limits: limits({ proxyHeaderTimeout: 150 }),
  })
  const silent = await tcp(running)
  const slow = await tcp(running)
  slow.write('PROXY TCP4 ')
  await Promise.all([untilClosed(silent), untilClosed(slow)])
  const event = { kind: 'timeout', clientAddress: '127.0.0.1', detail: 'PROXY protocol header' }
  expect(running.events).toEqual([event, event])
})
