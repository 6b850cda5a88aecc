import { isBase64url } from '../acme/base64url.ts'
import type { Jwk } from '../acme/jwk.ts'
import { type Jws, readJws } from '../acme/jws.ts'
import { externalAccountBindingOf } from '../acme/payloads.ts'
import { thumbprintOf } from '../acme/thumbprint.ts'
import type { Denial } from '../exchange/decision.ts'
import type { Classified, Inspected, JwsInspection } from '../exchange/exchange.ts'
import type { Resource } from '../exchange/resource.ts'
import { SIGNATURE_ALGORITHMS, signatureAlgorithmOf, verifySignature } from '../exchange/verify-signature.ts'
import { REQUEST_BODY_LIMIT } from '../policy/decide.ts'
import type { BrokerStore } from './broker-store.ts'
import type { Target } from './brokered-request.ts'
import { type Named, NOTHING_NAMED, namedObjects } from './named-objects.ts'
import type { BrokerAccount } from './objects.ts'
import { labelCounts } from './operations/name-scope.ts'
import type { BrokerOperation } from './operations/operations.ts'
import type { OrdersOfAuthorizations } from './orders-of-authorizations.ts'
import type { ReplayNonces } from './replay-nonces.ts'
import {
  accountDoesNotExist,
  badAlgorithm,
  badNonce,
  badPublicKey,
  badSignature,
  malformed,
  notHere,
  quoted,
  refusal,
  unclear,
} from './request-refusals.ts'
import { REQUEST_RULES, type RequestRule } from './request-rules.ts'
import { isObjectId, urlOf } from './url-map.ts'

export interface VerifyParts {
  readonly store: Pick<
    BrokerStore,
    'account' | 'accountByKey' | 'eabKey' | 'order' | 'authorization' | 'certificate' | 'pendingOrdersOf'
  >
  readonly nonces: ReplayNonces
  readonly ordersOf: OrdersOfAuthorizations
}

/** `verified` is null where the exchange has a refusal. */
export interface Verification {
  readonly exchange: Inspected
  readonly verified: Verified | null
}

/** Who asks, and what for. Both null for what is not signed; the account is null too where a `jwk` signed. */
export interface Verified extends Named {
  readonly account: BrokerAccount | null
  readonly key: { readonly jwk: Jwk; readonly thumbprint: string } | null
}

/**
 * RFC 8555 §6.2 to §6.5. The order of the checks is the point:
 *
 * 1. What costs nothing: URL, method, form, the strict reading, header members, the signed `url`.
 * 2. The nonce is used up. Each signature that is checked, and each question to the store, has then cost the client a nonce,
 *    which it had to fetch: a flood of copies, or of requests made up beforehand, costs neither. And of several copies
 *    that arrive at once one comes further, whatever they wait for afterwards. Nobody loses a nonce by it: only he
 *    who was given it knows it.
 * 3. The account, by one query with the endpoint; then the signature; and only then what the account may hear of itself.
 * 4. What the URL names, by one query with the account: missing and foreign are the same.
 */
export async function verifyRequest(
  exchange: Classified,
  target: Target | null,
  parts: VerifyParts,
): Promise<Verification> {
  if (!target) return refused(exchange, notHere())
  const rule = REQUEST_RULES[target.operation as BrokerOperation]
  const form = faultOfForm(exchange, rule)
  if (form) return refused(exchange, form)
  if (exchange.request.method !== 'POST') {
    const verified = { ...NOTHING_NAMED, account: null, key: null }
    return { exchange: { ...exchange, inspection: null }, verified }
  }
  const { jws, ambiguities } = readJws(exchange.request.body)
  if (!jws) return refused(exchange, unclear(ambiguities))
  // Nobody is its signer before the signature was looked at.
  const claimed: Inspected = {
    ...exchange,
    inspection: { jws, verdict: 'keyUnknown', thumbprint: null, key: null },
  }
  const url = `${target.endpoint.origin}${exchange.request.target}`
  const fault =
    (ambiguities.length > 0 ? unclear(ambiguities) : null) ??
    faultOfKey(jws, rule) ??
    faultOfAlgorithm(jws, jws.header.jwk) ??
    faultOfUrl(jws, url) ??
    faultOfNonce(jws) ??
    faultOfPayload(jws, rule)
  if (fault) return refused(claimed, fault)
  const { nonce } = jws.header
  if (nonce === undefined || !(await parts.nonces.redeem(nonce))) return refused(claimed, badNonce(nonce))
  return signedBy(claimed, jws, url, target, parts)
}

/** Steps 3 and 4. */
async function signedBy(
  claimed: Inspected,
  jws: Jws,
  url: string,
  target: Target,
  parts: VerifyParts,
): Promise<Verification> {
  const { kid } = jws.header
  const account = kid === undefined ? null : await accountOf(kid, target, parts.store)
  const jwk = account?.jwk ?? jws.header.jwk
  if (!jwk) return refused(claimed, accountDoesNotExist())
  const algorithm = faultOfAlgorithm(jws, jwk)
  if (algorithm) return refused(claimed, algorithm)
  const verdict = await verifySignature(jws, jwk)
  const thumbprint = verdict === 'unverifiable' ? null : thumbprintOf(jwk)
  const inspection: JwsInspection = { jws, verdict, thumbprint, key: jwk }
  const inspected: Inspected = { ...claimed, inspection }
  if (verdict === 'unverifiable') return refused(inspected, badPublicKey())
  if (verdict !== 'verified' || thumbprint === null) return refused(inspected, badSignature())
  const label = account ? account.label : await labelOfKey(inspected, thumbprint, target, parts.store)
  const known: Inspected = { ...inspected, label, resource: resourceOf(claimed, url, target, account, null) }
  const standing = account && faultOfAccount(account, target)
  if (standing) return refused(known, standing)
  const named = account ? await namedObjects(target, account, parts.store, parts.ordersOf) : NOTHING_NAMED
  if (!named) return refused(known, notHere())
  return {
    exchange: { ...known, resource: resourceOf(claimed, url, target, account, named) },
    verified: { ...named, account, key: { jwk, thumbprint } },
  }
}

/** A kid of this endpoint, byte for byte; any other is asked for all the same, so that it takes as long. */
function accountOf(
  kid: string,
  { endpoint }: Target,
  store: VerifyParts['store'],
): Promise<BrokerAccount | null> {
  const place = urlOf(endpoint, 'account', [''])
  const id = kid.slice(place.length)
  const ours = kid.startsWith(place) && isObjectId(id)
  return store.account(ours ? endpoint.name : '', ours ? id : NO_ID)
}

const NO_ID = 'A'.repeat(22)

/**
 * Of a request that a `jwk` signed. Of a key that has an account, that account's, whatever the request claims; of a new one, whose
 * account it is going to be if its binding holds, which newAccount looks at. A path counts from the networks of its label only.
 */
async function labelOfKey(
  { inspection, connection }: Inspected,
  thumbprint: string,
  { endpoint, operation, label }: Target,
  store: VerifyParts['store'],
): Promise<string | null> {
  if (operation === 'newAccount') {
    const account = await store.accountByKey(endpoint.name, thumbprint)
    if (account !== null) return account.label
    const kid = externalAccountBindingOf(inspection?.jws.payload)?.jws?.header.kid
    const key = kid === undefined ? null : await store.eabKey(kid)
    if (key !== null) return key.label
  }
  return label !== null && labelCounts(endpoint, label, connection.clientAddress) ? label : null
}

function resourceOf(
  { destination, operation, request }: Inspected,
  url: string,
  { endpoint }: Target,
  account: BrokerAccount | null,
  named: Named | null,
): Resource {
  const { order, authorization, certificate, within } = named ?? NOTHING_NAMED
  return {
    ca: endpoint.name,
    authority: destination?.authority ?? request.authority ?? '',
    url,
    canonical: request.target.toLowerCase(),
    operation,
    account: account && urlOf(endpoint, 'account', [account.id]),
    order: within && urlOf(endpoint, 'order', [within.order]),
    authorization: authorization && urlOf(endpoint, 'authorization', [authorization.id]),
    issuance: within?.issuance ?? null,
    identifiers:
      order?.identifiers ?? certificate?.identifiers ?? (authorization ? [authorization.identifier] : []),
  }
}

function faultOfForm({ request, ambiguities }: Classified, { methods }: RequestRule): Denial | null {
  const { method, fields, body, truncated } = request
  if (!methods.includes(method)) {
    return refusal(
      'method',
      'malformed',
      `${quoted(method)} is no method of this URL; it takes ${methods.join(', ')} (RFC 8555 §6.3: signed requests are sent by POST, to fetch too)`,
      405,
    )
  }
  if (truncated) {
    return refusal(
      'body-too-large',
      'malformed',
      `the request body is over ${REQUEST_BODY_LIMIT} bytes; no ACME request is that large`,
      413,
    )
  }
  if (ambiguities.length > 0) return unclear(ambiguities)
  if (method !== 'POST') return body.length > 0 ? unclear([{ kind: 'unexpected-body', where: 'body' }]) : null
  const types = fields.filter(([name]) => name.toLowerCase() === 'content-type').map(([, value]) => value)
  if (types.length === 1 && types[0] === 'application/jose+json') return null
  const given = types.length === 0 ? 'none' : types.map(quoted).join(' and ')
  return refusal(
    'jws',
    'malformed',
    `the Content-Type of a signed request is application/jose+json, without parameters (RFC 8555 §6.2), and not ${given}`,
    415,
  )
}

function faultOfKey({ header }: Jws, { key }: RequestRule): Denial | null {
  const { kid, jwk } = header
  if (kid !== undefined && key !== 'jwk') return null
  if (jwk !== undefined && key !== 'kid') return null
  const wanted = key === 'either' ? 'kid or jwk' : key
  const given = kid !== undefined ? 'kid' : jwk !== undefined ? 'jwk' : 'neither kid nor jwk'
  return malformed(`the protected header names its key by ${given}; this URL takes ${wanted} (RFC 8555 §6.2)`)
}

/** One algorithm a key (RFC 8725 §3.1), and of those we have. Without a key, whether it is one at all. */
function faultOfAlgorithm({ header: { alg } }: Jws, key: Jwk | undefined): Denial | null {
  if (alg === undefined) return malformed('the protected header has no alg (RFC 8555 §6.2)')
  if (!SIGNATURE_ALGORITHMS.includes(alg)) return badAlgorithm(`alg ${quoted(alg)} is not taken`)
  if (!key) return null
  const own = signatureAlgorithmOf(key)
  if (own === null) return badPublicKey()
  return alg === own ? null : badAlgorithm(`alg ${quoted(alg)} is not what this key signs with, ${own}`)
}

/** RFC 8555 §6.4. `url` is made of the configuration, never of what a client or a proxy says of the host. */
function faultOfUrl({ header }: Jws, url: string): Denial | null {
  if (header.url === undefined) return malformed('the protected header has no url (RFC 8555 §6.4)')
  if (header.url === url) return null
  return refusal(
    'jws',
    'unauthorized',
    `the signed url is ${quoted(header.url)}, and the request arrived at ${quoted(url)} (RFC 8555 §6.4)`,
  )
}

/** RFC 8555 §6.5.2. What is spelled right may still be none of ours: that is badNonce, at which clients take another. */
function faultOfNonce({ header: { nonce } }: Jws): Denial | null {
  if (nonce === undefined || isBase64url(nonce)) return null
  return malformed(`the nonce ${quoted(nonce)} is not base64url (RFC 8555 §6.5.2)`)
}

function faultOfPayload({ payloadBytes }: Jws, { payload }: RequestRule): Denial | null {
  const isEmpty = payloadBytes.length === 0
  if (payload === 'none' && !isEmpty)
    return malformed('this URL is only fetched: the payload of a POST-as-GET is empty (RFC 8555 §6.3)')
  if (payload === 'object' && isEmpty)
    return malformed('the payload is empty: there is nothing to fetch at this URL (RFC 8555 §6.3)')
  return null
}

/** What only its owner hears: the signature was checked before. */
function faultOfAccount({ status, label }: BrokerAccount, target: Target): Denial | null {
  if (status !== 'valid')
    return refusal('jws', 'unauthorized', `the account is ${status} (RFC 8555 §7.3.6)`, 401)
  if (target.label === null || target.label === label) return null
  return refusal(
    'jws',
    'unauthorized',
    `the account is not of label ${quoted(target.label)}, under which the request came; use the directory that the account was made at`,
  )
}

function refused(exchange: Classified | Inspected, refusal: Denial): Verification {
  return { exchange: { inspection: null, ...exchange, refusal }, verified: null }
}
