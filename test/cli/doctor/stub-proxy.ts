import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { CertifiedKey } from '../../../src/interception/authority.ts'

export const CA_HOST = 'acme-ca.test'

/** What is wrong with it; acmetap itself can't be made to fail so. */
export interface StubProxyOptions {
  /** PEM that /root.pem answers; null for a proxy that is not acmetap. */
  readonly root: string | null
  readonly leaf: CertifiedKey
  /** `user:password` it asks for. */
  readonly credentials?: string
  /** Refuses every CONNECT so. */
  readonly refuse?: number
  /** Added to the clock it tells, in ms. */
  readonly clock?: number
  /** What it answers inside the tunnel. */
  readonly answer?: { readonly status: number; readonly body: string }
  readonly refusedHosts?: readonly string[]
}

export interface StubProxy {
  readonly place: string
  close(): Promise<void>
}

const DIRECTORY = JSON.stringify({
  newNonce: `https://${CA_HOST}/nonce`,
  newAccount: `https://${CA_HOST}/account`,
})

/** A proxy on loopback with acmetap's pages, whose tunnels all end in one CA. */
export async function startStubProxy(options: StubProxyOptions): Promise<StubProxy> {
  const { answer = { status: 200, body: DIRECTORY } } = options
  const open = new Set<Socket>()
  const inside = createServer((_request, response) => {
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
  })
  const server = createServer((request, response) => {
    if (options.clock !== undefined) {
      response.sendDate = false
      response.setHeader('Date', new Date(Date.now() + options.clock).toUTCString())
    }
    if (request.url === '/root.pem' && options.root !== null) response.end(options.root)
    else if (request.url === '/refused-hosts' && options.root !== null) {
      response.end((options.refusedHosts ?? []).map((host) => `${host}\n`).join(''))
    } else response.writeHead(400, { server: 'tinyproxy/1.11.1' }).end('<h1>Bad request</h1>')
  })
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => open.delete(socket))
  })
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const given = request.headers['proxy-authorization']
    const wanted = options.credentials && `Basic ${Buffer.from(options.credentials).toString('base64')}`
    const status = wanted !== undefined && given !== wanted ? 407 : options.refuse
    if (status !== undefined) {
      const ask = status === 407 ? 'Proxy-Authenticate: Basic realm="acmetap"\r\n' : ''
      socket.end(`HTTP/1.1 ${status} No\r\n${ask}Content-Length: 0\r\nConnection: close\r\n\r\n`)
      return
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (head.length > 0) socket.unshift(head)
    const { certificate, key } = options.leaf
    const secured = new TLSSocket(socket, {
      isServer: true,
      cert: certificate,
      key,
      ALPNProtocols: ['http/1.1'],
    })
    secured.on('error', () => socket.destroy())
    inside.emit('connection', secured)
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    place: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const socket of open) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
