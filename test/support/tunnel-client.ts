/** Raw connections through a proxy's CONNECT, for what HTTP libraries would not send. */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect, type SecureContext, type TLSSocket } from 'node:tls'

export interface TunnelEntry {
  /** The proxy's port on 127.0.0.1. */
  readonly port: number
  /** `host:port` to CONNECT to. */
  readonly target: string
  /** Local address to come from. */
  readonly from?: string
}

export interface ConnectAnswer {
  readonly socket: Socket
  /** Status of the answer to CONNECT; null where the connection was closed without one. */
  readonly status: number | null
  /** All that came before the socket was handed over. */
  readonly text: string
}

/** Connects; rejects where nothing listens. Errors after that only close the socket. */
export function openTcp(port: number, from?: string, to = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({
      port,
      host: to,
      noDelay: true,
      ...(from === undefined ? {} : { localAddress: from }),
    })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.on('error', () => socket.destroy())
      resolve(socket)
    })
  })
}

/** Sends `head` (by default a plain CONNECT) and reads the head of the answer. */
export async function askConnect(entry: TunnelEntry, head?: string): Promise<ConnectAnswer> {
  const socket = await openTcp(entry.port, entry.from)
  socket.write(head ?? `CONNECT ${entry.target} HTTP/1.1\r\nHost: ${entry.target}\r\n\r\n`, 'latin1')
  return await new Promise((resolve) => {
    let text = ''
    const done = () => {
      socket.off('data', read)
      socket.off('close', done)
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]
      resolve({ socket, status: status === undefined ? null : Number(status), text })
    }
    const read = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (!text.includes('\r\n\r\n')) return
      socket.pause()
      done()
    }
    socket.on('data', read)
    socket.on('close', done)
  })
}

/** TLS inside a tunnel that was opened. Rejects where the handshake fails. */
export function secure(
  socket: Socket,
  options: { readonly secureContext: SecureContext; readonly servername: string },
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    let failure = new Error('closed during the handshake')
    const secured = connect({ socket, ALPNProtocols: ['http/1.1'], ...options })
    secured.once('secureConnect', () => resolve(secured))
    secured.on('error', (error) => {
      failure = error
      secured.destroy()
    })
    secured.once('close', () => reject(failure))
  })
}
