/**
 * acme-dns's HTTP API, as its README documents it: its clients (lego, acme.sh, certbot's hooks, Posh-ACME …) register a
 * name and set its TXT record. Errors have its shape, `{"error":"…"}`.
 */
import { createServer as createPlainServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Clock } from '../../exchange/clock.ts'
import { isInNetworks, readNetwork } from './networks.ts'
import type { DnsRegistration } from './registration-store.ts'
import type { Registrations } from './registrations.ts'
import { isLoopback, sourcePrefix } from './source-prefix.ts'
import { WindowedRate } from './windowed-rate.ts'

export const DNS_API_OPERATIONS = ['register', 'update', 'health', 'other'] as const
export type DnsApiOperation = (typeof DNS_API_OPERATIONS)[number]

/** refused: not authenticated, or not allowed. limited: too many calls. failed: the store did not take it. */
export const DNS_API_OUTCOMES = ['ok', 'malformed', 'refused', 'limited', 'failed'] as const
export type DnsApiOutcome = (typeof DNS_API_OUTCOMES)[number]

/** Where the listener's certificate comes from; `watch` calls `use` whenever it is another. */
export interface DnsApiTls {
  readonly options: TlsOptions
  watch(use: (options: SecureContextOptions) => void): void
}

export interface DnsApiParts {
  readonly registrations: Registrations
  readonly zone: string
  /** Networks that may register; empty: nobody. */
  readonly register: readonly string[]
  /** Null: plain HTTP. */
  readonly tls: DnsApiTls | null
  readonly clock: Clock
  /** Addresses that may hold as many connections as they like; without it those of loopback. */
  readonly isExempt?: (address: string) => boolean
  /** ms for a handshake, and for a whole request. */
  readonly patience?: number
  /** Told of every call once it is answered. */
  readonly onCall: (operation: DnsApiOperation, outcome: DnsApiOutcome) => void
  /** Told of faults of our own. */
  readonly onFault: (error: unknown) => void
}

const BODY_LIMIT = 4096
const PATIENCE = 10_000
/** ms between two looks whether somebody takes longer. */
const LOOK = 1_000
const CONNECTIONS = 200
const CONNECTIONS_OF_ONE = 20
const MOST_NETWORKS = 32

/** Of one network (/24, /56), in µs: calls, and registrations among them. */
const CALLS = { most: 50, window: 1_000_000 }
const REGISTRATIONS = { most: 10, window: 60_000_000 }

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** A SHA-256 in base64url: nothing else belongs here (RFC 8555 §8.4). */
const TXT = /^[A-Za-z0-9_-]{43}$/

/** What the caller is told instead. */
class Refused extends Error {
  readonly status: number
  readonly outcome: DnsApiOutcome
  constructor(status: number, error: string, outcome: DnsApiOutcome) {
    super(error)
    this.status = status
    this.outcome = outcome
  }
}

/** Not listening yet. */
export function acmeDnsApi(parts: DnsApiParts): FastifyInstance {
  const { registrations, clock, patience = PATIENCE, isExempt = isLoopback } = parts
  const calls = new WindowedRate(CALLS.most, CALLS.window)
  const registering = new WindowedRate(REGISTRATIONS.most, REGISTRATIONS.window)
  const isBeyond = (rate: WindowedRate, request: FastifyRequest) =>
    rate.refused(sourcePrefix(addressOf(request)), clock.now().monotonic) > 0
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: BODY_LIMIT,
    requestTimeout: patience,
    serverFactory: (handler) => {
      const server = serverOf(parts.tls, handler as RequestListener, patience)
      server.on('connection', limitedPerNetwork(isExempt))
      return server
    },
  })
  // Clients send JSON under whatever type they like.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', async (request) => {
    if (isBeyond(calls, request)) throw new Refused(429, 'rate_limited', 'limited')
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  })
  app.addHook('onResponse', async (request, reply) => {
    parts.onCall(operationOf(request), outcomes.get(reply) ?? (reply.statusCode < 400 ? 'ok' : 'malformed'))
  })
  const outcomes = new WeakMap<FastifyReply, DnsApiOutcome>()
  app.setErrorHandler((error: unknown, _request, reply) => {
    const refused = refusalOf(error)
    if (refused.outcome === 'failed') parts.onFault(error)
    outcomes.set(reply, refused.outcome)
    if (refused.outcome === 'limited') reply.header('retry-after', '1')
    return reply.code(refused.status).send({ error: refused.message })
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not_found' }))

  app.get('/health', async (_request, reply) => reply.code(200).send())
  app.post('/register', async (request, reply) => {
    if (!isInNetworks(addressOf(request), parts.register)) throw new Refused(403, 'forbidden', 'refused')
    const allowFrom = readAllowFrom(request.body)
    if (isBeyond(registering, request)) throw new Refused(429, 'rate_limited', 'limited')
    const { registration, password } = await registrations.register(allowFrom)
    const { username, subdomain } = registration
    const fulldomain = `${subdomain}.${parts.zone}`
    return reply.code(201).send({ username, password, fulldomain, subdomain, allowfrom: allowFrom })
  })
  app.post('/update', async (request) => {
    const registration = authenticated(registrations, request)
    const { subdomain, txt } = readJson(request.body)
    if (typeof subdomain !== 'string' || !UUID.test(subdomain)) throw malformed('bad_subdomain')
    if (subdomain !== registration.subdomain) throw new Refused(401, 'forbidden', 'refused')
    if (typeof txt !== 'string' || !TXT.test(txt)) throw malformed('bad_txt')
    await registrations.set(subdomain, txt)
    return { txt }
  })
  return app
}

function serverOf(tls: DnsApiTls | null, handler: RequestListener, patience: number) {
  const times = { requestTimeout: patience, connectionsCheckingInterval: Math.min(patience, LOOK) }
  const server =
    tls === null
      ? createPlainServer(times, handler)
      : createTlsServer(
          { ...tls.options, ...times, ALPNProtocols: ['http/1.1'], handshakeTimeout: patience },
          handler,
        )
  if (tls !== null && 'setSecureContext' in server) tls.watch((options) => server.setSecureContext(options))
  server.maxConnections = CONNECTIONS
  return server
}

/** Ends what one network opens beyond its share. */
function limitedPerNetwork(isExempt: (address: string) => boolean) {
  const open = new Map<string, number>()
  return (socket: Socket): void => {
    const { remoteAddress = '' } = socket
    if (remoteAddress === '') socket.destroy()
    if (remoteAddress === '' || isExempt(remoteAddress)) return
    const prefix = sourcePrefix(remoteAddress)
    const count = open.get(prefix) ?? 0
    if (count >= CONNECTIONS_OF_ONE) {
      socket.destroy()
      return
    }
    open.set(prefix, count + 1)
    socket.once('close', () => {
      const left = (open.get(prefix) ?? 1) - 1
      if (left === 0) open.delete(prefix)
      else open.set(prefix, left)
    })
  }
}

function authenticated(registrations: Registrations, request: FastifyRequest): DnsRegistration {
  const { 'x-api-user': user, 'x-api-key': key } = request.headers
  const known =
    typeof user === 'string' && typeof key === 'string'
      ? registrations.authenticate(user, key, addressOf(request))
      : null
  if (known === null) throw new Refused(401, 'forbidden', 'refused')
  return known
}

/** The body can be left out. */
function readAllowFrom(body: unknown): readonly string[] {
  if (body === undefined || body === null || body === '') return []
  const { allowfrom = [] } = readJson(body)
  if (allowfrom === null) return []
  if (!Array.isArray(allowfrom) || allowfrom.length > MOST_NETWORKS) throw malformed('invalid_allowfrom_cidr')
  return allowfrom.map((text: unknown) => {
    if (typeof text !== 'string' || readNetwork(text) === null) throw malformed('invalid_allowfrom_cidr')
    return text
  })
}

function readJson(body: unknown): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(String(body))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {}
  throw malformed('malformed_json_payload')
}

function malformed(error: string): Refused {
  return new Refused(400, error, 'malformed')
}

function refusalOf(error: unknown): Refused {
  if (error instanceof Refused) return error
  const status = (error as { readonly statusCode?: unknown }).statusCode
  if (status === 413) return new Refused(413, 'body_too_large', 'malformed')
  if (typeof status === 'number' && status >= 400 && status < 500) return malformed('bad_request')
  return new Refused(500, 'db_error', 'failed')
}

function operationOf(request: FastifyRequest): DnsApiOperation {
  const path = request.routeOptions.url
  return DNS_API_OPERATIONS.find((one) => path === `/${one}`) ?? 'other'
}

/** Of the connection: fields that name another are anybody's to send. */
function addressOf(request: FastifyRequest): string {
  return request.socket.remoteAddress ?? '0.0.0.0'
}
