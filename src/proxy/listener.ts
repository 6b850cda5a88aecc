/**
 * Listener `acme`: one TLS port that speaks HTTP/1.1 and HTTP/2. A connection goes through
 *
 *   accept → (PROXY protocol header) → TLS handshake → HTTP/1 or HTTP/2 server → handler
 *
 * and every step has a deadline. Node keeps those of HTTP/1 headers and bodies; one sweep over all connections
 * keeps the others, for Node's TLS time-out starts again with each byte and its HTTP/2 has none for streams.
 * Nothing here knows what the requests mean.
 */
import type { Server } from 'node:http'
import type { Http2Server, Http2Session, ServerHttp2Session } from 'node:http2'
import {
  type AddressInfo,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { rememberConnection } from '../exchange/connection.ts'
import { canonicalAddress, type IsTrusted, trustedNetworks } from './client-address.ts'
import { ConnectionsPerAddress } from './connections-per-address.ts'
import { cutOff, enforceDeadlines, type ReportEvent } from './deadlines.ts'
import { createHttp1Server } from './http1-server.ts'
import { createHttp2Server } from './http2-server.ts'
import {
  type CertificateSource,
  openCertificateSource,
  type ServedCertificate,
  secureContext,
} from './listener-certificate.ts'
import {
  type AcmeListenerOptions,
  type ConnectionEventKind,
  DEFAULT_LIMITS,
  errorDetail,
  type HttpRequest,
  type HttpResponse,
  isHangUp,
  type ListenerEvents,
  type ListenerLimits,
  type RequestHandler,
} from './listener-options.ts'
import { newPeer, type Peer, type RequestUnderWay, rememberRequest } from './peer.ts'
import { readProxyHeader } from './read-proxy-header.ts'
import { outsideBounds } from './request-bounds.ts'

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
  readonly #options: AcmeListenerOptions
  readonly #limits: ListenerLimits
  readonly #certificate: CertificateSource
  readonly #handler: RequestHandler
  readonly #events: ListenerEvents
  readonly #isTrusted: IsTrusted
  readonly #perAddress: ConnectionsPerAddress
  readonly #front: NetServer
  readonly #tls: TlsServer
  readonly #http1: Server
  readonly #http2: Http2Server
  #checking: Promise<void> = Promise.resolve()
  readonly #peers = new Map<string, Peer>()
  readonly #ofSocket = new WeakMap<Duplex, Peer>()
  readonly #ofSession = new WeakMap<Http2Session, Peer>()
  /** Whose session `#http2` is making: its `session` event comes before `emit` returns. */
  #handingOver: Peer | null = null
  #timers: NodeJS.Timeout[] = []
  #draining = false
  #emptied: (() => void) | null = null

  constructor(
    options: AcmeListenerOptions,
    certificate: CertificateSource,
    handler: RequestHandler,
    events: ListenerEvents,
  ) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#certificate = certificate
    this.#handler = handler
    this.#events = events
    this.#isTrusted = trustedNetworks(options.clientAddress.trusted)
    this.#perAddress = new ConnectionsPerAddress(this.#limits.connectionsPerAddress)
    this.#front = createNetServer({ noDelay: true }, (socket) => this.#accept(socket))
    this.#tls = createTlsServer({
      ...secureContext(certificate.current()),
      ALPNProtocols: ['h2', 'http/1.1'],
    })
    this.#tls.on('secureConnection', (socket) => this.#secured(socket))
    this.#tls.on('tlsClientError', (error, socket) => {
      const peer = this.#peers.get(endpoints(socket))
      if (peer !== undefined) peer.trouble ??= errorDetail(error)
    })
    this.#http1 = createHttp1Server(this.#limits, (socket, kind, detail) =>
      this.#http1Failed(socket, kind, detail),
    )
    this.#http1.on('request', (request, response) => {
      this.#receive(this.#ofSocket.get(request.socket), request, response)
    })
    this.#http2 = createHttp2Server(this.#limits)
    this.#http2.on('session', (session) => this.#sessionOpened(session))
    this.#http2.on('sessionError', (error: NodeJS.ErrnoException, session: ServerHttp2Session) => {
      const peer = this.#ofSession.get(session)
      if (peer !== undefined && !isHangUp(error)) this.#report(peer, 'protocolError', errorDetail(error))
    })
    this.#http2.on('request', (request, response) => {
      const { session } = request.stream
      this.#receive(session && this.#ofSession.get(session), request, response)
    })
  }

  /** PEM of the root that clients must trust; null where the certificate comes from files. */
  get rootCertificate(): string | null {
    return this.#certificate.rootCertificate
  }

  get certificate(): ServedCertificate {
    return this.#certificate.current()
  }

  get openConnections(): number {
    return this.#peers.size
  }

  /** Open the port. Rejects with the system's error, EADDRINUSE for one. */
  async listen(): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#front.once('error', reject)
      this.#front.listen({ host: this.#options.address, port: this.#options.port }, () => {
        this.#front.off('error', reject)
        resolve()
      })
    })
    // Out of file descriptors, for example: those waiting stay in the queue, the listener goes on.
    this.#front.on('error', (error) => {
      this.#events.onConnectionEvent({
        kind: 'protocolError',
        clientAddress: null,
        detail: errorDetail(error),
      })
    })
    this.#timers = [
      setInterval(() => this.#sweep(), this.#limits.checkInterval),
      setInterval(() => void this.checkCertificate(), this.#limits.certificateCheckInterval),
    ]
    for (const timer of this.#timers) timer.unref()
    return this.#front.address() as AddressInfo
  }

  /** Renew the leaf if it is due, or take up changed files. Open connections are untouched. Never throws. */
  checkCertificate(): Promise<void> {
    // One after the other: two looks at once would both find the leaf due and mint two.
    this.#checking = this.#checking.then(() => this.#checkCertificateNow())
    return this.#checking
  }

  async #checkCertificateNow(): Promise<void> {
    const fresh = await this.#certificate.check()
    if (fresh === null) return
    this.#tls.setSecureContext(secureContext(fresh))
    this.#events.onCertificateEvent({ kind: 'certificateReplaced', notAfter: fresh.notAfter })
  }

  /**
   * Stop accepting, let requests under way finish for up to `drainMs`, then cut what is left. Clients are told:
   * `Connection: close` in HTTP/1, GOAWAY in HTTP/2. Always resolves.
   */
  async close(drainMs: number): Promise<void> {
    this.#draining = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#front.close()
    for (const peer of this.#peers.values()) this.#farewell(peer)
    if (this.#peers.size > 0) {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, drainMs)
        this.#emptied = () => {
          clearTimeout(deadline)
          resolve()
        }
      })
    }
    for (const peer of this.#peers.values()) peer.socket.destroy()
    this.#http1.close()
    this.#tls.close()
  }

  #farewell(peer: Peer): void {
    const { protocol } = peer
    if (protocol === null) peer.socket.destroy()
    else if (protocol.kind === 'http2') protocol.session.close()
    else if (peer.requests.size === 0) protocol.socket.destroySoon()
    else for (const { response } of peer.requests) withoutKeepAlive(response)
  }

  #accept(socket: Socket): void {
    socket.on('error', ignore)
    const key = endpoints(socket)
    const { remoteAddress, remotePort } = socket
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy()
      return
    }
    const peer = newPeer(
      socket,
      { address: canonicalAddress(remoteAddress), port: remotePort },
      performance.now(),
    )
    this.#peers.set(key, peer)
    socket.once('close', () => this.#closed(key, peer))
    const isBalancer = this.#isTrusted(canonicalAddress(remoteAddress))
    if (this.#options.clientAddress.from !== 'proxy_protocol') {
      const counts = this.#options.clientAddress.from === 'connection' || !isBalancer
      if (!counts || this.#hasRoom(peer)) this.#tls.emit('connection', socket)
      return
    }
    if (!isBalancer) {
      cutOff(peer, this.#report, 'proxyProtocolRefused', 'not a trusted load balancer')
      return
    }
    peer.stage = 'proxyHeader'
    readProxyHeader(
      socket,
      (source) => {
        peer.stage = 'handshake'
        peer.since = performance.now()
        if (source !== null) peer.client = { address: canonicalAddress(source.address), port: source.port }
        if (source === null || this.#hasRoom(peer)) this.#tls.emit('connection', socket)
      },
      (reason) => cutOff(peer, this.#report, 'proxyProtocolRefused', reason),
    )
  }

  #hasRoom(peer: Peer): boolean {
    peer.countedAs = this.#perAddress.take(peer.client.address ?? '')
    if (peer.countedAs !== null) return true
    cutOff(
      peer,
      this.#report,
      'tooManyConnections',
      `more than ${this.#limits.connectionsPerAddress} at once`,
    )
    return false
  }

  #secured(socket: TLSSocket): void {
    const peer = this.#peers.get(endpoints(socket))
    if (peer === undefined || peer.stage !== 'handshake' || this.#draining) {
      socket.destroy()
      return
    }
    socket.disableRenegotiation()
    peer.stage = 'open'
    peer.since = performance.now()
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
    this.#ofSocket.set(socket, peer)
    if (socket.alpnProtocol === 'h2') {
      this.#handingOver = peer
      this.#http2.emit('connection', socket)
      this.#handingOver = null
    } else {
      peer.protocol = { kind: 'http1', socket }
      this.#http1.emit('connection', socket)
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
  }

  #receive(peer: Peer | undefined, request: HttpRequest, response: HttpResponse): void {
    if (peer?.connection == null) {
      response.destroy()
      return
    }
    const underWay: RequestUnderWay = { request, response, since: performance.now(), answeredSince: null }
    peer.requests.add(underWay)
    response.once('close', () => {
      peer.requests.delete(underWay)
      peer.since = performance.now()
      if (this.#draining) this.#farewell(peer)
    })
    rememberRequest(request, peer.connection)
    if (this.#draining) withoutKeepAlive(response)
    const refusal = outsideBounds(request, this.#limits)
    if (refusal === null) {
      this.#handler(request, response)
      return
    }
    this.#report(peer, 'parserError', refusal.detail)
    response.statusCode = refusal.status
    withoutKeepAlive(response)
    response.end()
  }

  #http1Failed(socket: Duplex, kind: ConnectionEventKind, detail: string): void {
    const peer = this.#ofSocket.get(socket)
    if (peer === undefined) return
    peer.ending = true
    peer.since = performance.now()
    this.#report(peer, kind, detail)
  }

  #sweep(): void {
    const time = performance.now()
    for (const peer of this.#peers.values()) enforceDeadlines(peer, time, this.#limits, this.#report)
  }

  #closed(key: string, peer: Peer): void {
    if (this.#peers.get(key) === peer) this.#peers.delete(key)
    if (peer.countedAs !== null) this.#perAddress.release(peer.countedAs)
    // Balancers look whether the port is open by connecting and leaving; that is no event.
    if (peer.stage !== 'open' && peer.socket.bytesRead > 0 && !this.#draining) {
      const kind = peer.stage === 'handshake' ? 'tlsHandshakeFailed' : 'proxyProtocolRefused'
      this.#report(peer, kind, peer.trouble ?? 'connection closed too early')
    }
    if (this.#peers.size === 0) this.#emptied?.()
  }

  readonly #report: ReportEvent = (peer, kind, detail) => {
    this.#events.onConnectionEvent({ kind, clientAddress: peer.client.address, detail })
  }
}

/** Both ends of a TCP connection, which are its own while it is open: ties a TLS socket to its TCP socket. */
function endpoints(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`
}

function withoutKeepAlive(response: HttpResponse): void {
  if (!('stream' in response) && !response.headersSent) response.shouldKeepAlive = false
}

function ignore(): void {}
