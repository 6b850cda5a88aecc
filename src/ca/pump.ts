import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TunnelEnd, TunnelTotals } from '../exchange/exchange.ts'

/**
 * Carries the bytes of a tunnel both ways until it ends; then both sockets are destroyed. A side that is slower holds
 * the other back, so one chunk and the streams' own buffers wait here. A half-close is passed on, and so
 * is a reset where the socket is plain TCP. Bytes that were put back (`unshift`) are carried first. `idle` is
 * milliseconds without progress in either direction. Aborting `signal` ends it as `shutdown`. Never rejects.
 */
export function pumpTunnel(
  client: Duplex,
  upstream: Socket,
  options: { readonly idle: number; readonly signal: AbortSignal },
): Promise<TunnelTotals> {
  const started = performance.now()
  const bytes = { up: 0, down: 0 }
  return new Promise((resolve) => {
    let ended = false
    let endedFirst: 'clientClosed' | 'serverClosed' | null = null
    let open = 2

    const finish = (end: TunnelEnd) => {
      if (ended) return
      ended = true
      clearTimeout(idle)
      options.signal.removeEventListener('abort', shutdown)
      if (end === 'clientReset') reset(upstream)
      if (end === 'serverReset') reset(client)
      client.destroy()
      upstream.destroy()
      resolve({ ...bytes, duration: Math.round((performance.now() - started) * 1000), end })
    }
    const shutdown = () => finish('shutdown')
    const idle = setTimeout(() => finish('idle'), options.idle)

    const carry = (
      from: Duplex,
      to: Duplex,
      way: 'up' | 'down',
      closed: 'clientClosed' | 'serverClosed',
      broken: 'clientReset' | 'serverReset',
    ) => {
      // Without this Node ends a socket's own writing as soon as the peer has ended its own.
      from.allowHalfOpen = true
      const halfClose = () => {
        endedFirst ??= closed
        idle.refresh()
        to.end(() => {
          if (to.writableFinished) open -= 1
          if (open === 0) finish(endedFirst ?? closed)
        })
      }
      from.on('error', () => finish(broken))
      from.on('close', () => {
        if (!from.readableEnded || !from.writableFinished) finish(broken)
      })
      from.on('end', halfClose)
      from.on('data', (chunk: Buffer) => {
        bytes[way] += chunk.length
        idle.refresh()
        if (!to.write(chunk)) from.pause()
      })
      to.on('drain', () => {
        idle.refresh()
        from.resume()
      })
      if (from.destroyed) finish(broken)
      else if (from.readableEnded) halfClose()
      else from.resume()
    }

    if (options.signal.aborted) return shutdown()
    options.signal.addEventListener('abort', shutdown)
    carry(client, upstream, 'up', 'clientClosed', 'clientReset')
    carry(upstream, client, 'down', 'serverClosed', 'serverReset')
  })
}

/** A TLS connection can't be reset without leaving its own state behind; it is closed. */
function reset(socket: Duplex): void {
  if (socket instanceof Socket && !('encrypted' in socket)) socket.resetAndDestroy()
  else socket.destroy()
}
