import type { Socket } from 'node:net'
import { type buildConnector, Pool } from 'undici'
import { guarded, refuseLiteral } from './address-guard.ts'
import { createDial, type WayOut } from './dial.ts'
import { FailureError, upstreamFailure } from './failure.ts'
import { secureFor } from './secure.ts'

export interface ServiceRequest {
  /** POST where it is left out. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `https:` or `http:`, as an operator wrote it. */
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
  /** Left out where there is none. */
  readonly body?: string | Buffer
  /** PEM of the only roots to trust; null for the public ones. */
  readonly trust: string | null
  /** Bytes of an answer; a longer one fails. */
  readonly limit: number
  readonly signal: AbortSignal
}

export interface ServiceAnswer {
  readonly status: number
  /** Of its fields, by name in lower case; the first of several. */
  readonly field: (name: string) => string | null
  readonly body: Buffer
}

/**
 * Asks a service that an operator named. TLS is verified and no redirect followed. Its host may be internal, but no
 * listener of our own and nothing link-local. Rejects with a FailureError whose message is one line without the URL's
 * path, or with the signal's reason.
 */
export interface ServiceClient {
  send(request: ServiceRequest): Promise<ServiceAnswer>
  close(): Promise<void>
}

/** Connections to one origin. */
const CONNECTIONS = 16
const KEEP_ALIVE = 4_000
/** Milliseconds for one connection, TLS included: the signal ends the request before that. */
const CONNECT = 10_000
const MOST_POOLS = 100

/** `wayOut` may change: what is connected by the old one ends with its requests. */
export function createServiceClient(wayOut: () => WayOut): ServiceClient {
  let pools = new Map<string, Pool>()
  let way: WayOut | null = null

  const poolFor = (origin: string, trust: string | null): Pool => {
    const current = wayOut()
    if (current !== way || pools.size >= MOST_POOLS) {
      for (const pool of pools.values()) void pool.close().catch(() => {})
      pools = new Map()
      way = current
    }
    const key = `${origin} ${trust ?? ''}`
    const known = pools.get(key)
    if (known !== undefined) return known
    const made = poolTo(origin, trust, current)
    pools.set(key, made)
    return made
  }

  return {
    async send({ method = 'POST', url, fields, body = null, trust, limit, signal }) {
      const { origin, pathname, search } = new URL(url)
      try {
        const answer = await poolFor(origin, trust).request({
          path: `${pathname}${search}`,
          method,
          headers: { 'user-agent': 'acmetap', accept: 'application/json', ...fields },
          body,
          signal,
        })
        const chunks: Buffer[] = []
        let size = 0
        for await (const chunk of answer.body as AsyncIterable<Buffer>) {
          size += chunk.length
          if (size > limit) throw new FailureError('responseTooLarge', `the answer is over ${limit} bytes`)
          chunks.push(chunk)
        }
        return {
          status: answer.statusCode,
          field: (name) => [answer.headers[name]].flat()[0] ?? null,
          body: Buffer.concat(chunks),
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason
        const { cause, message } = upstreamFailure(error)
        throw new FailureError(cause, message.replace(/\s+/g, ' '))
      }
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
      pools = new Map()
    },
  }
}

function poolTo(origin: string, trust: string | null, way: WayOut): Pool {
  const dial = createDial({ ...way, resolve: guarded(way.resolve) })
  const { hostname, protocol, port } = new URL(origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  const secure = protocol === 'https:' ? secureFor(host, trust) : null
  const connect = async (): Promise<Socket> => {
    refuseLiteral(host)
    const signal = AbortSignal.timeout(CONNECT)
    const number = Number(port) || (secure === null ? 80 : 443)
    const socket = await dial({ host, port: number, vouched: true, timeout: CONNECT, signal })
    return secure === null ? socket : secure(socket, signal)
  }
  return new Pool(origin, {
    connections: CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE,
    connect: (_options: buildConnector.Options, callback: buildConnector.Callback) => {
      connect().then(
        (socket) => callback(null, socket),
        (error: Error) => callback(error, null),
      )
    },
  })
}
