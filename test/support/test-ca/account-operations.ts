import { createHmac } from 'node:crypto'
import type { Jwk } from '../../../src/acme/jwk.ts'
import { thumbprintOf } from '../sign-jws.ts'
import { type Answer, empty, json, Refusal } from './answer.ts'
import type { Account, Call, CaState } from './ca-state.ts'
import { readSignedRequest } from './signed-request.ts'

/** RFC 8555 §7.3 and §7.3.1. */
export function newAccount(ca: CaState, call: Call): Answer {
  const { signed } = call
  if (!signed?.header.jwk) throw new Refusal('malformed', 'newAccount needs a jwk')
  const known = ca.accountsByKey.get(signed.thumbprint)
  if (known) return json(200, accountObject(known, call), [['Location', call.url(known.path)]])
  if (signed.payload?.onlyReturnExisting === true) {
    throw new Refusal(
      'accountDoesNotExist',
      'unable to find existing account for only-return-existing request',
    )
  }
  if (ca.offers.externalAccounts !== null) checkBinding(ca.offers.externalAccounts, call)
  const account: Account = {
    path: ca.make('account', call),
    jwk: signed.jwk,
    thumbprint: signed.thumbprint,
    status: 'valid',
    contact: contactsOf(signed.payload?.contact),
    orders: [],
  }
  ca.accounts.set(account.path, account)
  ca.accountsByKey.set(account.thumbprint, account)
  return json(201, accountObject(account, call), [['Location', call.url(account.path)]])
}

/** RFC 8555 §7.3.2 and §7.3.6. */
export function account(ca: CaState, call: Call): Answer {
  const found = ca.accountOf(call)
  if (found.path !== call.path)
    throw new Refusal('unauthorized', 'Request signing key did not match account key')
  const payload = call.signed?.payload
  if (payload?.contact !== undefined) found.contact = contactsOf(payload.contact)
  if (payload?.status === 'deactivated') found.status = 'deactivated'
  return json(200, accountObject(found, call), [['Location', call.url(found.path)]])
}

/** RFC 8555 §7.1.2.1. */
export function orders(ca: CaState, call: Call): Answer {
  const found = ca.accountOf(call)
  if (`${found.path}/orders` !== call.path)
    throw new Refusal('unauthorized', 'Account does not own the orders list')
  const { ordersPerPage } = ca.offers
  const from = Number(call.query.get('from') ?? 0)
  const next = from + ordersPerPage
  const more = next < found.orders.length
  return json(
    200,
    { orders: found.orders.slice(from, next).map(call.url) },
    more ? [['Link', `<${call.url(call.path)}?from=${next}>;rel="next"`]] : [],
  )
}

/** RFC 8555 §7.3.4. */
function checkBinding(keys: ReadonlyMap<string, Buffer>, { signed, url }: Call): void {
  const binding = signed?.payload?.externalAccountBinding as Record<string, string> | undefined
  if (binding === undefined)
    throw new Refusal(
      'externalAccountRequired',
      'ACME server policy requires newAccount requests to be bound',
    )
  const header = JSON.parse(Buffer.from(binding.protected!, 'base64url').toString()) as Record<string, string>
  const key = keys.get(header.kid!)
  const digest = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }[header.alg!]
  if (key === undefined || digest === undefined)
    throw new Refusal('unauthorized', 'unknown key ID or algorithm')
  const mac = createHmac(digest, key).update(`${binding.protected}.${binding.payload}`).digest('base64url')
  const bound = JSON.parse(Buffer.from(binding.payload!, 'base64url').toString()) as Jwk
  if (mac !== binding.signature || header.url !== url('/new-account') || header.nonce !== undefined)
    throw new Refusal('unauthorized', 'the external account binding is not right')
  if (thumbprintOf(bound) !== signed!.thumbprint) throw new Refusal('malformed', 'it binds another key')
}

/** RFC 8555 §7.3.5. */
export function keyChange(ca: CaState, call: Call): Answer {
  const found = ca.accountOf(call)
  const inner = readSignedRequest(
    Buffer.from(JSON.stringify(call.signed?.payload ?? {})),
    call.url(call.path),
    () => {
      throw new Refusal('malformed', 'the inner JWS must carry a jwk')
    },
  )
  if (inner.payload?.account !== call.url(found.path))
    throw new Refusal('malformed', 'inner account is not the outer kid')
  if (thumbprintOf(inner.payload.oldKey as Jwk) !== found.thumbprint)
    throw new Refusal('malformed', 'oldKey is not the key')
  const other = ca.accountsByKey.get(inner.thumbprint)
  if (other) throw new Refusal('malformed', 'New key is already in use', {}, 409)
  ca.accountsByKey.delete(found.thumbprint)
  found.jwk = inner.jwk
  found.thumbprint = inner.thumbprint
  ca.accountsByKey.set(found.thumbprint, found)
  return empty(200, [['Location', call.url(found.path)]])
}

function accountObject(found: Account, call: Call) {
  return {
    status: found.status,
    contact: found.contact,
    orders: call.url(`${found.path}/orders`),
    key: found.jwk,
  }
}

function contactsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
