/**
 * src/proxy is the data plane's HTTP edge: it receives requests, runs them through the stages and answers.
 * Start at stages.ts. This file builds the one Fastify app that every listener's requests enter.
 */
import type { IncomingMessage } from 'node:http'
import httpProxy from '@fastify/http-proxy'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { CaDispatcher } from '../ca/dispatcher.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Connection } from '../exchange/connection.ts'
import type { Completed, Destination, FieldList, ObservedRequest, Received } from '../exchange/exchange.ts'
import { newExchangeId } from '../exchange/exchange-id.ts'
import { asUndici, forwardThrough } from './forward.ts'
import { rememberResponse } from './hang-up.ts'
import { receiveRequest } from './receive.ts'
import { replyProblem, replyWith } from './reply.ts'
import type { Exit } from './send.ts'
import type { Chains } from './stages.ts'

export interface ProxyParts {
  readonly chains: Pick<Chains, 'relay' | 'intercept' | 'broker'>
  readonly dispatcher: CaDispatcher
  readonly clock: Clock
  /** Facts about the connection a request came by. */
  readonly connectionOf: (request: FastifyRequest['raw'], observed: ObservedRequest) => Connection
  /** The CA a request is for, by the authority it names (byte for byte) and the connection it came by; or null. */
  readonly destinationOf: (authority: string | null, connection: Connection) => Destination | null
  /** acmetap as an ACME server, where it is one. */
  readonly broker?: BrokerEdge | null
  /** The way out of one exchange, given the plain one: puts what is shared between clients in between. */
  readonly exitOf?: (exchange: Received, plain: Exit) => Exit
  readonly onCompleted: (exchange: Completed) => void
  /** A request that could not be completed for a reason of our own (a bug, or the record is not writable). */
  readonly onFault: (error: unknown, exchange: Received) => void
  /** A connection that ended before its request was complete. */
  readonly onIncomplete: (request: FastifyRequest['raw'], error: unknown) => void
  /** Forward without @fastify/http-proxy: the yardstick of the benchmark. */
  readonly bare?: boolean
}

/** What the HTTP edge asks of acmetap as an ACME server. */
export interface BrokerEdge {
  /** Whose request it is; null: no endpoint has this authority. `ca`: the endpoint's name, null where nothing is there. */
  placeOf(authority: string | null, target: string): { readonly ca: string | null } | null
  /** What stands beside every answer, problems too: `Replay-Nonce` (RFC 8555 §6.5) and `Link: index` (§7.1). */
  fieldsFor(exchange: Received): FieldList
}

/** Methods Fastify's router knows; any other goes the same way through the not-found handler. */
const METHODS = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT', 'OPTIONS'] as const

export async function createProxyApp(parts: ProxyParts): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    // The router must not interpret a target that is not ours: it sees `/`, whatever was asked for. Nor is the
    // content type its to judge. The truth is in `originalUrl` and `rawHeaders`.
    rewriteUrl(request) {
      delete request.headers['content-type']
      return '/'
    },
  })
  const viaHttpProxy = (_request: FastifyRequest, reply: FastifyReply) => {
    const exit: Exit = parts.bare
      ? (ca, outgoing) => parts.dispatcher.send(ca, outgoing)
      : (ca, outgoing) => forwardThrough(reply, ca, outgoing)
    return serve(parts, reply, exit)
  }
  await app.register(httpProxy, {
    upstream: 'https://ca.invalid',
    undici: asUndici(parts.dispatcher) as never,
    httpMethods: [...METHODS],
    disableRequestLogging: true,
    handler: viaHttpProxy,
  } as Parameters<typeof httpProxy>[1] & object)
  const straight = (reply: FastifyReply) =>
    serve(parts, reply, (ca, outgoing) => parts.dispatcher.send(ca, outgoing))
  app.setNotFoundHandler((_request, reply) => straight(reply))
  // Fastify has opinions of its own (a QUERY must have a content type): they are not what decides here.
  app.setErrorHandler((error, _request, reply) => {
    if (SERVED.has(reply)) throw error
    return straight(reply)
  })
  await app.ready()
  return app
}

/** Each request goes through the stages once, whatever happens on the way. */
const SERVED = new WeakSet<FastifyReply>()

async function serve(parts: ProxyParts, reply: FastifyReply, exit: Exit): Promise<FastifyReply> {
  SERVED.add(reply)
  const { raw } = reply.request
  const receivedAt = parts.clock.now()
  let request: ObservedRequest
  try {
    request = await receiveRequest(raw, (raw as IncomingMessage & { originalUrl?: string }).originalUrl ?? '')
  } catch (error) {
    parts.onIncomplete(raw, error)
    reply.hijack()
    raw.destroy()
    return reply
  }
  rememberResponse(request, reply.raw)
  const exchange: Received = {
    id: newExchangeId(),
    parent: null,
    ...comeIn(parts, request, parts.connectionOf(raw, request)),
    request,
    receivedAt,
  }
  const beside = exchange.mode === 'broker' ? () => parts.broker!.fieldsFor(exchange) : undefined
  try {
    const completed = await run(parts, exchange, exit)
    reply.hijack()
    replyWith(completed, reply.raw, beside?.())
    parts.onCompleted(completed)
  } catch (error) {
    reply.hijack()
    replyProblem(error, request.method, exchange.id, reply.raw, beside?.())
    parts.onFault(error, exchange)
  }
  return reply
}

/** By listener, and on listener `acme` by the authority that is named: a relay's Host is never an endpoint's. */
function comeIn(
  { broker, destinationOf }: ProxyParts,
  { authority, target }: ObservedRequest,
  connection: Connection,
): Pick<Received, 'mode' | 'connection' | 'destination'> {
  const destination = destinationOf(authority, connection)
  const place =
    destination === null && connection.mode === 'relay' ? broker?.placeOf(authority, target) : null
  if (!place) return { mode: connection.mode, connection, destination }
  const { ca } = place
  return {
    mode: 'broker',
    connection: { ...connection, mode: 'broker' },
    destination: ca === null ? null : { ca, authority: authority! },
  }
}

function run({ chains, exitOf }: ProxyParts, exchange: Received, exit: Exit): Promise<Completed> {
  if (exchange.mode === 'broker' && chains.broker) return chains.broker(exchange, null)
  const chain = exchange.mode === 'intercept' ? chains.intercept : chains.relay
  return chain(exchange, exitOf?.(exchange, exit) ?? exit)
}
