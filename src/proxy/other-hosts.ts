/**
 * What clients of listener `proxy` send to hosts that are no CA of ours: blind tunnels and plain `http://` requests.
 * Each is an exchange of operation `tunnel`: decided, recorded before anything is dialled, and recorded again when
 * it has ended.
 */
import { setMaxListeners } from 'node:events'
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { AcmeProblem } from '../acme/problem.ts'
import { upstreamFailure } from '../ca/failure.ts'
import { pumpTunnel } from '../ca/pump.ts'
import type { Connection } from '../exchange/connection.ts'
import type {
  Completed,
  FailureCause,
  FieldList,
  ObservedRequest,
  ObservedResponse,
  OtherHost,
  Outcome,
  Received,
} from '../exchange/exchange.ts'
import { newExchangeId } from '../exchange/exchange-id.ts'
import type { Recorded } from '../exchange/pipeline.ts'
import { type AbsoluteTarget, authorityOf, type TargetHost } from './connect-target.ts'
import { forwardOnce } from './forward-once.ts'
import type { ProxyListenerParts } from './intercept-options.ts'
import { EXCHANGE_FIELD, replyProblem, replyWith } from './reply.ts'
import type { TunnelExit } from './stages.ts'

type Parts = Pick<ProxyListenerParts, 'clock' | 'tunnel' | 'dial' | 'isVouched' | 'onCompleted' | 'onFault'>

export interface OtherHostLimits {
  readonly tunnels: number
  readonly idle: number
  readonly dialTimeout: number
}

/** Carries an opened connection; resolves when it has ended. Never rejects for the network's sake. */
type Carry = (upstream: Socket, exchange: Recorded) => Promise<Omit<Response, 'durationCa' | 'kind'>>
type Response = Extract<Outcome, { kind: 'response' }>

export class OtherHosts {
  readonly #parts: Parts
  readonly #limits: OtherHostLimits
  readonly #ending = new AbortController()
  #open = 0

  constructor(parts: Parts, limits: OtherHostLimits) {
    this.#parts = parts
    this.#limits = limits
    setMaxListeners(0, this.#ending.signal)
  }

  /** Whether as many are open as may be. */
  get full(): boolean {
    return this.#open >= this.#limits.tunnels
  }

  /** End every tunnel, as `shutdown`. */
  shutdown(): void {
    this.#ending.abort()
  }

  /** A CONNECT request: 200 and a tunnel, or a problem document and the end of the connection. */
  async connect(
    connection: Connection,
    request: IncomingMessage,
    client: Socket,
    target: TargetHost,
  ): Promise<void> {
    const { idle } = this.#limits
    const { signal } = this.#ending
    let established = false
    const carry: Carry = async (upstream, exchange) => {
      established = true
      client.write(`HTTP/1.1 200 Connection established\r\nAcmetap-Exchange: ${exchange.id}\r\n\r\n`)
      const tunnel = await pumpTunnel(client, upstream, { idle, signal })
      return { response: blind(200), tunnel }
    }
    const otherHost: OtherHost = { ...target, form: 'connect' }
    await this.#run(
      connection,
      request,
      otherHost,
      () => client.destroyed,
      carry,
      (answer) => {
        if (established) client.destroy()
        else answer(detachedResponse(request, client))
      },
    )
  }

  /** An absolute-form request (RFC 9112 §3.2.2): its answer, or a problem document. */
  async forward(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    target: AbsoluteTarget,
  ): Promise<void> {
    const { idle } = this.#limits
    const { signal } = this.#ending
    const { host, port, path } = target
    const carry: Carry = async (upstream, exchange) => {
      response.setHeader(EXCHANGE_FIELD, exchange.id)
      const authority = authorityOf(target, 80)
      const { status, tunnel } = await forwardOnce(upstream, request, response, {
        authority,
        path,
        idle,
        signal,
      })
      return { response: blind(status), tunnel }
    }
    const otherHost: OtherHost = { host, port, form: 'absolute' }
    await this.#run(
      connection,
      request,
      otherHost,
      () => response.destroyed,
      carry,
      (answer) => {
        if (response.headersSent) response.destroy()
        else answer(response)
      },
    )
  }

  async #run(
    connection: Connection,
    request: IncomingMessage,
    otherHost: OtherHost,
    isGone: () => boolean,
    carry: Carry,
    reply: (answer: (response: ServerResponse) => void) => void,
  ): Promise<void> {
    const { clock, tunnel, onCompleted, onFault } = this.#parts
    const exchange: Received = {
      id: newExchangeId(),
      parent: null,
      mode: 'intercept',
      connection,
      destination: null,
      otherHost,
      request: observed(request, otherHost),
      receivedAt: clock.now(),
    }
    const exit: TunnelExit = (recorded) => this.#exit(recorded, otherHost, isGone, carry)
    this.#open += 1
    try {
      const completed = await tunnel(exchange, exit)
      if (completed.outcome.kind !== 'response') reply((response) => refuse(completed, response))
      onCompleted(completed)
    } catch (error) {
      reply((response) => replyProblem(error, exchange.request.method, exchange.id, response))
      onFault(error, exchange)
    } finally {
      this.#open -= 1
    }
  }

  async #exit(
    exchange: Recorded,
    otherHost: OtherHost,
    isGone: () => boolean,
    carry: Carry,
  ): Promise<Outcome> {
    const { clock, dial, isVouched } = this.#parts
    const { host, port } = otherHost
    const began = clock.now().monotonic
    let durationCa = 0
    try {
      const upstream = await dial({
        host,
        port,
        vouched: isVouched(otherHost),
        from: exchange.turn.from,
        timeout: this.#limits.dialTimeout,
        signal: this.#ending.signal,
      })
      durationCa = clock.now().monotonic - began
      upstream.on('error', ignore)
      if (isGone()) {
        upstream.destroy()
        return failed(
          exchange,
          'aborted',
          'the client went away while its tunnel was being opened',
          durationCa,
        )
      }
      return { kind: 'response', durationCa, ...(await carry(upstream, exchange)) }
    } catch (error) {
      const { cause, message } = upstreamFailure(error)
      return failed(exchange, cause, message, durationCa || clock.now().monotonic - began)
    }
  }
}

/** What is known of an answer that was carried blindly. */
function blind(status: number): ObservedResponse {
  return { status, fields: [], body: NOTHING, decoded: NOTHING }
}

const NOTHING = Buffer.alloc(0)

function failed(exchange: Recorded, cause: FailureCause, message: string, durationCa: number): Outcome {
  const { host = '', port = 0 } = exchange.otherHost ?? {}
  const problem = new AcmeProblem(
    cause === 'addressRefused' ? 'unauthorized' : 'serverInternal',
    `${SAYS[cause] ?? 'acmetap could not reach the host'} (${authorityOf({ host, port }, 443)}, record ${exchange.id})`,
    { status: STATUS[cause] ?? 502, instance: `urn:uuid:${exchange.id}` },
  )
  return { kind: 'failed', failure: { cause, message }, problem: problem.document(), durationCa }
}

const STATUS: Partial<Record<FailureCause, number>> = { addressRefused: 403, connectTimeout: 504 }

const SAYS: Partial<Record<FailureCause, string>> = {
  addressRefused: 'acmetap does not connect to internal addresses, nor to itself',
  connectTimeout: 'acmetap could not connect to the host in time',
  connectRefused: 'acmetap could not connect to the host: the connection was refused',
  nameNotResolved: "acmetap could not resolve the host's name",
  proxyRefused: 'the proxy on the way out refused the connection',
  reset: 'the connection to the host broke before its answer',
  responseTimeout: 'the host did not answer in time',
  responseUnreadable: "the host's answer is not valid HTTP",
  aborted: 'acmetap is stopping, or the client went away',
}

/**
 * What goes into the record: the authority that is reached, whatever `Host` says (RFC 9112 §3.2.3). Nothing of the body
 * and of a query, which are not ours to read: services for DNS take their tokens there.
 */
function observed(request: IncomingMessage, otherHost: OtherHost): ObservedRequest {
  const { rawHeaders } = request
  const fields: FieldList[number][] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!]
    if (name.toLowerCase() !== 'proxy-authorization') fields.push([name, value])
  }
  return {
    method: request.method ?? 'CONNECT',
    target: (request.url ?? '').replace(/\?.*$/s, '?[redacted]'),
    authority: authorityOf(otherHost, otherHost.form === 'connect' ? null : 80),
    fields,
    body: NOTHING,
    truncated: false,
    httpVersion: request.httpVersion,
    ambiguities: [],
  }
}

/** A response for a socket that Node's server has let go of after CONNECT; it ends the connection. */
export function detachedResponse(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.once('finish', () => socket.end())
  socket.resume()
  return response
}

function refuse(completed: Completed, response: ServerResponse): void {
  response.shouldKeepAlive = false
  replyWith(completed, response)
}

function ignore(): void {}
