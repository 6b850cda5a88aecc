import type { FastifyRequest } from 'fastify'
import type { Actor } from '../audit/event.ts'
import { ROLES, type Role } from '../audit/token.ts'
import type { Operations } from './operations.ts'
import { RequestRefused } from './problem.ts'
import type { Route } from './route.ts'

/** Names under which tokens get into URLs, and from there into histories and logs. */
const TOKEN_NAMES = new Set([
  'token',
  'access_token',
  'authorization',
  'bearer',
  'api_key',
  'apikey',
  'auth',
  'key',
])
const TOKEN_TEXT = /acmetap_[0-9a-f]{8}_/i
const BEARER = /^bearer ([\x21-\x7e]{1,256})$/i
const REALM = 'Bearer realm="acmetap"'

/** Whoever may open the control socket may do everything. */
export const LOCAL: Actor = { kind: 'local', token: null, name: null }

/**
 * Who asks, by the bearer's token (RFC 6750). Throws RequestRefused: 400 for a token in the URL, 401 for none or one
 * that is not valid, 403 for one whose role is not enough, and for a page of another origin that wants to change something.
 */
export async function authorise(
  request: FastifyRequest,
  { method, role }: Pick<Route, 'method' | 'role'>,
  authenticate: Operations['authenticate'],
): Promise<Actor> {
  refuseTokenInUrl(request)
  if (method !== 'GET') refuseForeignOrigin(request)
  const token = await bearerOf(request, authenticate)
  const needed: Role = role === 'local' ? 'admin' : role
  if (ROLES.indexOf(token.role) < ROLES.indexOf(needed)) {
    throw new RequestRefused(403, `this needs a token with role ${needed}; this one has ${token.role}`, {
      fields: { 'www-authenticate': `${REALM}, error="insufficient_scope", scope="${needed}"` },
    })
  }
  return { kind: 'token', token: token.id, name: token.name }
}

async function bearerOf(request: FastifyRequest, authenticate: Operations['authenticate']) {
  const { authorization } = request.headers
  // The parser takes the first; something in front may have looked at the last.
  const { rawHeaders } = request.raw
  const sent = rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === 'authorization')
  if (sent.length > 1) {
    throw new RequestRefused(400, 'Authorization must be sent once')
  }
  if (authorization === undefined) {
    throw new RequestRefused(401, 'this needs a token: Authorization: Bearer acmetap_…', {
      fields: { 'www-authenticate': REALM },
    })
  }
  const text = BEARER.exec(authorization)?.[1]
  const token = text === undefined ? null : await authenticate(text)
  if (token !== null) return token
  throw new RequestRefused(401, 'the token is not known, was revoked or has expired', {
    fields: { 'www-authenticate': `${REALM}, error="invalid_token"` },
  })
}

/** Also where the value stands under another name. Nothing of it is repeated. */
function refuseTokenInUrl(request: FastifyRequest): void {
  const query = request.query as Readonly<Record<string, unknown>>
  const named = Object.keys(query).some((name) => TOKEN_NAMES.has(name.toLowerCase()))
  // As it stands, and as its escapes say.
  const texts = [request.url, ...Object.values(query), ...Object.values(request.params as object)]
  if (!named && !texts.some((text) => TOKEN_TEXT.test(String(text)))) return
  throw new RequestRefused(
    400,
    'a token must not stand in a URL, where it ends up in logs and histories: revoke it, and send another in the field Authorization',
  )
}

/** A browser names the page's origin; anything but a browser sends none. */
function refuseForeignOrigin(request: FastifyRequest): void {
  const { origin, host } = request.headers
  const site = request.headers['sec-fetch-site']
  const own = origin === undefined || origin === `${request.protocol}://${host}`
  if (own && (site === undefined || site === 'same-origin' || site === 'none')) return
  throw new RequestRefused(403, 'pages of another origin may change nothing here')
}
