import type { Operation } from '../../../src/acme/operation.ts'
import { account, keyChange, newAccount, orders } from './account-operations.ts'
import { type Answer, empty, json, Refusal, withField } from './answer.ts'
import type { Call, CaState } from './ca-state.ts'
import { certificate, renewalInfo, revokeCert } from './certificate-operations.ts'
import { authorization, challenge, finalize, newAuthz, newOrder, order } from './order-operations.ts'
import { type Nonces, readSignedRequest } from './signed-request.ts'

interface Route {
  readonly operation: Operation
  readonly path: RegExp
  readonly answer: (ca: CaState, call: Call) => Answer
}

export const DIRECTORY = '/directory'

/** Every POST but these is signed with a `kid` (RFC 8555 §6.2). */
const ROUTES: readonly Route[] = [
  { operation: 'newAccount', path: /^\/new-account$/, answer: newAccount },
  { operation: 'newOrder', path: /^\/new-order$/, answer: newOrder },
  { operation: 'newAuthz', path: /^\/new-authz$/, answer: newAuthz },
  { operation: 'keyChange', path: /^\/key-change$/, answer: keyChange },
  { operation: 'revokeCert', path: /^\/revoke-cert$/, answer: revokeCert },
  { operation: 'orders', path: /^\/account\/\w+\/orders$/, answer: orders },
  { operation: 'account', path: /^\/account\/\w+$/, answer: account },
  { operation: 'order', path: /^\/order\/\w+$/, answer: order },
  { operation: 'finalize', path: /^\/finalize\/\w+$/, answer: finalize },
  { operation: 'authorization', path: /^\/authz\/\w+$/, answer: authorization },
  { operation: 'challenge', path: /^\/challenge\/\w+$/, answer: challenge },
  { operation: 'certificate', path: /^\/certificate\/\w+$/, answer: certificate },
]

/** What a target is; the CA knows its own paths. */
export function operationOf(target: string): Operation {
  if (target === DIRECTORY) return 'directory'
  if (target === '/new-nonce') return 'newNonce'
  if (/^\/renewal-info\/[\w.-]+$/.test(target)) return 'renewalInfo'
  return routeOf(target)?.operation ?? 'unrecognised'
}

function routeOf(target: string): Route | undefined {
  const [path = ''] = target.split('?', 1)
  return ROUTES.find((route) => route.path.test(path))
}

export interface IncomingRequest {
  readonly method: string
  readonly target: string
  readonly host: string
  readonly contentType: string | undefined
  readonly body: Buffer
  /** Its place in the log. */
  readonly logged: number
}

/** The CA's honest answer (RFC 8555). Never throws for a client's mistake. */
export function answerRequest(ca: CaState, nonces: Nonces, request: IncomingRequest): Answer {
  const url = (path: string) => `https://${request.host}${path}`
  const index = ['Link', `<${url(DIRECTORY)}>;rel="index"`] as const
  const [path = '', query = ''] = request.target.split('?', 2)
  const call = { path, query: new URLSearchParams(query), url, request: request.logged, signed: null }
  if (request.method === 'GET' || request.method === 'HEAD')
    return answerUnsigned(ca, nonces, request, call, index)
  if (request.method !== 'POST') return new Refusal('malformed', 'Method not allowed', {}, 405).answer()

  let answer: Answer
  try {
    answer = answerSigned(ca, nonces, request, call)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    answer = error.answer()
  }
  return withField({ ...answer, fields: [...answer.fields, index] }, 'Replay-Nonce', nonces.issue())
}

function answerUnsigned(
  ca: CaState,
  nonces: Nonces,
  request: IncomingRequest,
  call: Call,
  index: readonly [string, string],
): Answer {
  const operation = operationOf(request.target)
  if (operation === 'directory') return json(200, directory(ca, call.url))
  // RFC 8555 §7.2: HEAD is answered with 200, GET with 204
  if (operation === 'newNonce') {
    const fields = [['Replay-Nonce', nonces.issue()], ['Cache-Control', 'no-store'], index] as const
    return empty(request.method === 'HEAD' ? 200 : 204, fields)
  }
  try {
    if (operation === 'renewalInfo') return renewalInfo(ca, call)
  } catch (error) {
    if (error instanceof Refusal) return error.answer()
    throw error
  }
  const status = operation === 'unrecognised' ? 404 : 405
  return new Refusal('malformed', status === 404 ? 'Not found' : 'Method not allowed', {}, status).answer()
}

function answerSigned(ca: CaState, nonces: Nonces, request: IncomingRequest, call: Call): Answer {
  const route = routeOf(request.target)
  if (!route) throw new Refusal('malformed', 'Not found', {}, 404)
  if (request.contentType !== 'application/jose+json') {
    throw new Refusal('malformed', 'Invalid Content-Type header on POST', {}, 415)
  }
  const signed = readSignedRequest(
    request.body,
    call.url(request.target),
    (kid) => ca.accountByUrl(kid, call.url).jwk,
  )
  nonces.redeem(signed.header.nonce)
  return route.answer(ca, { ...call, signed })
}

function directory({ offers }: CaState, url: (path: string) => string) {
  return {
    newNonce: url('/new-nonce'),
    newAccount: url('/new-account'),
    newOrder: url('/new-order'),
    ...(offers.newAuthz ? { newAuthz: url('/new-authz') } : {}),
    revokeCert: url('/revoke-cert'),
    keyChange: url('/key-change'),
    renewalInfo: url('/renewal-info'),
    meta: {
      termsOfService: 'data:text/plain,do%20what%20thou%20wilt',
      externalAccountRequired: offers.externalAccounts !== null,
      ...(Object.keys(offers.profiles).length === 0 ? {} : { profiles: offers.profiles }),
    },
  }
}
