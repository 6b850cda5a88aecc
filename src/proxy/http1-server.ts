/** The HTTP/1.1 side of a listener: parses connections it is handed, and answers what is no request. */
import { createServer, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ConnectionEventKind, errorDetail, isHangUp, type ListenerLimits } from './listener-options.ts'

/** Something the parser or a deadline ended; the socket has been told, and must be cut off soon. */
export type Http1Failure = (socket: Duplex, kind: ConnectionEventKind, detail: string) => void

/**
 * A server that never listens on its own: connections arrive by `emit('connection', socket)`. Node starts
 * looking at header and request deadlines on the `listening` event only, hence the emit below.
 */
export function createHttp1Server(limits: ListenerLimits, onFailure: Http1Failure): Server {
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: Math.min(limits.headersTimeout, limits.requestTimeout),
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.idleTimeout,
    connectionsCheckingInterval: limits.checkInterval,
    insecureHTTPParser: false,
    // Missing Host fields are refused, and reported, by request-bounds.ts.
    requireHostHeader: false,
  })
  // Fields beyond a maximum would be dropped silently; request-bounds.ts refuses the request instead.
  server.maxHeadersCount = 0
  // Node would answer 417 by itself, unrecorded; the field is not passed on (RFC 9110 §10.1.1 allows that).
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  const failed = new WeakSet<Duplex>()
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (failed.has(socket)) return
    failed.add(socket)
    const { code = '' } = error
    if (isHangUp(error)) {
      socket.destroy()
      return
    }
    const status = STATUS_OF_ERROR[code] ?? (code.startsWith('HPE_') ? '400 Bad Request' : null)
    if (status !== null && socket.writable) {
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    } else {
      socket.destroy()
    }
    onFailure(socket, kindOf(code), errorDetail(error))
  })
  server.emit('listening')
  return server
}

const STATUS_OF_ERROR: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Content Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

function kindOf(code: string): ConnectionEventKind {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout'
  return code.startsWith('HPE_') ? 'parserError' : 'protocolError'
}
