import { isBase64url } from '../acme/base64url.ts'
import type { Operation } from '../acme/operation.ts'
import type { BrokerOperation } from './broker-operation.ts'
import type { Target } from './brokered-request.ts'
import type { Endpoint } from './endpoint.ts'

/** Behind `<path>/` or `<path>/~<label>/`: what the directory names. */
const MEMBERS = {
  directory: 'directory',
  newNonce: 'new-nonce',
  newAccount: 'new-account',
  newOrder: 'new-order',
  newAuthz: 'new-authz',
  revokeCert: 'revoke-cert',
  keyChange: 'key-change',
  renewalInfo: 'renewal-info',
} as const satisfies Partial<Record<BrokerOperation, string>>

type Member = keyof typeof MEMBERS

const OPERATION_OF: ReadonlyMap<string, Operation> = new Map(
  Object.entries(MEMBERS).map(([operation, segment]) => [segment, operation as Member]),
)

/** 128 bits in base64url. */
const OBJECT_ID_LENGTH = 22
const LABEL = /^~[a-z0-9][a-z0-9._-]{0,63}$/
/** Where a page of orders begins, as the store wrote it. */
const CURSOR = /^[A-Za-z0-9_-]{1,64}$/
/** The first chain is the certificate's own URL (RFC 8555 §7.4.2). */
const ALTERNATE = /^[1-9][0-9]?$/
/** UTF-16 code units of a target: the longest of ours is far below. */
const LONGEST_TARGET = 700

/**
 * What a request target leads to. `elsewhere`: the authority is no endpoint's. Null: it is, and nothing is there. Only the
 * exact spelling is a URL of ours: nothing is decoded, cleaned or folded, and what only resembles one is nothing.
 */
export function targetOf(
  endpoints: readonly Endpoint[],
  authority: string | null,
  target: string,
): Target | null | 'elsewhere' {
  const endpoint = endpointAt(endpoints, authority, target)
  if (endpoint === null || endpoint === 'elsewhere') return endpoint
  if (target.length > LONGEST_TARGET) return null
  const segments = target.slice(endpoint.path.length + 1).split('/')
  const [first, ...rest] = segments
  if (first!.startsWith('~')) {
    const label = LABEL.test(first!) ? first!.slice(1) : ''
    // A label that is worth nothing anywhere is no place: who misspells it is told so at once.
    return endpoint.labels.some(({ name }) => name === label) ? member(endpoint, label, rest) : null
  }
  return member(endpoint, null, segments) ?? object(endpoint, segments)
}

/** The endpoint below whose path a target lies, whether anything is there or not. As {@link targetOf} for the rest. */
export function endpointAt(
  endpoints: readonly Endpoint[],
  authority: string | null,
  target: string,
): Endpoint | null | 'elsewhere' {
  const origin = originOf(authority)
  let ours = false
  let found: Endpoint | null = null
  for (const endpoint of endpoints) {
    if (endpoint.origin !== origin) continue
    ours = true
    // The longest: a twin lies below its endpoint's path.
    if (isBelow(endpoint.path, target) && (found === null || endpoint.path.length > found.path.length))
      found = endpoint
  }
  return ours ? found : 'elsewhere'
}

function isBelow(path: string, target: string): boolean {
  return target.startsWith(path) && target.charAt(path.length) === '/'
}

/** As an endpoint writes its origin: host in lower case, no default port (RFC 9110 §4.2.3). Null: no host at all. */
function originOf(authority: string | null): string | null {
  // Beyond ASCII, lower case makes a `k` of U+212A.
  if (authority === null || !/^[!-~]+$/.test(authority)) return null
  const host = authority.toLowerCase()
  return `https://${host.endsWith(':443') ? host.slice(0, -4) : host}`
}

function member(endpoint: Endpoint, label: string | null, segments: readonly string[]): Target | null {
  const operation = OPERATION_OF.get(segments[0]!)
  if (operation === undefined) return null
  const ids = segments.slice(1)
  if (operation === 'newAuthz' && !endpoint.preAuthorization) return null
  const fits = operation === 'renewalInfo' ? ids.length === 1 && isCertificateId(ids[0]!) : ids.length === 0
  return fits ? { endpoint, label, operation, ids } : null
}

function object(endpoint: Endpoint, [kind, id, ...rest]: readonly string[]): Target | null {
  if (id === undefined || !isObjectId(id)) return null
  const [more] = rest
  const found = (operation: Operation, ...ids: string[]): Target => ({
    endpoint,
    label: null,
    operation,
    ids,
  })
  switch (kind) {
    case 'account':
      if (rest.length === 0) return found('account', id)
      if (more !== 'orders' || rest.length > 2) return null
      if (rest.length === 1) return found('orders', id)
      return CURSOR.test(rest[1]!) ? found('orders', id, rest[1]!) : null
    case 'order':
      if (rest.length === 0) return found('order', id)
      return rest.length === 1 && more === 'finalize' ? found('finalize', id) : null
    case 'authorization':
      return rest.length === 0 ? found('authorization', id) : null
    case 'challenge':
      return rest.length === 1 && isObjectId(more!) ? found('challenge', id, more!) : null
    case 'certificate':
      if (rest.length === 0) return found('certificate', id)
      return rest.length === 1 && ALTERNATE.test(more!) ? found('certificate', id, more!) : null
    default:
      return null
  }
}

export function isObjectId(text: string): boolean {
  return text.length === OBJECT_ID_LENGTH && isBase64url(text)
}

/** RFC 9773 §4.1. Neither part has more bytes than a key id or a serial number that any CA writes. */
function isCertificateId(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 2 && parts.every((part) => part !== '' && part.length <= 200 && isBase64url(part))
}

/**
 * The URL of an operation, absolute. `ids` as in {@link Target}; without any, renewalInfo's is the directory's member. A label
 * stands only in what the directory names: objects have none.
 */
export function urlOf(
  { origin, path }: Pick<Endpoint, 'origin' | 'path'>,
  operation: BrokerOperation,
  ids: readonly string[] = [],
  label: string | null = null,
): string {
  const base = `${origin}${path}`
  const [first, second] = ids
  switch (operation) {
    case 'account':
      return `${base}/account/${first}`
    case 'orders':
      return `${base}/account/${first}/orders${second === undefined ? '' : `/${second}`}`
    case 'order':
      return `${base}/order/${first}`
    case 'finalize':
      return `${base}/order/${first}/finalize`
    case 'authorization':
      return `${base}/authorization/${first}`
    case 'challenge':
      return `${base}/challenge/${first}/${second}`
    case 'certificate':
      return `${base}/certificate/${first}${second === undefined ? '' : `/${second}`}`
    default: {
      const place = label === null ? base : `${base}/~${label}`
      return `${place}/${MEMBERS[operation]}${first === undefined ? '' : `/${first}`}`
    }
  }
}
