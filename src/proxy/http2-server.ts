/** The HTTP/2 side of a listener: bounds that nghttp2 keeps for us; deadlines are the listener's own. */
import { createServer, type Http2Server } from 'node:http2'
import type { ListenerLimits } from './listener-options.ts'

/** A server that never listens on its own: connections arrive by `emit('connection', tlsSocket)`. */
export function createHttp2Server(limits: ListenerLimits): Http2Server {
  const server = createServer({
    settings: {
      enablePush: false,
      maxConcurrentStreams: limits.streams,
      maxHeaderListSize: limits.headerBytes,
    },
    // Beyond this the stream is reset; request-bounds.ts answers 431 well below.
    maxHeaderListPairs: limits.headerFields * 2,
    maxSessionInvalidFrames: 10,
    maxSessionRejectedStreams: 100,
    maxOutstandingPings: 10,
    maxSettings: 32,
    maxSessionMemory: 4,
    streamResetBurst: limits.streamResetBurst,
    streamResetRate: limits.streamResetRate,
  })
  // As for HTTP/1: Node would answer 417 by itself, unrecorded.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  return server
}
