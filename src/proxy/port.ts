/**
 * What every listener does with connections before and around its protocol:
 *
 *   accept → (PROXY protocol header) → networks served → share of one address → the listener's own steps
 *
 * It keeps the table of open connections, looks at their deadlines in one sweep, and drains them. Node's own
 * time-outs cover headers and bodies of HTTP/1 only; its TLS time-out starts again with each byte and its HTTP/2
 * has none for streams.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { TLSSocket } from 'node:tls'
import {
  type ClientAddressSource,
  canonicalAddress,
  type IsTrusted,
  trustedNetworks,
} from './client-address.ts'
import { ConnectionsPerAddress } from './connections-per-address.ts'
import { cutOff, enforceDeadlines, type ReportEvent } from './deadlines.ts'
import { type ConnectionEvent, errorDetail, type ListenerLimits } from './listener-options.ts'
import { farewell, newPeer, type Peer } from './peer.ts'
import { readProxyHeader } from './read-proxy-header.ts'

export interface PortOptions {
  readonly address: string
  readonly port: number
  readonly clientAddress: ClientAddressSource
  /** Networks that are served; empty serves every one. */
  readonly clients: readonly string[]
}

/** Begins the protocol of a connection whose client is known and has room. */
export type Begin = (peer: Peer) => void

export class Port {
  readonly limits: ListenerLimits
  readonly #options: PortOptions
  readonly #begin: Begin
  readonly #onEvent: (event: ConnectionEvent) => void
  readonly #isTrusted: IsTrusted
  readonly #isServed: IsTrusted
  readonly #perAddress: ConnectionsPerAddress
  readonly #front: Server
  readonly #peers = new Map<string, Peer>()
  /** Without a request under way, the one that has been so for longest first: never asked yet, and kept. */
  readonly #silent = new Set<Peer>()
  readonly #kept = new Set<Peer>()
  #timers: NodeJS.Timeout[] = []
  #draining = false
  #emptied: (() => void) | null = null

  /** Throws RangeError for networks that are none. */
  constructor(
    options: PortOptions,
    limits: ListenerLimits,
    begin: Begin,
    onEvent: (event: ConnectionEvent) => void,
  ) {
    this.#options = options
    this.limits = limits
    this.#begin = begin
    this.#onEvent = onEvent
    this.#isTrusted = trustedNetworks(options.clientAddress.trusted)
    this.#isServed = options.clients.length === 0 ? () => true : trustedNetworks(options.clients)
    this.#perAddress = new ConnectionsPerAddress(limits.connectionsPerAddress)
    this.#front = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  get openConnections(): number {
    return this.#peers.size
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Open the port; `chores` run at their interval (ms) until it closes. Rejects with the system's error, EADDRINUSE for one. */
  async listen(chores: readonly (readonly [run: () => void, interval: number])[] = []): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#front.once('error', reject)
      this.#front.listen({ host: this.#options.address, port: this.#options.port }, () => {
        this.#front.off('error', reject)
        resolve()
      })
    })
    // Out of file descriptors, for example: those waiting stay in the queue, the listener goes on.
    this.#front.on('error', (error) => {
      this.#onEvent({ kind: 'protocolError', clientAddress: null, detail: errorDetail(error) })
    })
    const sweep = [() => this.#sweep(), this.limits.checkInterval] as const
    this.#timers = [sweep, ...chores].map(([run, interval]) => setInterval(run, interval))
    for (const timer of this.#timers) timer.unref()
    return this.#front.address() as AddressInfo
  }

  /**
   * Stop accepting, let requests under way finish for up to `drainMs`, then cut what is left; `beforeCut` is
   * called in between. Clients are told: `Connection: close` in HTTP/1, GOAWAY in HTTP/2. Always resolves.
   */
  async close(drainMs: number, beforeCut: () => void = () => {}): Promise<void> {
    this.#draining = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#front.close()
    for (const peer of this.#peers.values()) farewell(peer)
    if (this.#peers.size > 0) {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, drainMs)
        this.#emptied = () => {
          clearTimeout(deadline)
          resolve()
        }
      })
    }
    beforeCut()
    for (const peer of this.#peers.values()) peer.socket.destroy()
  }

  /** The connection of a socket that a TLS server handed out, or was handed. */
  peerOf(socket: Socket): Peer | undefined {
    return this.#peers.get(endpoints(socket))
  }

  /** Note what broke a handshake, for the one event it is reported with. */
  readonly noteTrouble = (error: unknown, socket: Socket): void => {
    const peer = this.peerOf(socket)
    if (peer !== undefined) peer.trouble ??= errorDetail(error)
  }

  /** The connection whose handshake is complete, now open; null (and the socket destroyed) where it came too late. */
  secured(socket: TLSSocket): Peer | null {
    const peer = this.peerOf(socket)
    if (peer === undefined || peer.stage !== 'handshake' || this.#draining) {
      socket.destroy()
      return null
    }
    socket.disableRenegotiation()
    peer.stage = 'open'
    peer.since = performance.now()
    return peer
  }

  /** No request is under way on this connection; the next may come. */
  expectRequest(peer: Peer): void {
    if (peer.protocol?.kind === 'tunnel') return
    peer.since = performance.now()
    this.#busy(peer)
    if (peer.asked) this.#kept.add(peer)
    else this.#silent.add(peer)
    this.#thinOut(peer.since)
  }

  /** One has come, whole. */
  requestCame(peer: Peer): void {
    peer.asked = true
    this.#busy(peer)
  }

  #busy(peer: Peer): void {
    this.#silent.delete(peer)
    this.#kept.delete(peer)
  }

  #thinOut(time: number): void {
    const { quietConnections, silentGrace, keptGrace } = this.limits
    const excess = () => this.#silent.size + this.#kept.size > quietConnections
    for (const oldest of this.#silent) {
      if (!excess() || time - oldest.since < silentGrace) break
      this.#silent.delete(oldest)
      cutOff(oldest, this.report, 'tooManyConnections', 'sent no request, and there are too many like it')
    }
    for (const oldest of this.#kept) {
      if (!excess() || time - oldest.since < keptGrace) break
      this.#kept.delete(oldest)
      farewell(oldest)
    }
  }

  readonly report: ReportEvent = (peer, kind, detail) => {
    this.#onEvent({ kind, clientAddress: peer.client.address, detail })
  }

  #accept(socket: Socket): void {
    socket.on('error', ignore)
    const key = endpoints(socket)
    const { remoteAddress, remotePort } = socket
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy()
      return
    }
    const address = canonicalAddress(remoteAddress)
    const peer = newPeer(socket, { address, port: remotePort }, performance.now())
    this.#peers.set(key, peer)
    socket.once('close', () => this.#closed(key, peer))
    const { from } = this.#options.clientAddress
    const isBalancer = from !== 'connection' && this.#isTrusted(address)
    if (from !== 'proxy_protocol') {
      this.#admit(peer, !isBalancer)
      return
    }
    if (!isBalancer) {
      cutOff(peer, this.report, 'proxyProtocolRefused', 'not a trusted load balancer')
      return
    }
    peer.stage = 'proxyHeader'
    readProxyHeader(
      socket,
      (source) => {
        peer.stage = 'handshake'
        peer.since = performance.now()
        if (source !== null) peer.client = { address: canonicalAddress(source.address), port: source.port }
        this.#admit(peer, source !== null)
      },
      (reason) => cutOff(peer, this.report, 'proxyProtocolRefused', reason),
    )
  }

  /** A balancer that speaks for itself looks whether we are there: neither counted nor held to the networks. */
  #admit(peer: Peer, isClient: boolean): void {
    if (isClient && !this.#isServed(peer.client.address ?? '')) {
      cutOff(peer, this.report, 'clientNotAllowed', 'in none of the networks that are served')
      return
    }
    if (!isClient || this.#hasRoom(peer)) this.#begin(peer)
  }

  #hasRoom(peer: Peer): boolean {
    peer.countedAs = this.#perAddress.take(peer.client.address ?? '')
    if (peer.countedAs !== null) return true
    cutOff(peer, this.report, 'tooManyConnections', `more than ${this.limits.connectionsPerAddress} at once`)
    return false
  }

  #sweep(): void {
    const time = performance.now()
    for (const peer of this.#peers.values()) enforceDeadlines(peer, time, this.limits, this.report)
    this.#thinOut(time)
  }

  #closed(key: string, peer: Peer): void {
    if (this.#peers.get(key) === peer) this.#peers.delete(key)
    this.#busy(peer)
    if (peer.countedAs !== null) this.#perAddress.release(peer.countedAs)
    // Balancers look whether the port is open by connecting and leaving; that is no event.
    if (peer.stage !== 'open' && peer.socket.bytesRead > 0 && !this.#draining) {
      const kind = peer.stage === 'proxyHeader' ? 'proxyProtocolRefused' : 'tlsHandshakeFailed'
      this.report(peer, kind, peer.trouble ?? 'connection closed too early')
    }
    if (this.#peers.size === 0) this.#emptied?.()
  }
}

/** Both ends of a TCP connection, which are its own while it is open: ties a TLS socket to its TCP socket. */
function endpoints(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`
}

function ignore(): void {}
