import { createHash } from 'node:crypto'
import { Agent, type ClientRequestArgs, request as httpRequest } from 'node:http'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import type { ClientAnswer, Transport } from './acme-client.ts'
import { askConnect, secure } from './tunnel-client.ts'

export interface Proxied {
  /** The proxy's port on 127.0.0.1. */
  readonly port: number
  /** With the interception root and nothing else. */
  readonly trust: SecureContext
  /** Local address to come from. */
  readonly from: string
  readonly userAgent: string
  readonly timeoutMs: number
}

/** One client behind `HTTPS_PROXY`: one kept connection of CONNECT with TLS inside, opened when it is first needed. */
export function proxiedTransport({ port, trust, from, userAgent, timeoutMs }: Proxied): Transport {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  agent.createConnection = ((
    options: ClientRequestArgs,
    done: (error: Error | null, socket?: Duplex) => void,
  ) => {
    const target = `${options.host}:${options.port}`
    askConnect({ port, target, from })
      .then(({ socket, status, text }) => {
        if (status !== 200) throw new Error(`CONNECT was answered ${text.slice(0, 200)}`)
        return secure(socket, { secureContext: trust, servername: String(options.host) })
      })
      .then(
        (socket) => done(null, socket),
        (error: Error) => done(error),
      )
  }) as typeof agent.createConnection
  return {
    send(method, url, body, fields = {}) {
      const started = performance.now()
      const { hostname, port: caPort, host, pathname, search } = new URL(url)
      return new Promise<ClientAnswer>((resolve, reject) => {
        const request = httpRequest({
          agent,
          host: hostname,
          port: caPort === '' ? 443 : Number(caPort),
          path: `${pathname}${search}`,
          method,
          timeout: timeoutMs,
          headers: {
            Host: host,
            'User-Agent': userAgent,
            ...(body ? { 'Content-Type': 'application/jose+json', 'Content-Length': body.length } : {}),
            ...fields,
          },
        })
        request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)))
        request.on('error', reject)
        request.on('response', (response) => {
          const parts: Buffer[] = []
          response.on('data', (part: Buffer) => parts.push(part))
          response.on('error', reject)
          response.on('end', () => {
            const whole = Buffer.concat(parts)
            const names = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
            const answered = Object.fromEntries(names) as Record<string, string>
            resolve({
              method,
              url,
              status: response.statusCode ?? 0,
              fields: answered,
              body: whole,
              digest: createHash('sha256').update(whole).digest('hex'),
              exchange: answered['acmetap-exchange'] ?? null,
              ms: performance.now() - started,
            })
          })
        })
        request.end(body)
      })
    },
    close: () => agent.destroy(),
  }
}
