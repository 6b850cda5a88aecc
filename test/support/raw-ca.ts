/** A TLS server that keeps the bytes it got and answers with the bytes it is told: what HTTP libraries would hide. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import type { CaConnection } from '../../src/ca/dispatcher.ts'
import {
  type Issuer,
  makeRoot,
  makeServerCertificate,
  type ServerCertificate,
} from './test-ca/certificates.ts'

export interface RawRequest {
  /** The request line with everything up to the empty line, one character a byte. */
  readonly head: string
  readonly body: Buffer
  readonly servername: string | false
  readonly socket: TLSSocket
  /** Counted from 1 in the order of their acceptance. */
  readonly connection: number
}

export interface RawCa {
  readonly port: number
  readonly requests: RawRequest[]
  /** TLS connections that were established. */
  connections(): number
  /** Bytes that came and belong to no whole request. */
  unread(): number
  readonly trust: string
  /** How to answer from now on. */
  answerWith(answer: (request: RawRequest) => void): void
  /** As a dispatcher wants it. */
  ca(overrides?: Partial<CaConnection>): CaConnection
  close(): Promise<void>
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

export async function startRawCa(
  options: { certificate?: ServerCertificate; root?: Issuer; host?: string } = {},
): Promise<RawCa> {
  const root = options.root ?? makeRoot('Raw CA Root')
  const certificate =
    options.certificate ?? makeServerCertificate({ names: ['localhost', '127.0.0.1', '::1'], issuer: root })
  const host = options.host ?? '127.0.0.1'
  const requests: RawRequest[] = []
  const sockets = new Set<TLSSocket>()
  let connections = 0
  const unread = new Map<number, number>()
  let answer = (request: RawRequest): void => {
    request.socket.write(OK)
  }
  const server = createServer({ key: certificate.keyPem, cert: certificate.pem }, (socket) => {
    connections += 1
    const connection = connections
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    let waiting = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk])
      unread.set(connection, waiting.length)
      for (;;) {
        const end = waiting.indexOf('\r\n\r\n')
        if (end < 0) return
        const head = waiting.toString('latin1', 0, end)
        const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0)
        if (waiting.length < end + 4 + length) return
        const request = {
          head,
          body: waiting.subarray(end + 4, end + 4 + length),
          servername: (socket as TLSSocket & { servername: string | false }).servername,
          socket,
          connection,
        }
        waiting = waiting.subarray(end + 4 + length)
        unread.set(connection, waiting.length)
        requests.push(request)
        answer(request)
      }
    })
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    requests,
    connections: () => connections,
    unread: () => [...unread.values()].reduce((sum, bytes) => sum + bytes, 0),
    trust: root.pem,
    answerWith(next) {
      answer = next
    },
    ca: (overrides) => ({
      name: 'raw',
      origin: `https://localhost:${port}`,
      trust: root.pem,
      timeout: 10_000,
      ...overrides,
    }),
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
