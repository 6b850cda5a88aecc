/** Raw TLS and HTTP/2 clients for a listener under test, with or without a PROXY protocol header in front. */
import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'

export interface Target {
  readonly port: number
  readonly root: string
  /** Sent before the handshake: a PROXY protocol header. */
  readonly before?: Buffer
}

export async function tcp(target: Target): Promise<Socket> {
  const socket = connectTcp({ port: target.port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (target.before !== undefined) socket.write(target.before)
  return socket
}

export async function tls(target: Target, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({
    ca: target.root,
    servername: 'localhost',
    ...options,
    socket: await tcp(target),
  })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

/** Everything the other side sends until it closes. */
export async function untilClosed(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(chunks).toString('latin1')
}

export async function http2(target: Target): Promise<ClientHttp2Session> {
  const socket = await tls(target, { ALPNProtocols: ['h2'] })
  const session = connectHttp2('https://localhost', { createConnection: () => socket })
  session.on('error', () => {})
  return session
}

export interface Http2Answer {
  readonly status: number | null
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly resetCode: number
}

/** One request; `body` null leaves the stream open without an end. */
export function ask(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body: string | null = '',
): Promise<Http2Answer> {
  return new Promise((resolve) => {
    const stream = session.request({ ':path': '/', ...headers }, { endStream: false })
    let answered: IncomingHttpHeaders = {}
    const chunks: Buffer[] = []
    stream.on('response', (received) => {
      answered = received
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', () => {})
    stream.on('close', () => {
      const status = typeof answered[':status'] === 'number' ? answered[':status'] : null
      resolve({
        status,
        headers: answered,
        body: Buffer.concat(chunks).toString(),
        resetCode: stream.rstCode,
      })
    })
    if (body !== null) stream.end(body)
  })
}
