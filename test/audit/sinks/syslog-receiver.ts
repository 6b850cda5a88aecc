import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

/** Takes octet-counted frames (RFC 6587 §3.4.1) and can misbehave. */
export interface SyslogReceiver {
  readonly port: number
  readonly messages: string[]
  /** What came where a frame's length was due. */
  readonly malformed: string[]
  connections: number
  resets: number
  /** Break the connection after so many more bytes, once. */
  resetAfter(bytes: number): void
  /** Read nothing of connections from now on. */
  pause(): void
  close(): Promise<void>
}

export async function tcpReceiver(
  tls: { readonly key: string; readonly cert: string } | null,
  port = 0,
): Promise<SyslogReceiver> {
  const sockets = new Set<Socket>()
  let reset: number | null = null
  let paused = false
  const accept = (socket: Socket) => {
    receiver.connections += 1
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    if (paused) {
      socket.pause()
      return
    }
    let waiting: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      let take = chunk
      if (reset !== null) {
        take = chunk.subarray(0, reset)
        reset -= take.length
      }
      waiting = Buffer.concat([waiting, take])
      waiting = frames(waiting)
      if (reset === 0) {
        reset = null
        receiver.resets += 1
        if (tls) socket.destroy()
        else socket.resetAndDestroy()
      }
    })
  }
  const frames = (bytes: Buffer): Buffer => {
    let rest = bytes
    for (;;) {
      const length = /^([1-9]\d{0,8}) /.exec(rest.toString('latin1', 0, 12))
      if (length === null) {
        if (rest.length >= 12) receiver.malformed.push(rest.toString('latin1', 0, 40))
        return rest
      }
      const end = length[0].length + Number(length[1])
      if (rest.length < end) return rest
      receiver.messages.push(rest.toString('utf8', length[0].length, end))
      rest = rest.subarray(end)
    }
  }
  const server = tls ? createTlsServer(tls, accept) : createServer(accept)
  if (tls) {
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => undefined)
      sockets.add(socket)
    })
    server.on('tlsClientError', () => undefined)
  }
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const receiver: SyslogReceiver = {
    port: (server.address() as AddressInfo).port,
    messages: [],
    malformed: [],
    connections: 0,
    resets: 0,
    resetAfter(bytes) {
      reset = bytes
    },
    pause() {
      paused = true
    },
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  return receiver
}
