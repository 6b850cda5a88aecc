/**
 * The laxest CA thinkable: any signature, any nonce, any account, any identifiers, any CSR at any time, whatever the
 * method. It refuses nothing, so that only what stands before it protects anybody. It keeps all that arrives, every byte.
 */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { makeRoot, makeServerCertificate } from '../test-ca/certificates.ts'

export interface Arrival {
  readonly method: string
  readonly target: string
  readonly userAgent: string
  readonly body: Buffer
}

export interface LaxCa {
  readonly authority: string
  readonly directory: string
  /** PEM. */
  readonly trust: string
  readonly arrivals: readonly Arrival[]
  close(): Promise<void>
}

/** Pebble's paths, so that requests that are made for Pebble fit. */
const PATHS = {
  newNonce: '/nonce-plz',
  newAccount: '/sign-me-up',
  newOrder: '/order-plz',
  newAuthz: '/authz-plz',
  revokeCert: '/revoke-cert',
  keyChange: '/rollover-account-key',
}

export async function startLaxCa(): Promise<LaxCa> {
  const root = makeRoot('Lax CA Root')
  const { keyPem, pem } = makeServerCertificate({ names: ['localhost', '127.0.0.1'], issuer: root })
  const arrivals: Arrival[] = []
  const sockets = new Set<Socket>()
  let made = 0
  const server = createServer({ key: keyPem, cert: pem }, async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    const { method = '', url: target = '', headers } = request
    arrivals.push({ method, target, userAgent: headers['user-agent'] ?? '', body })
    made += 1
    const { status, fields, answer } = answerTo(request, body, made)
    response.writeHead(status, { 'Replay-Nonce': `nonce-${made}`, 'Cache-Control': 'no-store', ...fields })
    response.end(answer)
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const authority = `localhost:${(server.address() as AddressInfo).port}`
  return {
    authority,
    directory: `https://${authority}/dir`,
    trust: root.pem,
    arrivals,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

interface LaxAnswer {
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly answer: string
}

function answerTo({ url: target = '', headers }: IncomingMessage, body: Buffer, made: number): LaxAnswer {
  const origin = `https://${headers.host ?? ''}`
  const json = (value: unknown, status = 200, location?: string): LaxAnswer => ({
    status,
    fields: { 'Content-Type': 'application/json', ...(location === undefined ? {} : { Location: location }) },
    answer: JSON.stringify(value),
  })
  const [, kind = '', id = ''] = target.split(/[/?]/)
  const identifier = { type: 'dns', value: 'lax.example' }
  const order = (which: string | number) => ({
    status: 'ready',
    identifiers: identifiersIn(body) ?? [identifier],
    authorizations: [`${origin}/authZ/${which}`],
    finalize: `${origin}/finalize-order/${which}`,
    certificate: `${origin}/certZ/${which}`,
  })
  const authorization = (which: string | number) => ({
    status: 'valid',
    identifier,
    challenges: [{ type: 'http-01', url: `${origin}/chalZ/${which}`, token: 'token', status: 'valid' }],
  })
  switch (kind) {
    case 'dir':
      return json(Object.fromEntries(Object.entries(PATHS).map(([name, path]) => [name, origin + path])))
    case 'sign-me-up':
      return json(
        { status: 'valid', orders: `${origin}/list-orderz/${made}` },
        201,
        `${origin}/my-account/${made}`,
      )
    case 'order-plz':
      return json(order(made), 201, `${origin}/my-order/${made}`)
    case 'authz-plz':
      return json(authorization(made), 201, `${origin}/authZ/${made}`)
    case 'my-order':
    case 'finalize-order':
      return json(order(id))
    case 'authZ':
      return json(authorization(id))
    default:
      return json({ status: 'valid' })
  }
}

function identifiersIn(body: Buffer): unknown {
  try {
    const { payload } = JSON.parse(body.toString()) as { payload: string }
    return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { identifiers: unknown }).identifiers
  } catch {
    return undefined
  }
}
