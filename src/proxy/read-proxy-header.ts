/** Takes the PROXY protocol header off a fresh connection and leaves the rest for the TLS handshake. */
import type { Socket } from 'node:net'
import { type ProxySource, parseProxyHeader } from './proxy-protocol.ts'

/**
 * Exactly one of the callbacks is called, unless the connection ends or stalls first: deadlines and closing are
 * the caller's. After `onHeader` the socket is paused and whatever followed the header is still to be read.
 */
export function readProxyHeader(
  socket: Socket,
  onHeader: (source: ProxySource | null) => void,
  onRefused: (reason: string) => void,
): void {
  let received: Buffer = Buffer.alloc(0)
  const onReadable = () => {
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
      received = Buffer.concat([received, chunk as Buffer])
      const header = parseProxyHeader(received)
      if (header.kind === 'incomplete') continue
      socket.off('readable', onReadable)
      if (header.kind === 'refused') return onRefused(header.reason)
      const rest = received.subarray(header.length)
      if (rest.length > 0) socket.unshift(rest)
      return onHeader(header.source)
    }
  }
  socket.on('readable', onReadable)
}
