/** The requests of a listener: from the HTTP servers to the handler, with the bounds and the book-keeping of each. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { createHttp1Server } from './http1-server.ts'
import type { HttpRequest, HttpResponse } from './listener-options.ts'
import { farewell, type Peer, type RequestUnderWay, rememberRequest, withoutKeepAlive } from './peer.ts'
import type { Port } from './port.ts'
import { outsideBounds } from './request-bounds.ts'

/** Gets a request within the bounds, with the connection it came over. It must not throw. */
export type PeerRequestHandler<Request, Response> = (request: Request, response: Response, peer: Peer) => void

/** Note a request as under way on its connection, refuse it outside the bounds, or hand it on. */
export function receive<Request extends HttpRequest, Response extends HttpResponse>(
  port: Port,
  peer: Peer | undefined,
  request: Request,
  response: Response,
  handler: PeerRequestHandler<Request, Response>,
): void {
  if (peer?.connection == null) {
    response.destroy()
    return
  }
  // The connection closes with the answer to the refused request; these have none.
  if (peer.deaf) return
  // One read of the socket may hold a thousand requests, each of which would have its answer wait in memory.
  if (!('stream' in request) && peer.requests.size >= port.limits.pipelined) {
    peer.deaf = true
    port.report(peer, 'protocolError', `more than ${port.limits.pipelined} requests at once`)
    // The parser is in the middle of what it read.
    setImmediate(() => peer.socket.destroy())
    return
  }
  const underWay: RequestUnderWay = { request, response, since: performance.now(), answeredSince: null }
  peer.requests.add(underWay)
  response.once('close', () => {
    peer.requests.delete(underWay)
    if (port.draining) farewell(peer)
    else if (peer.requests.size === 0 && !peer.socket.destroyed) port.expectRequest(peer)
  })
  request.once('end', () => port.requestCame(peer))
  rememberRequest(request, peer.connection)
  if (port.draining) withoutKeepAlive(response)
  const refusal = outsideBounds(request, port.limits)
  if (refusal === null) {
    handler(request, response, peer)
    return
  }
  if (!('stream' in request)) peer.deaf = true
  port.report(peer, 'parserError', refusal.detail)
  response.statusCode = refusal.status
  withoutKeepAlive(response)
  response.end()
}

/** An HTTP/1 server for the connections of a port. */
export class Http1Side {
  readonly server: Server
  readonly #port: Port
  readonly #peers = new WeakMap<Duplex, Peer>()

  constructor(port: Port, handler: PeerRequestHandler<IncomingMessage, ServerResponse>) {
    this.#port = port
    this.server = createHttp1Server(port.limits, (socket, kind, detail) => {
      const peer = this.#peers.get(socket)
      if (peer === undefined) return
      peer.ending = true
      peer.since = performance.now()
      port.report(peer, kind, detail)
    })
    this.server.on('request', (request, response) => {
      receive(port, this.#peers.get(request.socket), request, response, handler)
    })
  }

  /** Speak HTTP/1 on this socket of the connection: its own, or the TLS inside it. */
  serve(peer: Peer, socket: Peer['socket']): void {
    peer.protocol = { kind: 'http1', socket }
    this.#peers.set(socket, peer)
    peer.asked = false
    this.#port.expectRequest(peer)
    this.server.emit('connection', socket)
  }

  peerOf(socket: Duplex): Peer | undefined {
    return this.#peers.get(socket)
  }
}
