import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTcp, isIP, isIPv6, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { OutgoingLine, Output } from './output.ts'
import { boundedSyslogMessage, framed, type SyslogOrigin, syslogMessage } from './syslog-message.ts'

export interface SyslogServer {
  readonly transport: 'udp' | 'tcp' | 'tls'
  /** A name or an address, without brackets. */
  readonly host: string
  readonly port: number
  /** PEM file of the roots that may sign the server's certificate; null for those Node carries. */
  readonly trust: string | null
}

/** What most servers take in one datagram; RFC 5426 §3.2 asks them for 2,048 at least. */
const DATAGRAM_LIMIT = 8192
const CONNECT_LIMIT = 10_000
const FLUSH_LIMIT = 30_000
/** What was sent last may lie in a buffer of a connection that breaks: so much of it is sent again on the next. */
const RETAINED_BYTES = 1 << 20
const RETAINED_MS = 60_000

/** `url` as the configuration has it. */
export function syslogServer(url: string, trust: string | undefined): SyslogServer {
  const [, transport = 'tcp', rest = ''] = /^(udp|tcp|tls):\/\/(.+)$/.exec(url) ?? []
  const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(rest) ?? []
  return {
    transport: transport as SyslogServer['transport'],
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
    trust: trust ?? null,
  }
}

export function syslogOutput(server: SyslogServer, origin: SyslogOrigin): Output {
  return server.transport === 'udp' ? new UdpOutput(server, origin) : new StreamSyslogOutput(server, origin)
}

/** One datagram a line (RFC 5426 §3.1). What is lost on the way nobody hears of. */
class UdpOutput implements Output {
  readonly #server: SyslogServer
  readonly #origin: SyslogOrigin
  #socket: UdpSocket | null = null

  constructor(server: SyslogServer, origin: SyslogOrigin) {
    this.#server = server
    this.#origin = origin
  }

  async write(lines: readonly OutgoingLine[]): Promise<void> {
    const { host, port } = this.#server
    const socket = this.#opened()
    for (const line of lines) {
      const message = boundedSyslogMessage(line, this.#origin, DATAGRAM_LIMIT)
      await new Promise<void>((resolve, reject) => {
        socket.send(message, port, host, (error) =>
          error ? reject(failure(this.#server, error)) : resolve(),
        )
      })
    }
  }

  reopen(): void {}

  async close(): Promise<void> {
    const socket = this.#socket
    this.#socket = null
    if (socket) await new Promise<void>((resolve) => socket.close(() => resolve()))
  }

  #opened(): UdpSocket {
    if (this.#socket) return this.#socket
    this.#socket = createSocket(isIPv6(this.#server.host) ? 'udp6' : 'udp4')
    // Each send has its own answer.
    this.#socket.on('error', () => undefined)
    return this.#socket
  }
}

interface Retained {
  readonly bytes: Buffer
  readonly at: number
}

/**
 * One connection, frames counted in octets. Syslog has no acknowledgement: lines are taken when the kernel has them.
 * When the connection breaks, what was sent last goes out again on the next one, before anything new.
 */
class StreamSyslogOutput implements Output {
  readonly #server: SyslogServer
  readonly #origin: SyslogOrigin
  #socket: Socket | null = null
  #retained: Retained[] = []

  constructor(server: SyslogServer, origin: SyslogOrigin) {
    this.#server = server
    this.#origin = origin
  }

  async write(lines: readonly OutgoingLine[], signal: AbortSignal): Promise<void> {
    const batch = framed(lines.map((line) => syslogMessage(line, this.#origin)))
    const known = this.#socket
    const socket = known ?? (await this.#connect(signal))
    try {
      if (!known) {
        for (const { bytes } of this.#recent()) await flush(socket, bytes, signal)
      }
      await flush(socket, batch, signal)
    } catch (error) {
      this.#drop(socket)
      throw failure(this.#server, error as Error)
    }
    this.#retained = [...this.#recent(), { bytes: batch, at: performance.now() }]
  }

  reopen(): void {}

  async close(): Promise<void> {
    const socket = this.#socket
    this.#socket = null
    if (!socket) return
    const closed = once(socket, 'close')
    const force = setTimeout(() => socket.destroy(), 1000)
    socket.end()
    await closed.catch(() => undefined)
    clearTimeout(force)
  }

  /** The youngest of what was sent, in order. */
  #recent(): Retained[] {
    const oldest = performance.now() - RETAINED_MS
    let room = RETAINED_BYTES
    const kept: Retained[] = []
    for (const one of this.#retained.toReversed()) {
      room -= one.bytes.length
      if (one.at < oldest || (room < 0 && kept.length > 0)) break
      kept.unshift(one)
    }
    return kept
  }

  async #connect(signal: AbortSignal): Promise<Socket> {
    let socket: Socket
    try {
      socket = this.#dial()
    } catch (error) {
      throw failure(this.#server, error as Error)
    }
    const ready = this.#server.transport === 'tls' ? 'secureConnect' : 'connect'
    const limit = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_LIMIT)])
    try {
      await once(socket, ready, { signal: limit })
    } catch (error) {
      socket.on('error', () => undefined).destroy()
      const late = limit.aborted && !signal.aborted
      throw failure(this.#server, late ? new Error('no connection within 10 s') : (error as Error))
    }
    socket.on('error', () => undefined)
    socket.once('close', () => this.#drop(socket))
    // A server has nothing to say; its end of the connection is read to see it close.
    socket.once('end', () => this.#drop(socket))
    socket.resume().setKeepAlive(true, 15_000).unref()
    this.#socket = socket
    return socket
  }

  #dial(): Socket {
    const { transport, host, port, trust } = this.#server
    if (transport === 'tcp') return connectTcp({ host, port })
    return connectTls({
      host,
      port,
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(trust === null ? {} : { ca: readFileSync(trust) }),
    })
  }

  #drop(socket: Socket): void {
    if (this.#socket === socket) this.#socket = null
    socket.destroy()
  }
}

function flush(socket: Socket, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error: Error | null | undefined) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      socket.off('close', gone)
      if (error) reject(error)
      else resolve()
    }
    const gone = () => end(new Error('the connection was closed'))
    const stop = () => end(new Error('ended before the lines were sent'))
    const timer = setTimeout(() => end(new Error('it took nothing for 30 s')), FLUSH_LIMIT)
    if (signal.aborted) return stop()
    if (socket.destroyed) return gone()
    signal.addEventListener('abort', stop, { once: true })
    socket.once('close', gone)
    socket.write(bytes, end)
  })
}

function failure({ transport, host, port }: SyslogServer, cause: Error): Error {
  const authority = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
  return new Error(`can't send to ${transport}://${authority}: ${cause.message || String(cause)}`, { cause })
}
