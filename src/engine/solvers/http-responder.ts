/** http-01 (RFC 8555 §8.3) on a port of its own: nothing but open challenges is answered, each for its own host. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Solver } from '../solver.ts'
import { hostOf, requestedHost } from './http-host.ts'
import { type Listener, listenerOf } from './listening.ts'
import { throwIfAborted } from './solver-error.ts'
import { CHALLENGE_PATH, tokenOf } from './token.ts'

export type HttpSettings = NonNullable<SolverConfig['http']>

/** Validators ask from a handful of places; more connections than these are nobody's validation. */
const MOST_CONNECTIONS = 512
const LONGEST_HEAD = 8 * 1024
const HEAD_WITHIN = 5_000
const REQUEST_WITHIN = 10_000

/** A solver with a listener: bound by `listen`, or by the first challenge. */
export type RespondingSolver = Solver & Listener

export function createHttpResponder(name: string, settings: HttpSettings): RespondingSolver {
  const open = new Map<string, string>()
  const redirect = settings.redirect === undefined ? null : redirectBase(settings.redirect)
  const server = createServer(
    {
      maxHeaderSize: LONGEST_HEAD,
      headersTimeout: HEAD_WITHIN,
      requestTimeout: REQUEST_WITHIN,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 1_000,
    },
    (request, response) => answer(request, response, open, redirect),
  )
  server.maxConnections = MOST_CONNECTIONS
  server.on('clientError', (_error, socket) => socket.destroy())
  const listener = listenerOf(server, name, settings)
  return {
    name,
    types: ['http-01'],
    listen: listener.listen,
    async present(attempt, { signal, progress }) {
      throwIfAborted(signal, name, attempt.identifier.value)
      const token = tokenOf(attempt, name)
      const { address, port } = await listener.listen()
      open.set(keyOf(hostOf(attempt.identifier), token), attempt.keyAuthorization)
      progress(`the answer is served on ${address} port ${port}`)
    },
    async cleanUp({ identifier, token }) {
      open.delete(keyOf(hostOf(identifier), token))
    },
    close: listener.close,
  }
}

function keyOf(host: string, token: string): string {
  return `${host} ${token}`
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  open: ReadonlyMap<string, string>,
  redirect: string | null,
): void {
  const { method = '', url = '', headers } = request
  response.setHeader('cache-control', 'no-store')
  response.setHeader('x-content-type-options', 'nosniff')
  if (url.startsWith(CHALLENGE_PATH) && (method === 'GET' || method === 'HEAD')) {
    const host = requestedHost(headers.host)
    const known = host === null ? undefined : open.get(keyOf(host, url.slice(CHALLENGE_PATH.length)))
    if (known !== undefined) {
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        'content-length': Buffer.byteLength(known),
      })
      response.end(known)
      return
    }
  }
  if (redirect !== null && !WELL_KNOWN.test(url) && /^\/[\x21-\x7e]*$/.test(url)) {
    response.writeHead(308, { location: `${redirect}${url}`, 'content-length': 0 })
    response.end()
    return
  }
  const says = 'Not found\n'
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'content-length': says.length })
  response.end(says)
}

/** Challenges that are not open here are nowhere: also not where everything else is sent. */
const WELL_KNOWN = /^\/\.well-known\/acme-challenge(?:$|[/?])/i

/** Without a `/` at its end, so that what follows always begins with one and can't become part of the host. */
function redirectBase(text: string): string {
  const { origin, pathname } = new URL(text)
  return `${origin}${pathname.replace(/\/+$/, '')}`
}
