import { randomBytes, X509Certificate } from 'node:crypto'
import type { Identifier } from '../../../src/acme/identifier.ts'
import { problemUrn } from '../../../src/acme/problem-types.ts'
import { type Answer, json, Refusal } from './answer.ts'
import {
  type Account,
  type Authorization,
  type Call,
  type CaState,
  type Challenge,
  type Order,
  owned,
} from './ca-state.ts'
import { issueLeaf, readCsr } from './certificates.ts'

const EXPIRES = '2099-01-01T00:00:00Z'
const WILDCARD = '*.'

/** RFC 8555 §7.4. */
export function newOrder(ca: CaState, call: Call): Answer {
  const account = ca.accountOf(call)
  const identifiers = identifiersOf(call.signed?.payload?.identifiers)
  const profile = call.signed?.payload?.profile
  const replaces = call.signed?.payload?.replaces
  const refusal = typeof replaces === 'string' ? ca.offers.isReplaceable(replaces) : null
  if (refusal !== null) throw refusal
  const reused = ca.offers.reuses ? openOrder(ca, account, identifiers) : undefined
  if (reused !== undefined) return orderAnswer(reused, call, 201)
  const path = ca.make('order', call)
  const made: Order = {
    path,
    finalize: path.replace('/order/', '/finalize/'),
    account,
    identifiers,
    authorizations: identifiers.map(
      (identifier) =>
        (ca.offers.reuses ? validAuthorization(ca, account, identifier) : undefined) ??
        makeAuthorization(ca, call, identifier),
    ),
    profile: typeof profile === 'string' ? profile : undefined,
    certificate: null,
  }
  ca.orders.set(path, made)
  account.orders.push(path)
  return orderAnswer(made, call, 201)
}

function openOrder(ca: CaState, account: Account, identifiers: readonly Identifier[]): Order | undefined {
  return [...ca.orders.values()].find(
    (order) =>
      order.account === account &&
      namesOf(order.identifiers) === namesOf(identifiers) &&
      ['pending', 'ready'].includes(statusOf(order)),
  )
}

function validAuthorization(ca: CaState, account: Account, { value }: Identifier): Authorization | undefined {
  return [...ca.authorizations.values()].find(
    ({ account: of, status, wildcard, identifier }) =>
      of === account && status === 'valid' && `${wildcard ? WILDCARD : ''}${identifier.value}` === value,
  )
}

/** RFC 8555 §7.4.1. */
export function newAuthz(ca: CaState, call: Call): Answer {
  const [identifier] = identifiersOf([call.signed?.payload?.identifier])
  const made = makeAuthorization(ca, call, identifier!)
  return authorizationAnswer(made, call, 201)
}

/** RFC 8555 §7.4: polling. */
export function order(ca: CaState, call: Call): Answer {
  return orderAnswer(owned(ca.orders, call.path, ca.accountOf(call)), call)
}

/** RFC 8555 §7.4: finalize issues at once. */
export function finalize(ca: CaState, call: Call): Answer {
  const account = ca.accountOf(call)
  const found = owned(ca.orders, call.path.replace('/finalize/', '/order/'), account)
  const status = statusOf(found)
  if (status !== 'ready') throw new Refusal('orderNotReady', `Order's status ("${status}") was not ready`)
  const csr = requestOf(call.signed?.payload?.csr)
  const wanted = namesOf(found.identifiers)
  if (namesOf(csr.names) !== wanted) throw new Refusal('badCSR', `CSR names are not the order's: ${wanted}`)
  const leaf = issueLeaf({ spki: csr.spki, issuer: ca.root, names: csr.names })
  const certificate = new X509Certificate(leaf)
  const serial = Buffer.from(certificate.serialNumber, 'hex').toString('base64url')
  found.certificate = {
    path: ca.make('certificate', call),
    account,
    pem: `${leaf}${ca.root.pem}`,
    spki: csr.spki,
    der: certificate.raw,
    id: `${ca.root.keyIdentifier.toString('base64url')}.${serial}`,
    revoked: false,
  }
  ca.certificates.set(found.certificate.path, found.certificate)
  return orderAnswer(found, call)
}

/** RFC 8555 §7.5 and §7.5.2. */
export function authorization(ca: CaState, call: Call): Answer {
  const found = owned(ca.authorizations, call.path, ca.accountOf(call))
  if (call.signed?.payload?.status === 'deactivated') found.status = 'deactivated'
  return authorizationAnswer(found, call)
}

function authorizationAnswer(found: Authorization, call: Call, status = 200): Answer {
  const document = {
    identifier: found.identifier,
    status: found.status,
    expires: EXPIRES,
    ...(found.wildcard ? { wildcard: true } : {}),
    challenges: found.challenges.map((challenge) => challengeObject(challenge, call)),
  }
  return json(status, document, status === 201 ? [['Location', call.url(found.path)]] : [])
}

/** RFC 8555 §7.5.1: an answer is validated at once, by the state's {@link CaState.validation}. */
export function challenge(ca: CaState, call: Call): Answer {
  const account = ca.accountOf(call)
  const found = ca.challenges.get(call.path)
  if (!found) throw new Refusal('malformed', `nothing at ${call.path}`, {}, 404)
  if (found.authorization.account !== account)
    throw new Refusal('unauthorized', 'Account does not own the challenge')
  if (call.signed?.payload && found.status === 'pending') {
    const refusal = ca.validation(found.authorization.identifier, found.type)
    found.status = refusal ? 'invalid' : 'valid'
    found.authorization.status = found.status
    found.error = refusal && {
      type: problemUrn(refusal.type),
      detail: refusal.message,
      status: refusal.status,
    }
  }
  const up = `<${call.url(found.authorization.path)}>;rel="up"`
  return json(200, challengeObject(found, call), [['Link', up]])
}

function makeAuthorization(ca: CaState, call: Call, wanted: Identifier): Authorization {
  const wildcard = wanted.type === 'dns' && wanted.value.startsWith(WILDCARD)
  const made: Authorization = {
    path: ca.make('authz', call),
    account: ca.accountOf(call),
    identifier: wildcard ? { type: 'dns', value: wanted.value.slice(WILDCARD.length) } : wanted,
    wildcard,
    status: 'pending',
    challenges: [],
  }
  const types = wildcard
    ? ['dns-01']
    : wanted.type === 'ip'
      ? ['http-01']
      : ['http-01', 'dns-01', 'tls-alpn-01']
  made.challenges = types.map((type): Challenge => {
    const path = ca.make('challenge', call)
    const token = randomBytes(24).toString('base64url')
    const offered: Challenge = { path, type, token, status: 'pending', error: null, authorization: made }
    ca.challenges.set(path, offered)
    return offered
  })
  ca.authorizations.set(made.path, made)
  return made
}

function statusOf(found: Order): string {
  if (found.certificate) return 'valid'
  if (found.authorizations.some(({ status }) => status === 'invalid' || status === 'deactivated'))
    return 'invalid'
  return found.authorizations.every(({ status }) => status === 'valid') ? 'ready' : 'pending'
}

function orderAnswer(found: Order, call: Call, status = 200): Answer {
  const document = {
    status: statusOf(found),
    expires: EXPIRES,
    identifiers: found.identifiers,
    ...(found.profile === undefined ? {} : { profile: found.profile }),
    authorizations: found.authorizations.map(({ path }) => call.url(path)),
    finalize: call.url(found.finalize),
    ...(found.certificate ? { certificate: call.url(found.certificate.path) } : {}),
  }
  return json(status, document, [['Location', call.url(found.path)]])
}

function challengeObject(found: Challenge, call: Call) {
  return {
    type: found.type,
    url: call.url(found.path),
    token: found.token,
    status: found.status,
    ...(found.status === 'valid' ? { validated: new Date().toISOString() } : {}),
    ...(found.error ? { error: found.error } : {}),
  }
}

function identifiersOf(value: unknown): readonly Identifier[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new Refusal('malformed', 'Order did not specify any identifiers')
  return value.map((item: { type?: unknown; value?: unknown } | null) => {
    if (typeof item?.type !== 'string' || typeof item.value !== 'string')
      throw new Refusal('malformed', 'bad identifier')
    if (item.type !== 'dns' && item.type !== 'ip')
      throw new Refusal('unsupportedIdentifier', `type ${item.type}`)
    return { type: item.type, value: item.value.toLowerCase() }
  })
}

function requestOf(csr: unknown) {
  try {
    return readCsr(Buffer.from(String(csr), 'base64url'))
  } catch {
    throw new Refusal('badCSR', 'Error parsing Base64url-encoded CSR')
  }
}

function namesOf(names: readonly Identifier[]): string {
  return [...new Set(names.map(({ type, value }) => `${type}:${value.toLowerCase()}`))].sort().join(' ')
}
