import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { ResponseReader, type WholeAnswer } from './response-reader.ts'

export interface Way {
  /** Port on 127.0.0.1: the target's own, or that of the proxy it is. */
  readonly port: number
  /** What to ask the proxy to CONNECT to; null for no proxy. */
  readonly tunnelTo: string | null
  /** PEM of the only root that is trusted. */
  readonly trust: string
}

/** One TLS connection over which one request at a time is sent. */
export interface ClientConnection {
  /** The status of the answer. Rejects where the connection ends before it is whole. */
  ask(request: Buffer): Promise<number>
  /** As {@link ask}, with fields and body. */
  askWhole(request: Buffer): Promise<WholeAnswer>
  close(): void
}

/** Reading the roots costs as much as a handshake: once for each target is enough. */
const contexts = new Map<string, SecureContext>()

/** Always a full handshake, and the certificate is verified. Rejects where it can't be opened. */
export async function openConnection(way: Way): Promise<ClientConnection> {
  const socket = connectTcp({ port: way.port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => socket.destroy())
  await opened(socket, 'connect')
  if (way.tunnelTo !== null) await enterTunnel(socket, way.tunnelTo)
  const secureContext = contexts.get(way.trust) ?? createSecureContext({ ca: way.trust })
  contexts.set(way.trust, secureContext)
  const secured = connect({ socket, servername: 'localhost', secureContext, ALPNProtocols: ['http/1.1'] })
  let failure: Error | undefined
  secured.on('error', (error) => {
    failure = error
    secured.destroy()
  })
  await opened(secured, 'secureConnect', () => failure)
  const reader = new ResponseReader()
  secured.on('data', (data: Buffer) => reader.push(data))
  secured.on('close', () => reader.close())
  const askWhole = (request: Buffer) => {
    const answered = reader.next()
    secured.write(request)
    return answered
  }
  return {
    ask: async (request) => (await askWhole(request)).status,
    askWhole,
    close: () => secured.destroy(),
  }
}

async function enterTunnel(socket: Socket, authority: string): Promise<void> {
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: acmetap-bench/1\r\n\r\n`)
  let head = ''
  while (!head.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data', { signal: AbortSignal.timeout(30_000) })) as [Buffer]
    head += chunk.toString('latin1')
  }
  socket.pause()
  if (!/^HTTP\/1\.[01] 200 /.test(head)) throw new Error(`CONNECT was answered ${head.split('\r\n')[0]}`)
}

function opened(
  socket: Socket | TLSSocket,
  event: 'connect' | 'secureConnect',
  why: () => Error | undefined = () => undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve)
    socket.once('close', () => reject(why() ?? new Error(`closed before ${event}`)))
  })
}
