/**
 * Listener `acme`: one TLS port that speaks HTTP/1.1 and HTTP/2. A connection goes through
 *
 *   port → TLS handshake → HTTP/1 or HTTP/2 server → handler
 *
 * and every step has a deadline. Nothing here knows what the requests mean.
 */
import type { Http2Server, Http2Session, ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { rememberConnection } from '../exchange/connection.ts'
import { createHttp2Server } from './http2-server.ts'
import {
  type CertificateSource,
  openCertificateSource,
  type ServedCertificate,
} from './listener-certificate.ts'
import {
  type AcmeListenerOptions,
  DEFAULT_LIMITS,
  errorDetail,
  isHangUp,
  type ListenerEvents,
  type RequestHandler,
} from './listener-options.ts'
import { ListenerTls } from './listener-tls.ts'
import type { Peer } from './peer.ts'
import { Port } from './port.ts'
import { Http1Side, receive } from './requests.ts'

/**
 * Prepare a listener; `listen` opens the port. Throws when the certificate, the names or the trusted networks
 * are unfit: ListenerRootError, RangeError, or the file system's errors.
 */
export async function createAcmeListener(
  options: AcmeListenerOptions,
  handler: RequestHandler,
  events: ListenerEvents,
): Promise<AcmeListener> {
  const now = options.now ?? (() => new Date())
  const certificate = await openCertificateSource(options.certificate, options.names, now, (event) =>
    events.onCertificateEvent(event),
  )
  return new AcmeListener(options, certificate, handler, events)
}

export class AcmeListener {
  readonly #port: Port
  readonly #handler: RequestHandler
  readonly #tls: ListenerTls
  readonly #http1: Http1Side
  readonly #http2: Http2Server
  readonly #ofSession = new WeakMap<Http2Session, Peer>()
  /** Whose session `#http2` is making: its `session` event comes before `emit` returns. */
  #handingOver: Peer | null = null

  constructor(
    options: AcmeListenerOptions,
    certificate: CertificateSource,
    handler: RequestHandler,
    events: ListenerEvents,
  ) {
    this.#handler = handler
    this.#port = new Port(
      { ...options, clients: [] },
      { ...DEFAULT_LIMITS, ...options.limits },
      (peer) => this.#tls.server.emit('connection', peer.socket),
      events.onConnectionEvent.bind(events),
    )
    this.#tls = new ListenerTls(certificate, ['h2', 'http/1.1'], events)
    this.#tls.server.on('secureConnection', (socket) => this.#secured(socket))
    this.#tls.server.on('tlsClientError', this.#port.noteTrouble)
    this.#http1 = new Http1Side(this.#port, (request, response) => this.#handler(request, response))
    this.#http2 = createHttp2Server(this.#port.limits)
    this.#http2.on('session', (session) => this.#sessionOpened(session))
    this.#http2.on('sessionError', (error: NodeJS.ErrnoException, session: ServerHttp2Session) => {
      const peer = this.#ofSession.get(session)
      if (peer !== undefined && !isHangUp(error)) this.#port.report(peer, 'protocolError', errorDetail(error))
    })
    this.#http2.on('request', (request, response) => {
      const { session } = request.stream
      const peer = session && this.#ofSession.get(session)
      receive(this.#port, peer, request, response, this.#handler)
    })
  }

  /** PEM of the root that clients must trust; null where the certificate comes from files. */
  get rootCertificate(): string | null {
    return this.#tls.rootCertificate
  }

  get certificate(): ServedCertificate {
    return this.#tls.certificate
  }

  get openConnections(): number {
    return this.#port.openConnections
  }

  /** Open the port. Rejects with the system's error, EADDRINUSE for one. */
  async listen(): Promise<AddressInfo> {
    return this.#port.listen([
      [() => void this.checkCertificate(), this.#port.limits.certificateCheckInterval],
    ])
  }

  /** Renew the leaf if it is due, or take up changed files. Open connections are untouched. Never throws. */
  checkCertificate(): Promise<void> {
    return this.#tls.checkCertificate()
  }

  /** Stop accepting, let requests under way finish for up to `drainMs`, then cut what is left. Always resolves. */
  async close(drainMs: number): Promise<void> {
    await this.#port.close(drainMs)
    this.#http1.server.close()
    this.#tls.server.close()
  }

  #secured(socket: TLSSocket): void {
    const peer = this.#port.secured(socket)
    if (peer === null) return
    peer.connection = {
      listener: 'acme',
      mode: 'relay',
      clientAddress: peer.client.address,
      clientPort: peer.client.port,
      tlsVersion: socket.getProtocol(),
      serverName: typeof socket.servername === 'string' ? socket.servername : null,
      proxyUser: null,
      intercepted: null,
    }
    rememberConnection(socket, peer.connection)
    if (socket.alpnProtocol === 'h2') {
      this.#handingOver = peer
      this.#http2.emit('connection', socket)
      this.#handingOver = null
    } else {
      this.#http1.serve(peer, socket)
    }
  }

  #sessionOpened(session: ServerHttp2Session): void {
    const peer = this.#handingOver
    if (peer === null) {
      session.destroy()
      return
    }
    peer.protocol = { kind: 'http2', session }
    this.#ofSession.set(session, peer)
    this.#port.expectRequest(peer)
  }
}
