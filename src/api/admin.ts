import type { RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { authorise } from './authentication.ts'
import { describeRoutes } from './document.ts'
import { handleErrors, type ReportError } from './error-handler.ts'
import { addHealth, type HealthSources } from './health.ts'
import type { Operations } from './operations.ts'
import { problemOf } from './problem.ts'
import { API, LONGEST_SEGMENT, type Places, registerRoutes } from './register.ts'
import { ROUTES } from './routes.ts'

export interface AdminSources extends HealthSources {
  /** `accept`: that field of the request. */
  metrics(accept?: string): Promise<{ readonly contentType: string; readonly body: string }>
  /** The revocation list of a local CA's issuer by the name of its file, DER; null: there is none. Left out: no local CAs. */
  revocationList?(file: string): Promise<Buffer | null>
}

/** Where the listener's certificate comes from, and whose certificates those who connect may show. */
export interface AdminTls {
  readonly options: TlsOptions
  /** Calls `use` with what is to be served from now on, whenever it is another. */
  watch(use: (options: SecureContextOptions) => void): void
}

export interface AdminOptions {
  readonly report: ReportError
  readonly version: string
  /** Who may read /metrics. */
  readonly metrics: 'open' | 'token'
  /** Null: plain HTTP. */
  readonly tls: AdminTls | null
  readonly places?: Places
}

const REQUEST_TIMEOUT = 10_000

/** Nothing here is a page, and nothing may be kept, framed or read by a page of another origin. */
const FIELDS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

/**
 * The admin listener: health, metrics, the interface under /api/v1 and its document. Not listening yet. Everything
 * under /api/v1 but the document needs a token. Closing it ends feeds and exports.
 */
export async function adminApp(
  sources: AdminSources,
  operations: Operations,
  options: AdminOptions,
): Promise<FastifyInstance> {
  const { tls } = options
  const server = {
    logger: false,
    forceCloseConnections: true,
    bodyLimit: 1024,
    requestTimeout: REQUEST_TIMEOUT,
    routerOptions: { maxParamLength: LONGEST_SEGMENT },
    frameworkErrors: refuseUrl,
  } as const
  const app: FastifyInstance =
    tls === null
      ? fastify(server)
      : fastify({ ...server, serverFactory: (handler) => serverOf(tls, handler as RequestListener) })
  handleErrors(app, options.report)
  const fields = tls === null ? FIELDS : { ...FIELDS, 'strict-transport-security': 'max-age=31536000' }
  app.addHook('onSend', async (_request, reply) => {
    reply.headers(fields)
  })
  addHealth(app, sources)
  const stop = new AbortController()
  await describeRoutes(app, options.version)
  const authenticate = (text: string) => operations.authenticate(text)
  const streams = registerRoutes(
    app,
    ROUTES.filter(({ role }) => role !== 'local'),
    {
      operations,
      authorise: (request, row) => authorise(request, row, authenticate),
      stop: stop.signal,
      ...(options.places === undefined ? {} : { places: options.places }),
    },
  )
  app.addHook('preClose', async () => {
    stop.abort()
    await streams.ended()
  })
  let document: string | undefined
  app.get(`${API}/openapi.json`, async (_request, reply) => {
    document ??= JSON.stringify(app.swagger())
    return reply.type('application/json; charset=utf-8').send(document)
  })
  app.get(
    '/metrics',
    {
      onRequest: async (request: FastifyRequest) => {
        if (options.metrics === 'token')
          await authorise(request, { method: 'GET', role: 'viewer' }, authenticate)
      },
    },
    async (request: FastifyRequest, reply: FastifyReply) => {
      const { contentType, body } = await sources.metrics(request.headers.accept)
      return reply.header('vary', 'Accept').type(contentType).send(body)
    },
  )
  // Whoever verifies a certificate may read it (RFC 5280 §4.2.1.13).
  app.get('/crl/:file', async (request: FastifyRequest, reply: FastifyReply) => {
    const { file } = request.params as { readonly file: string }
    const list = (await sources.revocationList?.(file)) ?? null
    if (list === null) return reply.callNotFound()
    return reply.type('application/pkix-crl').send(list)
  })
  return app
}

function serverOf(tls: AdminTls, handler: RequestListener) {
  const server = createTlsServer(
    { ...tls.options, ALPNProtocols: ['http/1.1'], requestTimeout: REQUEST_TIMEOUT },
    handler,
  )
  tls.watch((options) => server.setSecureContext(options))
  // Certificates are not asked of everybody, but one that is shown must be good.
  server.prependListener('secureConnection', (socket) => {
    if (tls.options.requestCert !== true || socket.authorized) return
    if (Object.keys(socket.getPeerCertificate()).length > 0) socket.destroy()
  })
  return server
}

/** A path that is none: percent signs without digits, segments without end. */
function refuseUrl(_error: unknown, _request: FastifyRequest, reply: FastifyReply): void {
  void reply
    .code(400)
    .headers(FIELDS)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(problemOf(400, 'this path cannot be read: escape it as RFC 3986 §2.1 says'))
}
