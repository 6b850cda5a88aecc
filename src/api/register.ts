/** Puts the table of routes on an app: who may ask is decided first, then what is asked is validated, noted, answered. */
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { validatorCompiler } from 'fastify-type-provider-zod'
import type { Actor } from '../audit/event.ts'
import type { Operations } from './operations.ts'
import { RequestRefused } from './problem.ts'
import { type Asked, Content, type Route } from './route.ts'
import { Searches } from './searches.ts'

export const API = '/api/v1'
const BODY_LIMIT = 64 << 10
/** Ids may be URLs, percent-encoded. */
export const LONGEST_SEGMENT = 4096

export interface Places {
  readonly exports: number
  readonly feeds: number
  /** Different questions that a token may ask in a row: see {@link Searches}. */
  readonly questions?: number
}

export const PLACES: Places = { exports: 4, feeds: 100 }

export interface Serving {
  readonly operations: Operations
  /** Rejects with RequestRefused. */
  readonly authorise: (request: FastifyRequest, route: Route) => Promise<Actor>
  /** Ends every feed and export. */
  readonly stop: AbortSignal
  readonly places?: Places
}

export interface Streams {
  /** Resolves when every feed and export has ended, or after a second: `stop` has told them to. */
  ended(): Promise<void>
}

export function registerRoutes(app: FastifyInstance, routes: readonly Route[], serving: Serving): Streams {
  const { operations, authorise, stop } = serving
  const actors = new WeakMap<FastifyRequest, Actor>()
  const places = serving.places ?? PLACES
  const searches = new Searches((actor, what) => operations.note(actor, what), places.questions)
  const take = counted(places)
  const streams = new Set<ServerResponse>()
  app.setValidatorCompiler(validatorCompiler)
  // Only what the routes read: a form or a text that a page of another origin could send is 415.
  app.removeContentTypeParser('text/plain')
  for (const row of routes) {
    app.route({
      method: row.method,
      url: API + row.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      exposeHeadRoute: false,
      bodyLimit: row.bodyLimit ?? BODY_LIMIT,
      config: { row },
      schema: {
        ...(row.params === undefined ? {} : { params: row.params }),
        ...(row.query === undefined ? {} : { querystring: row.query }),
        ...(row.body === undefined ? {} : { body: row.body }),
      },
      onRequest: async (request) => {
        actors.set(request, await authorise(request, row))
        if (row.query === undefined) refuseQuery(request)
      },
      handler: async (request, reply) => {
        const actor = actors.get(request)!
        const written = request.originalUrl.includes('?') ? writtenQuery(request) : {}
        if (row.noted !== undefined) {
          const about = request.params as Readonly<Record<string, string>>
          await searches.note(actor, row.noted, { ...written, ...about })
        }
        const ended = endOf(reply, stop)
        const asked: Asked = {
          params: request.params,
          query: request.query,
          body: request.body,
          written,
          actor,
          lastEventId: headerOf(request, 'last-event-id'),
          ended,
          takePlace: (among) => take(among, ended),
        }
        return deliver(reply, row.status ?? 200, await row.handle(operations, asked), streams)
      },
    })
  }
  return { ended: () => ended(streams) }
}

const PARTING = 1000

async function ended(streams: ReadonlySet<ServerResponse>): Promise<void> {
  const over = [...streams].map(
    (stream) => new Promise<void>((resolve) => stream.once('close', () => resolve())),
  )
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, PARTING)
  await Promise.race([Promise.all(over), late.promise])
  clearTimeout(timer)
}

function deliver(reply: FastifyReply, status: number, answer: unknown, streams: Set<ServerResponse>) {
  reply.code(status)
  if (answer instanceof Content) {
    if (answer.file !== null) reply.header('content-disposition', `attachment; filename="${answer.file}"`)
    reply.type(answer.type)
    const { body, cut } = answer
    cut?.addEventListener('abort', () => reply.raw.destroy())
    if (typeof body === 'string' || Buffer.isBuffer(body)) return reply.send(body)
    streams.add(reply.raw)
    reply.raw.once('close', () => streams.delete(reply.raw))
    return reply.send(Readable.from(body, { objectMode: false }))
  }
  if (answer === undefined) return reply.send()
  return reply.type('application/json; charset=utf-8').serializer(JSON.stringify).send(answer)
}

/** Aborts with the connection or the complete answer, and with the server. */
function endOf({ raw }: FastifyReply, stop: AbortSignal): AbortSignal {
  const over = new AbortController()
  const end = () => over.abort()
  stop.addEventListener('abort', end)
  raw.once('close', () => {
    stop.removeEventListener('abort', end)
    over.abort()
  })
  if (stop.aborted || raw.destroyed) over.abort()
  return over.signal
}

/** Exports and feeds hold memory and connections for long, so there are so many and no more. */
function counted(places: Places): (among: 'exports' | 'feeds', ended: AbortSignal) => void {
  const held = { exports: 0, feeds: 0 }
  return (among, ended) => {
    if (held[among] >= places[among]) {
      throw new RequestRefused(
        429,
        `${places[among]} ${among} are under way, and no more are served at once`,
        {
          fields: { 'retry-after': '10' },
        },
      )
    }
    held[among] += 1
    const leave = () => {
      held[among] -= 1
    }
    if (ended.aborted) leave()
    else ended.addEventListener('abort', leave, { once: true })
  }
}

/** As strings; the route's schema has refused members that were given twice. */
function writtenQuery(request: FastifyRequest): Record<string, string> {
  return Object.fromEntries(
    new URLSearchParams(request.originalUrl.slice(request.originalUrl.indexOf('?') + 1)),
  )
}

function refuseQuery(request: FastifyRequest): void {
  const [name] = Object.keys(request.query as object)
  if (name === undefined) return
  throw new RequestRefused(
    400,
    `this takes no parameters in its query, and was given ${JSON.stringify(name.slice(0, 80))}`,
  )
}

function headerOf(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name]
  return typeof value === 'string' ? value : null
}
