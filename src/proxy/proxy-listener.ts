/**
 * Listener `proxy`: one port for `http://` and `https://` proxy URLs, told apart by the first byte. A connection
 * goes through
 *
 *   port → (TLS) → HTTP/1 → CONNECT to a CA      → TLS under a minted certificate → HTTP/1.1 → handler
 *                         → CONNECT to another   → tunnel, blind
 *                         → absolute-form        → forwarded
 *                         → origin-form          → the proxy's own pages
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { SecureContext } from 'node:tls'
import {
  type AbsoluteTarget,
  parseAbsoluteTarget,
  parseConnectTarget,
  parseHostField,
  type TargetHost,
} from './connect-target.ts'
import type { ProxyListenerOptions, ProxyListenerParts, ProxyUser } from './intercept-options.ts'
import { type CertificateSource, openCertificateSource } from './listener-certificate.ts'
import {
  type ConnectionEventKind,
  DEFAULT_LIMITS,
  errorDetail,
  type ListenerEvents,
} from './listener-options.ts'
import { ListenerTls } from './listener-tls.ts'
import { detachedResponse, OtherHosts } from './other-hosts.ts'
import { type Peer, withoutKeepAlive } from './peer.ts'
import { Port } from './port.ts'
import { type Authentication, ProxyUsers } from './proxy-users.ts'
import { outsideBounds } from './request-bounds.ts'
import { Http1Side } from './requests.ts'
import { TakenOver } from './taken-over.ts'

/** A name for the pages that every proxy setting leads here and no resolver leads anywhere (RFC 6761 §6.4). */
export const PAGES_HOST = 'acmetap.invalid'

const DIAL_TIMEOUT = 10_000
const TLS_HANDSHAKE = 0x16
const RETRY_AFTER = 10

/**
 * Prepare a listener; `listen` opens the port. Throws when the certificate, the names or the networks are unfit:
 * ListenerRootError, RangeError, or the file system's errors.
 */
export async function createProxyListener(
  options: ProxyListenerOptions,
  parts: ProxyListenerParts,
  events: ListenerEvents,
): Promise<ProxyListener> {
  const now = options.now ?? (() => new Date())
  const certificate = await openCertificateSource(options.certificate, options.names, now, (event) =>
    events.onCertificateEvent(event),
  )
  return new ProxyListener(options, certificate, parts, events)
}

/** What a request gets that goes nowhere. */
interface Refusal {
  readonly status: 400 | 404 | 407 | 414 | 429 | 431 | 503
  readonly detail: string
}

export class ProxyListener {
  readonly #options: ProxyListenerOptions
  readonly #parts: ProxyListenerParts
  readonly #port: Port
  readonly #tls: ListenerTls
  readonly #http1: Http1Side
  readonly #takenOver: TakenOver
  readonly #otherHosts: OtherHosts
  readonly #users: ProxyUsers
  #boundPort = 0

  constructor(
    options: ProxyListenerOptions,
    certificate: CertificateSource,
    parts: ProxyListenerParts,
    events: ListenerEvents,
  ) {
    this.#options = options
    this.#parts = parts
    this.#users = new ProxyUsers(options.users)
    this.#otherHosts = new OtherHosts(parts, {
      tunnels: options.tunnels,
      idle: options.tunnelIdle,
      dialTimeout: options.dialTimeout ?? DIAL_TIMEOUT,
    })
    this.#port = new Port(
      options,
      { ...DEFAULT_LIMITS, ...options.limits },
      (peer) => this.#begin(peer),
      events.onConnectionEvent.bind(events),
    )
    this.#tls = new ListenerTls(certificate, ['http/1.1'], events)
    this.#tls.server.on('secureConnection', (socket) => {
      const peer = this.#port.secured(socket)
      if (peer !== null) this.#open(peer, socket, socket.getProtocol())
    })
    this.#tls.server.on('tlsClientError', this.#port.noteTrouble)
    this.#http1 = new Http1Side(this.#port, (request, response, peer) =>
      this.#request(request, response, peer),
    )
    this.#http1.server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#connect(request, socket, head),
    )
    this.#takenOver = new TakenOver(this.#port, 'proxy', parts.handler)
  }

  /** PEM of the root behind the certificate for `https://` proxy URLs; null where it comes from files. */
  get rootCertificate(): string | null {
    return this.#tls.rootCertificate
  }

  get openConnections(): number {
    return this.#port.openConnections
  }

  /** Open the port. Rejects with the system's error, EADDRINUSE for one. */
  async listen(): Promise<AddressInfo> {
    const bound = await this.#port.listen([
      [() => void this.checkCertificate(), this.#port.limits.certificateCheckInterval],
    ])
    this.#boundPort = bound.port
    return bound
  }

  /** As for listener `acme`. Never throws. */
  checkCertificate(): Promise<void> {
    return this.#tls.checkCertificate()
  }

  /** From now on these users count. */
  useUsers(users: readonly ProxyUser[]): void {
    this.#users.use(users)
  }

  /**
   * Stop accepting, let requests and tunnels under way finish for up to `drainMs`, then end tunnels as `shutdown`
   * and cut what is left. Always resolves.
   */
  async close(drainMs: number): Promise<void> {
    await this.#port.close(drainMs, () => this.#otherHosts.shutdown())
    this.#http1.server.close()
    this.#takenOver.server.close()
    this.#tls.server.close()
  }

  /** The first byte of a TLS connection is the content type of a handshake (RFC 8446 §5.1); no method begins so. */
  #begin(peer: Peer): void {
    const { socket } = peer
    peer.stage = 'firstByte'
    peer.since = performance.now()
    socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.unshift(first)
      peer.since = performance.now()
      if (first[0] === TLS_HANDSHAKE) {
        peer.stage = 'handshake'
        this.#tls.server.emit('connection', socket)
      } else {
        peer.stage = 'open'
        this.#open(peer, socket, null)
        socket.resume()
      }
    })
  }

  #open(peer: Peer, socket: Socket, tlsVersion: string | null): void {
    socket.on('error', ignore)
    peer.connection = {
      listener: 'proxy',
      mode: 'intercept',
      clientAddress: peer.client.address,
      clientPort: peer.client.port,
      tlsVersion,
      serverName: null,
      proxyUser: null,
      intercepted: null,
    }
    this.#http1.serve(peer, socket)
  }

  #connect(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const peer = this.#http1.peerOf(socket)
    // An answer under way on the same connection would be torn by what comes now.
    if (peer === undefined || peer.requests.size > 0 || this.#port.draining) {
      socket.destroy()
      return
    }
    peer.protocol = { kind: 'tunnel' }
    this.#port.requestCame(peer)
    const refuse = (refusal: Refusal) => {
      peer.ending = true
      peer.since = performance.now()
      answer(detachedResponse(request, socket), refusal)
    }
    const bounds = outsideBounds(request, this.#port.limits)
    if (bounds !== null) {
      this.#port.report(peer, 'parserError', bounds.detail)
      refuse(bounds)
      return
    }
    const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers
    const target = parseConnectTarget(request.url ?? '')
    if (target === null || length !== '0' || coding !== undefined) {
      const detail = target === null ? 'CONNECT to something other than host:port' : 'CONNECT with a body'
      this.#port.report(peer, 'connectRefused', detail)
      refuse({ status: 400, detail })
      return
    }
    this.#authenticated(request, peer, refuse, () => {
      if (socket.destroyed) return
      if (head.length > 0) socket.unshift(head)
      const authority = this.#parts.takeOver(target.host, target.port)
      if (authority !== null) this.#takeOver(peer, socket, target.host, authority, refuse)
      else if (this.#hasTunnel(peer, refuse) && peer.connection !== null)
        void this.#otherHosts.connect(peer.connection, request, socket, target).then(() => {
          // Where the answer was a refusal, the client has until the sweep after next to take it.
          peer.ending = true
          peer.since = performance.now()
        })
    })
  }

  #takeOver(
    peer: Peer,
    socket: Socket,
    host: string,
    authority: string,
    refuse: (refusal: Refusal) => void,
  ): void {
    const proceed = (context: SecureContext) => {
      if (socket.destroyed) return
      socket.write(ESTABLISHED)
      this.#takenOver.terminate(peer, socket, {
        context,
        authorityOf: (name) => (name === null || name === host ? authority : null),
      })
    }
    const fail = (error: unknown) => {
      this.#port.report(peer, 'certificateUnavailable', errorDetail(error))
      refuse({ status: 503, detail: 'acmetap has no certificate for this host' })
    }
    try {
      const context = this.#parts.contextFor(host)
      if (context instanceof Promise) context.then(proceed, fail)
      else proceed(context)
    } catch (error) {
      fail(error)
    }
  }

  #request(request: IncomingMessage, response: ServerResponse, peer: Peer): void {
    const target = request.url ?? ''
    if (target.startsWith('/')) {
      this.#page(target, request, response)
      return
    }
    const refuse = (refusal: Refusal) => answer(response, refusal)
    const absolute = parseAbsoluteTarget(target)
    const fault = absolute === null ? 'neither CONNECT nor an http:// URL' : hostFault(request, absolute)
    if (absolute === null || fault !== null) {
      this.#port.report(peer, 'connectRefused', fault ?? '')
      refuse({ status: 400, detail: `${fault}. Use CONNECT for https:// URLs.` })
      return
    }
    if (this.#isOwn(absolute)) {
      this.#page(absolute.path, request, response)
      return
    }
    this.#authenticated(request, peer, refuse, () => {
      if (this.#hasTunnel(peer, refuse) && peer.connection !== null)
        void this.#otherHosts.forward(peer.connection, request, response, absolute)
    })
  }

  #isOwn({ host, port }: TargetHost): boolean {
    if (host === PAGES_HOST) return port === 80
    return port === this.#boundPort && this.#options.names.includes(host)
  }

  #page(target: string, request: IncomingMessage, response: ServerResponse): void {
    request.resume()
    const path = target.replace(/\?.*$/s, '')
    const client = {
      address: this.#http1.peerOf(request.socket)?.client.address ?? null,
      authority: request.headers.host ?? null,
    }
    const reads = request.method === 'GET' || request.method === 'HEAD'
    const page = reads ? this.#parts.page(path, client) : null
    if (page === null) {
      answer(response, { status: 404, detail: WHAT_THIS_IS })
      return
    }
    const body = typeof page.body === 'string' ? Buffer.from(page.body) : page.body
    response.writeHead(page.status, {
      'content-type': page.contentType,
      'content-length': body.length,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    response.end(body)
  }

  #hasTunnel(peer: Peer, refuse: (refusal: Refusal) => void): boolean {
    if (!this.#otherHosts.full) return true
    this.#port.report(peer, 'tooManyTunnels', `more than ${this.#options.tunnels} at once`)
    refuse({ status: 503, detail: 'acmetap has as many tunnels open as it may' })
    return false
  }

  /** Go on with the user's label on the connection, at once where nobody need authenticate. */
  #authenticated(
    request: IncomingMessage,
    peer: Peer,
    refuse: (refusal: Refusal) => void,
    proceed: () => void,
  ): void {
    if (!this.#users.required) {
      proceed()
      return
    }
    const field = request.headers['proxy-authorization']
    void this.#users.authenticate(field, peer.client.address).then((authentication) => {
      if (authentication.kind === 'ok' && peer.connection !== null) {
        peer.connection = { ...peer.connection, proxyUser: authentication.user }
        proceed()
        return
      }
      const { event, refusal } =
        UNAUTHENTICATED[authentication.kind === 'ok' ? 'failed' : authentication.kind]
      if (event !== null) this.#port.report(peer, event, refusal.detail)
      refuse(refusal)
    })
  }
}

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

const WHAT_THIS_IS =
  'This is the proxy port of acmetap. Set it as HTTPS_PROXY of an ACME client; it serves no such page itself.'

const UNAUTHENTICATED: Readonly<
  Record<
    Exclude<Authentication['kind'], 'ok'>,
    { readonly event: ConnectionEventKind | null; readonly refusal: Refusal }
  >
> = {
  missing: { event: null, refusal: { status: 407, detail: 'This proxy asks for a user name and password.' } },
  failed: {
    event: 'proxyAuthenticationFailed',
    refusal: { status: 407, detail: 'wrong user name or password for the proxy' },
  },
  tooMany: {
    event: 'proxyAuthenticationFailed',
    refusal: { status: 429, detail: 'too many wrong passwords from this address' },
  },
}

/** `Host` must say what the URL says: whoever reads it after us may believe either (RFC 9112 §3.2.2). */
function hostFault(request: IncomingMessage, { host, port }: AbsoluteTarget): string | null {
  const field = request.headers.host
  if (field === undefined) return null
  const named = parseHostField(field, 80)
  return named?.host === host && named.port === port ? null : 'Host differs from the URL'
}

function answer(response: ServerResponse, { status, detail }: Refusal): void {
  if (response.destroyed || response.headersSent) return
  const body = Buffer.from(`${detail}\n`)
  const headers: OutgoingHttpHeaders = {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
  }
  if (status === 407) headers['proxy-authenticate'] = 'Basic realm="acmetap"'
  if (status === 429 || status === 503) headers['retry-after'] = String(RETRY_AFTER)
  withoutKeepAlive(response)
  response.writeHead(status, headers)
  response.end(body)
}

function ignore(): void {}
