/**
 * src/ca is the only way out of the process towards certificate authorities: connections, trust, time-outs.
 * Whoever sends (the relay through @fastify/http-proxy, our own requests) sends through this one dispatcher.
 */

import { isDeepStrictEqual } from 'node:util'
import { type buildConnector, type Dispatcher, Pool } from 'undici'
import type { AnswerSource, FieldList, ObservedResponse, UpstreamFailure } from '../exchange/exchange.ts'
import { type CaConnection, type ConnectCa, connectorFor } from './connect-ca.ts'
import { decodeContent } from './content-coding.ts'
import { createDial, type WayOut } from './dial.ts'
import { FailureError, upstreamFailure } from './failure.ts'
import { endToEndFields } from './hop-by-hop.ts'
import { OwnAddresses } from './own-addresses.ts'
import { createResolve } from './resolve.ts'

/** Bytes. The largest answers are certificate chains, about 10 kB. */
export const RESPONSE_BODY_LIMIT = 1024 * 1024
const INFORMATIONAL_LIMIT = 20
const ENDING = 'acmetap ended before the answer was complete'

export type { CaConnection }

export interface OutgoingRequest {
  readonly method: string
  /** Goes out as it is. */
  readonly target: string
  /** As they go out, `Host` among them; undici adds `Connection` and `Content-Length`. */
  readonly fields: FieldList
  readonly body: Buffer | null
  /** Local address to send from; null leaves it to the system. */
  readonly from?: string | null
}

/** What came back, and how long it took in µs. */
export type Sent =
  | {
      readonly kind: 'response'
      readonly response: ObservedResponse
      readonly durationCa: number
      /** `ca` where it is left out. */
      readonly source?: AnswerSource
    }
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure; readonly durationCa: number }

/** Straight, by the system's resolver. */
const STRAIGHT: WayOut = { resolve: createResolve(), own: new OwnAddresses(), proxy: null }

/** How to reach one CA, and its pools by the local address they send from. */
interface Route {
  readonly ca: CaConnection
  readonly way: WayOut
  readonly connect: ConnectCa
  readonly pools: Map<string | null, Pool>
}

/** One pool of verified TLS connections per CA and local address. */
export class CaDispatcher {
  #way: WayOut
  readonly #routes = new Map<string, Route>()
  readonly #retiring = new Map<Pool, Promise<void>>()

  constructor(cas: readonly CaConnection[], way: WayOut = STRAIGHT) {
    this.#way = way
    this.use(cas, way)
  }

  /** The CAs and the way out from now on. Connections that would now be made otherwise end when their answers are in. */
  use(cas: readonly CaConnection[], way: WayOut = this.#way): void {
    this.#way = way
    const names = new Set(cas.map(({ name }) => name))
    for (const [name] of this.#routes) if (!names.has(name)) this.#retire(name)
    for (const ca of cas) {
      const its = wayOf(ca, way)
      const known = this.#routes.get(ca.name)
      if (known && isDeepStrictEqual(known.ca, ca) && isSameWay(known.way, its)) continue
      this.#retire(ca.name)
      this.#routes.set(ca.name, {
        ca,
        way: its,
        connect: connectorFor(ca, createDial(its)),
        pools: new Map(),
      })
    }
  }

  #retire(name: string): void {
    const pools = this.#routes.get(name)?.pools ?? []
    this.#routes.delete(name)
    for (const [, pool] of pools) {
      const closing = pool.close().finally(() => this.#retiring.delete(pool))
      this.#retiring.set(pool, closing)
    }
  }

  /** Sends once: no retry, whatever comes. Never rejects. What the signal gives up on is `aborted`. */
  async send(ca: string, request: OutgoingRequest, signal?: AbortSignal): Promise<Sent> {
    const route = this.#routes.get(ca)
    if (!route) {
      return {
        kind: 'failed',
        failure: { cause: 'aborted', message: `no CA is called ${ca}` },
        durationCa: 0,
      }
    }
    const started = performance.now()
    const elapsed = () => Math.round((performance.now() - started) * 1000)
    try {
      const { status, fields, body } = await exchangeOnce(
        poolOf(route, request.from ?? null),
        route.ca,
        request,
        signal,
      )
      const durationCa = elapsed()
      const codings = fields.filter(([name]) => name === 'content-encoding').map(([, value]) => value)
      const decoded = await decodeContent(body, codings.join(','), RESPONSE_BODY_LIMIT)
      return { kind: 'response', response: { status, fields, body, decoded }, durationCa }
    } catch (error) {
      return { kind: 'failed', failure: upstreamFailure(error), durationCa: elapsed() }
    }
  }

  /** Ends idle connections at once, busy ones when their answer is in. */
  async close(): Promise<void> {
    for (const name of [...this.#routes.keys()]) this.#retire(name)
    await Promise.all(this.#retiring.values())
  }

  /** Gives up on every answer that is still awaited: those requests end as `aborted`. */
  abandon(): void {
    for (const name of [...this.#routes.keys()]) this.#retire(name)
    for (const pool of this.#retiring.keys()) void pool.destroy(new FailureError('aborted', ENDING))
  }
}

function wayOf({ egress = 'inherit' }: CaConnection, way: WayOut): WayOut {
  return egress === 'inherit' ? way : { ...way, proxy: egress === 'direct' ? null : egress }
}

function isSameWay(one: WayOut, other: WayOut): boolean {
  return one.resolve === other.resolve && one.own === other.own && isDeepStrictEqual(one.proxy, other.proxy)
}

function poolOf({ ca, connect, pools }: Route, from: string | null): Pool {
  const known = pools.get(from)
  if (known) return known
  const pool = new Pool(ca.origin, {
    connections: 128,
    pipelining: 1,
    // Below what servers keep idle connections for, so that a POST rarely meets a connection just closed.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (_options: buildConnector.Options, callback: buildConnector.Callback) => {
      connect(from).then(
        (socket) => callback(null, socket),
        (error: Error) => callback(error, null),
      )
    },
  })
  pools.set(from, pool)
  return pool
}

interface RawResponse {
  status: number
  fields: FieldList
  body: Buffer
}

function exchangeOnce(
  pool: Pool,
  ca: CaConnection,
  request: OutgoingRequest,
  signal?: AbortSignal,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | null = null
    let failed = false
    let status = 0
    let fields: FieldList = []
    let size = 0
    let informational = 0
    const chunks: Buffer[] = []
    const fail = (error: Error) => {
      if (failed) return
      failed = true
      settled()
      controller?.abort(error)
      reject(relativeToSending(error, controller !== null))
    }
    const timer = setTimeout(() => {
      const cause = controller ? 'responseTimeout' : 'connectTimeout'
      const missing = controller ? 'complete answer' : 'free connection'
      fail(new FailureError(cause, `no ${missing} within ${ca.timeout} ms`))
    }, ca.timeout)
    const giveUp = () => fail(new FailureError('aborted', ENDING))
    const settled = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', giveUp)
    }
    if (signal?.aborted) return giveUp()
    signal?.addEventListener('abort', giveUp)
    const options = {
      origin: ca.origin,
      path: request.target,
      method: request.method as Dispatcher.HttpMethod,
      headers: request.fields.flat(),
      body: request.body,
      // The same for every request: undici closes a connection whose next request has another name.
      servername: ca.name,
    }
    pool.dispatch(options as Dispatcher.DispatchOptions, {
      onRequestStart(started) {
        controller = started
        // Nothing was written yet: a request that waited too long for a connection must not go out afterwards.
        if (failed) started.abort(new FailureError('aborted', 'given up before it was sent'))
      },
      onResponseStart(_controller, statusCode, headers) {
        if (statusCode < 200) {
          informational += 1
          if (informational > INFORMATIONAL_LIMIT)
            fail(new FailureError('responseUnreadable', 'too many 1xx answers'))
          return
        }
        // RFC 9110 §15: nothing else is a status code, and HTTP/2 clients can't be given one.
        if (statusCode > 599) fail(new FailureError('responseUnreadable', `the status is ${statusCode}`))
        status = statusCode
        fields = endToEndFields(toFields(headers))
      },
      onResponseData(_controller, chunk) {
        size += chunk.length
        if (size > RESPONSE_BODY_LIMIT) {
          fail(new FailureError('responseTooLarge', `the answer is over ${RESPONSE_BODY_LIMIT} bytes`))
        } else chunks.push(chunk)
      },
      onResponseEnd() {
        settled()
        resolve({ status, fields, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) })
      },
      onResponseError(_controller, error) {
        fail(error)
      },
    })
  })
}

/** A connection that breaks before the request was written was never made; one that breaks after was no bad certificate. */
function relativeToSending(error: Error, sent: boolean): Error {
  const { cause, message } = upstreamFailure(error)
  if (!sent && cause === 'reset') return new FailureError('connectRefused', message)
  if (sent && cause === 'tls') return new FailureError('reset', message)
  return error
}

function toFields(headers: Record<string, string | string[] | undefined>): FieldList {
  const fields: [string, string][] = []
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') fields.push([name, value])
    else for (const item of value ?? []) fields.push([name, item])
  }
  return fields
}
