import { createHash, X509Certificate } from 'node:crypto'
import { pebbleOperation } from '../../peers/pebble-operations.ts'
import type { TappedExchange } from '../tap.ts'
import { certificatesIn, fingerprintOf, namesOf, serialOf } from './read-pem.ts'
import type {
  TrueAccount,
  TrueCertificate,
  TrueChallenge,
  TrueOrder,
  TrueRevocation,
  Truth,
} from './truth.ts'

type Json = Readonly<Record<string, unknown>>

/** A POST whose answer says that the CA did as asked. */
interface Accepted {
  readonly operation: string
  readonly url: string
  readonly kid: string | null
  readonly jwk: Json | null
  readonly payload: Json | null
  readonly location: string | null
  readonly answer: Buffer
  readonly status: number
  readonly program: string
}

/**
 * What the CA was asked and answered, as its objects. Connections overlap, so nothing here leans on the order of the
 * exchanges: a status only ever goes forward (RFC 8555 §7.1.6).
 */
export function truthOfWire(exchanges: readonly TappedExchange[]): Truth {
  const accepted = exchanges.flatMap((one) => readAccepted(one) ?? [])
  const accounts = new Map<string, TrueAccount>()
  const orders = new Map<string, TrueOrder>()
  const challenges = new Map<string, TrueChallenge>()
  const revocations = new Map<string, TrueRevocation>()
  const clients = new Set<string>()
  for (const one of accepted) {
    const account = one.operation === 'newAccount' ? one.location : one.kid
    if (account !== null) clients.add(`${account} ${one.program}`)
    switch (one.operation) {
      case 'newAccount':
      case 'account':
        takeAccount(accounts, one)
        break
      case 'newOrder':
      case 'order':
      case 'finalize':
        takeOrder(orders, one)
        break
      case 'authorization':
        for (const challenge of list(jsonOf(one.answer)?.challenges))
          takeChallenge(challenges, challenge, false)
        break
      case 'challenge':
        takeChallenge(challenges, jsonOf(one.answer), one.payload !== null)
        break
      case 'revokeCert':
        takeRevocation(revocations, one)
    }
  }
  failWithAuthorizations(orders, accepted)
  return {
    accounts,
    orders,
    challenges: new Map([...challenges].filter(([, { status }]) => status !== 'offered')),
    certificates: certificatesOf(accepted, orders),
    revocations,
    clients,
  }
}

function readAccepted(one: TappedExchange): Accepted | null {
  const { method, status, body, host, target, answer, answerFields, userAgent } = one
  if (method !== 'POST' || status === null || status < 200 || status > 299) return null
  const envelope = jsonOf(body)
  if (envelope === null) return null
  const header = decoded(envelope.protected)
  const operation = pebbleOperation(target)
  return {
    operation,
    url: `https://${host}${target}`,
    kid: typeof header?.kid === 'string' ? header.kid : null,
    jwk: (header?.jwk as Json | undefined) ?? null,
    payload: decoded(envelope.payload),
    location: answerFields.find(([name]) => name === 'location')?.[1] ?? null,
    answer,
    status,
    program: userAgent.split(/[\s/]/)[0] ?? '',
  }
}

function takeAccount(accounts: Map<string, TrueAccount>, one: Accepted): void {
  const url = one.operation === 'newAccount' ? one.location : one.url
  if (url === null) return
  const known = accounts.get(url)
  const said = jsonOf(one.answer)
  const given = Array.isArray(one.payload?.contact) ? one.payload.contact.map(String).toSorted() : []
  const made = one.operation === 'newAccount' && one.status === 201
  accounts.set(url, {
    url,
    thumbprint: one.jwk === null ? (known?.thumbprint ?? null) : thumbprint(one.jwk),
    status:
      said?.status === 'deactivated' || known?.status === 'deactivated'
        ? 'deactivated'
        : String(said?.status),
    contacts: made ? given : (known?.contacts ?? null),
  })
}

const ORDER_STATUSES = ['pending', 'ready', 'processing', 'valid', 'invalid']

function takeOrder(orders: Map<string, TrueOrder>, one: Accepted): void {
  const said = jsonOf(one.answer)
  const url = one.operation === 'newOrder' ? one.location : orderUrl(one)
  if (url === null || said === null) return
  const known = orders.get(url)
  const later =
    ORDER_STATUSES.indexOf(String(said.status)) >= ORDER_STATUSES.indexOf(known?.status ?? 'pending')
  const error = said.error as Json | undefined
  orders.set(url, {
    url,
    account: known?.account ?? one.kid ?? '',
    identifiers: list(said.identifiers)
      .map(({ type, value }) => `${type}:${String(value).toLowerCase()}`)
      .toSorted(),
    status: later ? String(said.status) : (known?.status ?? ''),
    expires:
      typeof said.expires === 'string' ? new Date(said.expires).toISOString() : (known?.expires ?? null),
    requests: (known?.requests ?? 0) + (one.operation === 'newOrder' ? 1 : 0),
    program: one.operation === 'newOrder' ? one.program : (known?.program ?? one.program),
    certificateUrl: typeof said.certificate === 'string' ? said.certificate : (known?.certificateUrl ?? null),
    error: typeof error?.type === 'string' ? error.type : (known?.error ?? null),
  })
}

/** Pebble's finalize URL ends like that of its order. */
function orderUrl({ operation, url }: Accepted): string {
  return operation === 'finalize' ? url.replace('/finalize-order/', '/my-order/') : url
}

/** RFC 8555 §7.1.6: a pending order fails with any of its authorizations, whether or not the client asked again. */
function failWithAuthorizations(orders: Map<string, TrueOrder>, accepted: readonly Accepted[]): void {
  const failed = new Set<string>()
  const authorizationOf = new Map<string, string>()
  for (const { operation, url, answer } of accepted) {
    if (operation !== 'authorization') continue
    const said = jsonOf(answer)
    if (said?.status === 'invalid') failed.add(url)
    for (const challenge of list(said?.challenges)) authorizationOf.set(String(challenge.url), url)
  }
  for (const { operation, url, answer } of accepted) {
    if (operation !== 'challenge' || jsonOf(answer)?.status !== 'invalid') continue
    const authorization = authorizationOf.get(url)
    if (authorization !== undefined) failed.add(authorization)
  }
  for (const one of accepted) {
    if (!['newOrder', 'order', 'finalize'].includes(one.operation)) continue
    const named = jsonOf(one.answer)?.authorizations
    const order = orders.get((one.operation === 'newOrder' ? one.location : orderUrl(one)) ?? '')
    if (order?.status === 'pending' && Array.isArray(named) && named.some((url) => failed.has(String(url))))
      orders.set(order.url, { ...order, status: 'invalid' })
  }
}

const CHALLENGE_STATUSES = ['offered', 'pending', 'processing', 'valid', 'invalid']

function takeChallenge(challenges: Map<string, TrueChallenge>, said: Json | null, answered: boolean): void {
  if (said === null || typeof said.url !== 'string') return
  const known = challenges.get(said.url)
  const told = String(said.status)
  const status = told === 'pending' && !answered ? 'offered' : told
  const later = CHALLENGE_STATUSES.indexOf(status) >= CHALLENGE_STATUSES.indexOf(known?.status ?? 'offered')
  const error = said.error as Json | undefined
  challenges.set(said.url, {
    url: said.url,
    type: String(said.type),
    status: later ? status : (known?.status ?? ''),
    error: typeof error?.type === 'string' ? error.type : (known?.error ?? null),
  })
}

function takeRevocation(revocations: Map<string, TrueRevocation>, { payload, kid }: Accepted): void {
  const der = Buffer.from(String(payload?.certificate), 'base64url')
  const fingerprint = fingerprintOf(new X509Certificate(der))
  revocations.set(fingerprint, {
    fingerprint,
    reason: typeof payload?.reason === 'number' ? payload.reason : null,
    by: kid === null ? 'certificateKey' : 'account',
  })
}

function certificatesOf(
  accepted: readonly Accepted[],
  orders: ReadonlyMap<string, TrueOrder>,
): Map<string, TrueCertificate> {
  const byUrl = new Map<string, string>()
  for (const { url, certificateUrl } of orders.values())
    if (certificateUrl !== null) byUrl.set(certificateUrl, url)
  const certificates = new Map<string, TrueCertificate>()
  for (const one of accepted) {
    if (one.operation !== 'certificate') continue
    const [leaf, ...rest] = certificatesIn(one.answer.toString('latin1'))
    if (leaf === undefined) continue
    const fingerprint = fingerprintOf(leaf)
    const known = certificates.get(fingerprint)
    certificates.set(fingerprint, {
      fingerprint,
      serial: serialOf(leaf),
      names: namesOf(leaf),
      notBefore: new Date(leaf.validFrom).toISOString(),
      notAfter: new Date(leaf.validTo).toISOString(),
      // The chain under the certificate's own URL; alternates have others (RFC 8555 §7.4.2).
      chain: byUrl.has(one.url) || known === undefined ? rest.map(fingerprintOf) : known.chain,
      order: byUrl.get(one.url) ?? known?.order ?? null,
      downloadedBy: [...new Set([...(known?.downloadedBy ?? []), one.kid ?? ''])].toSorted(),
    })
  }
  return certificates
}

/** RFC 7638 §3: the required members in order. */
function thumbprint(jwk: Json): string {
  const members =
    jwk.kty === 'RSA' ? ['e', 'kty', 'n'] : jwk.kty === 'EC' ? ['crv', 'kty', 'x', 'y'] : ['crv', 'kty', 'x']
  const canonical = JSON.stringify(Object.fromEntries(members.map((name) => [name, jwk[name]])))
  return createHash('sha256').update(canonical).digest('base64url')
}

function decoded(text: unknown): Json | null {
  return typeof text === 'string' && text !== '' ? jsonOf(Buffer.from(text, 'base64url')) : null
}

function jsonOf(bytes: Buffer): Json | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null
  } catch {
    return null
  }
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value : []
}
