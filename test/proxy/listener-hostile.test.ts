import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type RunningListener, startListener, until } from './running-listener.ts'
import { ask, http2, tcp, tls, untilClosed } from './tls-client.ts'

let running: RunningListener
afterEach(() => running.stop())

const limits = {
  checkInterval: 50,
  handshakeTimeout: 500,
  headersTimeout: 500,
  requestTimeout: 1_000,
  idleTimeout: 500,
}
const stillServes = async () => {
  const session = await http2(running)
  expect((await ask(session, { ':method': 'POST' }, 'abc')).status).toBe(200)
  session.destroy()
  await until(() => running.listener.openConnections === 0)
}
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

describe('what is no TLS', () => {
  it.each([
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'ERR_SSL_HTTP_REQUEST'],
    ['a proxy request', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', /^ERR_SSL_/],
    ['plain HTTP/2', PREFACE, /^ERR_SSL_/],
    ['a PROXY header nobody asked for', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n', /^ERR_SSL_/],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n', /^ERR_SSL_/],
  ])('%s is cut off and reported with a code, not with its bytes', async (_title, bytes, code) => {
    running = await startListener({ limits })
    const socket = await tcp(running)
    socket.write(bytes)
    await untilClosed(socket)
    await until(() => running.events.length > 0)
    expect(running.events).toEqual([
      { kind: 'tlsHandshakeFailed', clientAddress: '127.0.0.1', detail: expect.stringMatching(code) },
    ])
    await stillServes()
  })

  it('a reset at any point of the handshake is survived', async () => {
    running = await startListener({ limits })
    for (let size = 0; size < 12; size += 1) {
      const socket = await tcp(running)
      if (size > 0) socket.write(Buffer.from('160301020001000001fc0303', 'hex').subarray(0, size))
      await new Promise((resolve) => setImmediate(resolve))
      socket.resetAndDestroy()
    }
    await stillServes()
    expect(running.events.every((event) => event.kind === 'tlsHandshakeFailed')).toBe(true)
  })

  it('a reset in the middle of a request or an answer is survived', async () => {
    running = await startListener({ limits }, (request, response) => {
      request.on('error', () => {})
      ;(response as ServerResponse).write('x')
      setTimeout(() => response.end('y'), 30)
      request.resume()
    })
    for (const bytes of [
      'GET',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    ]) {
      const raw = await tcp(running)
      const { connect: secure } = await import('node:tls')
      const socket = secure({ socket: raw, ca: running.root, servername: 'localhost' })
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('secureConnect', resolve))
      socket.write(bytes)
      await new Promise((resolve) => setTimeout(resolve, 15))
      raw.resetAndDestroy()
    }
    await until(() => running.listener.openConnections === 0)
    await stillServes()
    expect(running.events).toEqual([])
  })
})

describe('what is no HTTP/2', () => {
  const frame = (type: number, flags: number, stream: number, payload: Buffer) => {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head[3] = type
    head[4] = flags
    head.writeUInt32BE(stream, 5)
    return Buffer.concat([head, payload])
  }
  const settings = frame(4, 0, 0, Buffer.alloc(0))

  it.each([
    ['another preface', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['half a preface and garbage', Buffer.concat([PREFACE.subarray(0, 12), randomBytes(64)])],
    ['data on stream 0', Buffer.concat([PREFACE, settings, frame(0, 0, 0, Buffer.from('abc'))])],
    ['an even stream', Buffer.concat([PREFACE, settings, frame(1, 5, 2, Buffer.from([0x82]))])],
    ['an oversized frame', Buffer.concat([PREFACE, settings, Buffer.from('ffffff000000000001', 'hex')])],
    [
      'broken compression',
      Buffer.concat([PREFACE, settings, frame(1, 5, 1, Buffer.from('ffffffffffffff', 'hex'))]),
    ],
    ['settings of a wrong size', Buffer.concat([PREFACE, frame(4, 0, 0, Buffer.from('abc'))])],
  ])('%s ends the connection and is reported', async (_title, bytes) => {
    running = await startListener({ limits })
    const socket = await tls(running, { ALPNProtocols: ['h2'] })
    socket.write(bytes)
    await untilClosed(socket)
    await until(() => running.events.length > 0)
    expect(running.events[0]).toMatchObject({ kind: 'protocolError', clientAddress: '127.0.0.1' })
    await stillServes()
  })

  it('a flood of resets ends the session', async () => {
    let handled = 0
    running = await startListener(
      { limits: { ...limits, streamResetBurst: 50, streamResetRate: 1 } },
      (request, response) => {
        handled += 1
        request.on('error', () => {})
        response.end()
      },
    )
    const socket = await tls(running, { ALPNProtocols: ['h2'] })
    // RFC 7541 §6.1, §6.2.1: GET https://a/ from the static table, then RST_STREAM with CANCEL at once.
    const get = Buffer.from([0x82, 0x84, 0x87, 0x41, 0x01, 0x61])
    const cancel = Buffer.from([0, 0, 0, 8])
    const resets = Array.from({ length: 20_000 }, (_, n) =>
      Buffer.concat([frame(1, 0x5, 2 * n + 1, get), frame(3, 0, 2 * n + 1, cancel)]),
    )
    socket.write(Buffer.concat([PREFACE, settings, ...resets]))
    await untilClosed(socket)
    expect(handled).toBeLessThan(5_000)
    await until(() => running.events.length > 0)
    expect(running.events[0]).toMatchObject({ kind: 'protocolError', clientAddress: '127.0.0.1' })
    await until(() => running.listener.openConnections === 0)
    await stillServes()
  })

  it('floods of PING, SETTINGS and empty frames are survived', async () => {
    running = await startListener({ limits })
    for (const flood of [
      frame(6, 0, 0, Buffer.alloc(8)),
      settings,
      frame(9, 0, 1, Buffer.alloc(0)),
      frame(0, 0, 1, Buffer.alloc(0)),
    ]) {
      const socket = await tls(running, { ALPNProtocols: ['h2'] })
      socket.write(Buffer.concat([PREFACE, settings, ...Array.from({ length: 5_000 }, () => flood)]))
      await untilClosed(socket)
    }
    await stillServes()
  })
})

it('5,000 connections of garbage leave it serving, with nothing left open', async () => {
  running = await startListener({ limits })
  const starts = [
    '',
    '160301',
    '16030100',
    '1603010200010001fc0303',
    '8080',
    '0d0a0d0a000d0a515549540a',
    '474554202f',
  ].map((hex) => Buffer.from(hex, 'hex'))
  const one = (index: number) =>
    new Promise<void>((resolve) => {
      const socket = connect(running.port, '127.0.0.1', () => {
        const prefix = starts[index % starts.length] ?? Buffer.alloc(0)
        socket.write(Buffer.concat([prefix, randomBytes(index % 97)]))
        if (index % 3 === 0) socket.resetAndDestroy()
        else if (index % 3 === 1) socket.end()
      })
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      socket.resume()
    })
  const worker = async (first: number) => {
    for (let index = first; index < 5_000; index += 100) await one(index)
  }
  await Promise.all(Array.from({ length: 100 }, (_, first) => worker(first)))
  await until(() => running.listener.openConnections === 0)
  await stillServes()
  for (const event of running.events) {
    expect(['tlsHandshakeFailed', 'timeout']).toContain(event.kind)
    expect(event.detail).toMatch(/^[\x20-\x7e]{1,120}$/)
  }
}, 60_000)
