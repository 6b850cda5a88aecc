import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ServerCertificate } from '../../../src/cli/demo/test-certificates.ts'

export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Records what it is sent, and answers as it is told. */
export interface Receiver {
  readonly url: string
  readonly port: number
  readonly received: Received[]
  /** What it answers from now on; null: nothing, ever. */
  reply: (received: Received) => Reply | null
  close(): Promise<void>
}

/** `at`: any, unless it must be where one was or will be. */
export async function startReceiver(tls: ServerCertificate | null = null, at = 0): Promise<Receiver> {
  const received: Received[] = []
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      }
      received.push(one)
      const reply = receiver.reply(one)
      if (reply === null) return
      response.writeHead(reply.status, reply.headers)
      response.end(reply.body ?? '')
    })
  }
  const server =
    tls === null ? createServer(listener) : createTlsServer({ key: tls.key, cert: tls.certificate }, listener)
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const receiver: Receiver = {
    url: `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    received,
    reply: () => ({ status: 200, body: 'ok' }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return receiver
}
