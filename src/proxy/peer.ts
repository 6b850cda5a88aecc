/** One accepted connection from the first byte to the last, and the requests under way on it. */
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { type Connection, connectionOf } from '../exchange/connection.ts'
import type { HttpRequest, HttpResponse } from './listener-options.ts'

export type Protocol =
  | { readonly kind: 'http1'; readonly socket: Socket }
  | { readonly kind: 'http2'; readonly session: ServerHttp2Session }
  /** Ends on its own, or at the end of a drain. */
  | { readonly kind: 'tunnel' }

export interface RequestUnderWay {
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly since: number
  /** When the answer was first seen complete on our side and not yet taken by the client. */
  answeredSince: number | null
}

/** Who is at the other end: the balancer's word for it where a PROXY header came, else the socket's. */
export interface Endpoint {
  readonly address: string | null
  readonly port: number | null
}

export interface Peer {
  readonly socket: Socket
  client: Endpoint
  /** `firstByte`: nothing has come yet that tells TLS from HTTP. */
  stage: 'proxyHeader' | 'firstByte' | 'handshake' | 'open'
  /** Monotonic time since when it is in this stage, or without a request. */
  since: number
  protocol: Protocol | null
  connection: Connection | null
  readonly requests: Set<RequestUnderWay>
  /** Key under which it counts towards the connections of one address; null when it doesn't. */
  countedAs: string | null
  /** What went wrong, for the one event that a failed handshake is reported with. */
  trouble: string | null
  /** It has sent a whole request. */
  asked: boolean
  /** A request was refused as unfit to be read: what follows it on the connection may be part of it, and is not read. */
  deaf: boolean
  /** Told goodbye: nothing more is read as HTTP, and it is cut off at the next check but one. */
  ending: boolean
}

export function newPeer(socket: Socket, client: Endpoint, since: number): Peer {
  return {
    socket,
    client,
    stage: 'handshake',
    since,
    protocol: null,
    connection: null,
    requests: new Set(),
    countedAs: null,
    trouble: null,
    asked: false,
    deaf: false,
    ending: false,
  }
}

/** Begin to end a connection: at once where nothing is under way, else after the answers. */
export function farewell(peer: Peer): void {
  const { protocol } = peer
  if (protocol === null) peer.socket.destroy()
  else if (protocol.kind === 'http2') protocol.session.close()
  else if (protocol.kind === 'http1') {
    if (peer.requests.size === 0) protocol.socket.destroySoon()
    else for (const { response } of peer.requests) withoutKeepAlive(response)
  }
}

export function withoutKeepAlive(response: HttpResponse): void {
  if (!('stream' in response) && !response.headersSent) response.shouldKeepAlive = false
}

const connections = new WeakMap<HttpRequest, Connection>()

export function rememberRequest(request: HttpRequest, connection: Connection): void {
  connections.set(request, connection)
}

/**
 * The connection a request came over, for HTTP/1 and HTTP/2 alike, also after it is gone. Throws TypeError for
 * a request of no listener of ours.
 */
export function connectionOfRequest(request: HttpRequest): Connection {
  const connection = connections.get(request) ?? connectionOf(request.socket)
  if (connection === undefined) throw new TypeError('a request of no known connection')
  return connection
}
