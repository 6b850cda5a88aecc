import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { ServerCertificate } from './test-ca/certificates.ts'

export interface AskedFor {
  /** The authority after CONNECT. */
  readonly authority: string
  readonly head: string
  readonly from: string | undefined
}

export interface ConnectProxy {
  readonly port: number
  readonly asked: readonly AskedFor[]
  /** Connections it accepted. */
  connections(): number
  close(): Promise<void>
}

/**
 * A proxy that opens every tunnel to one port of 127.0.0.1, whatever it is asked for, or answers with these bytes
 * instead (null: nothing at all).
 */
export async function startConnectProxy(options: {
  readonly onward?: number
  readonly answer?: (asked: AskedFor) => string | null | undefined
  readonly certificate?: ServerCertificate
  /** Comes right behind the header, in the same write. */
  readonly greeting?: string
}): Promise<ConnectProxy> {
  const asked: AskedFor[] = []
  const open = new Set<Socket>()
  let connections = 0
  const serve = (socket: Socket) => {
    connections += 1
    keep(socket)
    let received = Buffer.alloc(0)
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      const end = received.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', onData)
      const head = received.toString('latin1', 0, end)
      const one = { authority: head.split(' ')[1] ?? '', head, from: socket.remoteAddress }
      asked.push(one)
      const answer = options.answer?.(one)
      if (answer === null) return
      if (answer !== undefined) {
        socket.write(answer)
        return
      }
      const onward = connect(options.onward ?? 0, '127.0.0.1')
      keep(onward)
      socket.write(`HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n${options.greeting ?? ''}`)
      onward.write(received.subarray(end + 4))
      socket.pipe(onward).pipe(socket)
    }
    socket.on('data', onData)
  }
  const keep = (socket: Socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
  }
  const server: Server = options.certificate
    ? createTlsServer({ key: options.certificate.keyPem, cert: options.certificate.pem }, serve)
    : createServer(serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    connections: () => connections,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
