/**
 * The inside of connections that are taken over for a CA: TLS under a minted certificate, HTTP/1.1 and nothing else,
 * then the same handler as for every other listener. Deadlines and bounds hold as they do outside.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { type SecureContext, TLSSocket } from 'node:tls'
import { rememberConnection } from '../exchange/connection.ts'
import { cutOff } from './deadlines.ts'
import { errorDetail, type RequestHandler } from './listener-options.ts'
import type { Peer } from './peer.ts'
import type { Port } from './port.ts'
import { Http1Side } from './requests.ts'

/** Intercepted requests are HTTP/1.1: so that what goes to the CA has one way of being written. */
export const INTERCEPT_PROTOCOLS = ['http/1.1']

export interface TakeOver {
  /** For a client that names no server, and for every client where there is no `choose`. */
  readonly context: SecureContext
  /** Picks the context by the TLS server name. */
  readonly choose?: (name: string, done: (error: Error | null, context?: SecureContext) => void) => void
  /** The authority (as the CA's URL writes it) that was reached under this TLS server name; null refuses it. */
  authorityOf(name: string | null): string | null
}

export class TakenOver {
  readonly #port: Port
  readonly #listener: string
  readonly #http1: Http1Side

  constructor(port: Port, listener: string, handler: RequestHandler) {
    this.#port = port
    this.#listener = listener
    this.#http1 = new Http1Side(port, (request, response) => handler(request, response))
  }

  get server(): Server {
    return this.#http1.server
  }

  /** Terminate TLS; what the client has sent of it may wait in `socket`. */
  terminate(peer: Peer, socket: Socket, { context, choose, authorityOf }: TakeOver): void {
    peer.protocol = null
    peer.stage = 'handshake'
    peer.since = performance.now()
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: context,
      ALPNProtocols: INTERCEPT_PROTOCOLS,
      ...(choose === undefined ? {} : { SNICallback: choose }),
    })
    secure.on('error', (error) => {
      peer.trouble ??= errorDetail(error)
    })
    // Only a TLS server of Node's own turns what breaks after the handshake into an `error`.
    secure.on('_tlsError', () => {
      if (peer.stage === 'open') peer.socket.destroy()
    })
    secure.once('secure', () => {
      if (this.#port.draining || peer.stage !== 'handshake') {
        peer.socket.destroy()
        return
      }
      secure.disableRenegotiation()
      const name = nameIn(secure)
      const authority = authorityOf(name === null ? null : name.toLowerCase().replace(/\.$/, ''))
      if (authority === null) {
        cutOff(peer, this.#port.report, 'serverNameRefused', 'no host that this connection may be for')
        return
      }
      peer.stage = 'open'
      peer.since = performance.now()
      this.#serve(peer, secure, name, authority)
    })
  }

  /** HTTP on a connection whose handshake is complete. */
  #serve(peer: Peer, socket: TLSSocket, serverName: string | null, authority: string): void {
    peer.connection = {
      listener: this.#listener,
      mode: 'intercept',
      clientAddress: peer.client.address,
      clientPort: peer.client.port,
      tlsVersion: socket.getProtocol(),
      serverName,
      proxyUser: peer.connection?.proxyUser ?? null,
      intercepted: authority,
    }
    rememberConnection(socket, peer.connection)
    this.#http1.serve(peer, socket)
  }
}

/** The TLS server name (RFC 6066 §3); null where none came. */
function nameIn(socket: TLSSocket): string | null {
  const { servername } = socket
  return typeof servername === 'string' && servername !== '' ? servername : null
}
