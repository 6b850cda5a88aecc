/** What a listener is told, what it reports, and the bounds it keeps. Times are in milliseconds. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { ClientAddressSource } from './client-address.ts'

export type HttpRequest = IncomingMessage | Http2ServerRequest
export type HttpResponse = ServerResponse | Http2ServerResponse
/** Gets every request that passed the bounds below; it must not throw. */
export type RequestHandler = (request: HttpRequest, response: HttpResponse) => void

export type CertificateOrigin =
  /** Short-lived leaves under the listener's own root, which is kept in this folder. */
  | { readonly from: 'ownRoot'; readonly folder: string }
  /** PEM files: the leaf with its chain, and its key. Read again when their content changes. */
  | { readonly from: 'files'; readonly chain: string; readonly key: string }
  /** The same once they are there; until then leaves under the root in this folder. */
  | { readonly from: 'managed'; readonly folder: string; readonly chain: string; readonly key: string }

export interface AcmeListenerOptions {
  readonly address: string
  readonly port: number
  /** Host names and IP addresses clients use for this listener. */
  readonly names: readonly string[]
  readonly certificate: CertificateOrigin
  readonly clientAddress: ClientAddressSource
  readonly limits?: Partial<ListenerLimits>
  readonly now?: () => Date
}

export interface ListenerLimits {
  /** From accepting the connection to the end of the PROXY protocol header. */
  readonly proxyHeaderTimeout: number
  /** From there to the end of the TLS handshake. */
  readonly handshakeTimeout: number
  /** HTTP/1: from the first byte of a request, or from the connection's start, to the end of its header. */
  readonly headersTimeout: number
  /** From a request's start to the end of its body. */
  readonly requestTimeout: number
  /** A connection without a request is closed after this. */
  readonly idleTimeout: number
  /** From the end of an answer to the moment the client has taken it. */
  readonly answerTimeout: number
  /** How often deadlines are looked at; they are kept to this precision. */
  readonly checkInterval: number
  readonly certificateCheckInterval: number
  /** Whole header of a request, in bytes, and the number of fields in it. */
  readonly headerBytes: number
  readonly headerFields: number
  readonly targetBytes: number
  /** HTTP/1 requests of one connection at once: sent before the answers to those before them were taken. */
  readonly pipelined: number
  /** HTTP/2 streams at once on one connection. */
  readonly streams: number
  /** HTTP/2 streams a client may reset at once, and per second after that. */
  readonly streamResetBurst: number
  readonly streamResetRate: number
  /** Open connections of one address (one /64 for IPv6). A trusted balancer's own are not counted. */
  readonly connectionsPerAddress: number
  /**
   * Connections without a request under way: fresh ones, dripping ones and kept ones. Each costs 60 to 100 kB, so above
   * this the ones that have been so for longest are closed, those that never asked first. Neither is within its grace
   * (ms), for a request may be on the way: clients ask at once after the handshake, and poll once a second or two.
   */
  readonly quietConnections: number
  readonly silentGrace: number
  readonly keptGrace: number
}

export const DEFAULT_LIMITS: ListenerLimits = {
  proxyHeaderTimeout: 5_000,
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  idleTimeout: 60_000,
  answerTimeout: 30_000,
  checkInterval: 1_000,
  certificateCheckInterval: 10_000,
  headerBytes: 16_384,
  headerFields: 100,
  targetBytes: 4_096,
  pipelined: 16,
  streams: 100,
  streamResetBurst: 200,
  streamResetRate: 20,
  connectionsPerAddress: 1_000,
  quietConnections: 1_000,
  silentGrace: 1_000,
  keptGrace: 3_000,
}

export type ConnectionEventKind =
  | 'tlsHandshakeFailed'
  | 'parserError'
  | 'protocolError'
  | 'proxyProtocolRefused'
  | 'tooManyConnections'
  | 'timeout'
  /** Its address is in none of the listener's networks. */
  | 'clientNotAllowed'
  /** Wrong user name or password; a request without any is only asked for them. */
  | 'proxyAuthenticationFailed'
  /** A CONNECT or absolute-form target that is none, or a request that fits no proxy. */
  | 'connectRefused'
  | 'tooManyTunnels'
  /** The TLS server name is no CA's, or another than the connection is for. */
  | 'serverNameRefused'
  /** No certificate could be minted for a CA's host. */
  | 'certificateUnavailable'

/** Something that happened on a connection without becoming a request. */
export interface ConnectionEvent {
  readonly kind: ConnectionEventKind
  readonly clientAddress: string | null
  /** Short and printable; says what went wrong, never what was sent. */
  readonly detail: string
}

export type CertificateEvent =
  /** A new leaf or changed files are being served. */
  | { readonly kind: 'certificateReplaced'; readonly notAfter: Date }
  /** The old certificate stays in use. */
  | { readonly kind: 'certificateRefused'; readonly detail: string }
  /** Reported once a day in the root's last 30 days. */
  | { readonly kind: 'rootEndsSoon'; readonly notAfter: Date }

export interface ListenerEvents {
  onConnectionEvent(event: ConnectionEvent): void
  onCertificateEvent(event: CertificateEvent): void
}

/** A bounded, printable account of an error: its code where it has one, for messages may quote the peer. */
export function errorDetail(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  const text =
    typeof code === 'string' && code !== '' ? code : typeof message === 'string' ? message : 'unknown'
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 120)
}

/** Whether an error only says that one side hung up, which is no event: it happens to any kept connection. */
export function isHangUp(error: { readonly code?: string | undefined }): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE' || error.code === 'ECANCELED'
}
