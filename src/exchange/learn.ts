import { canonicalTarget } from '../acme/canonical-target.ts'
import type { Identifier } from '../acme/identifier.ts'
import { parseLinks } from '../acme/link-headers.ts'
import type { Operation } from '../acme/operation.ts'
import { innerJws } from '../acme/payloads.ts'
import {
  type Authorization,
  readAccount,
  readAuthorization,
  readChallenge,
  readDirectory,
  readOrder,
  readOrders,
} from '../acme/response-objects.ts'
import { thumbprintOf } from '../acme/thumbprint.ts'
import type { Decided, FieldList, ObservedResponse } from './exchange.ts'
import { parseJson } from './parse-json.ts'
import type { AccountKey, Learned, Resource } from './resource.ts'
import { NOTHING_LEARNED } from './resource.ts'
import { toldByAnswer } from './told-by-answer.ts'

/** What one successful answer says of URLs and keys. Failed answers, and answers without a CA, teach nothing. */
export function learnFrom(exchange: Decided, response: ObservedResponse): Learned {
  if (!exchange.destination || response.status < 200 || response.status > 299) return NOTHING_LEARNED
  const told = toldByAnswer(exchange, response)
  const lesson = new Lesson(told, response)
  switch (told.operation) {
    case 'directory':
      lesson.directory()
      break
    case 'newAccount':
    case 'account':
      lesson.account()
      break
    case 'keyChange':
      lesson.keyChange()
      break
    case 'newOrder':
    case 'order':
    case 'finalize':
      lesson.order()
      break
    case 'orders':
      lesson.orders()
      break
    case 'newAuthz':
    case 'authorization':
      lesson.authorization()
      break
    case 'challenge':
      lesson.challenge()
      break
    case 'certificate':
      lesson.certificate()
      break
    default:
      return NOTHING_LEARNED
  }
  return lesson.learned()
}

/** As the order named it: RFC 8555 §7.1.4 leaves `*.` to the member `wildcard`. */
export function identifiersOfAuthorization({ identifier, wildcard }: Authorization): readonly Identifier[] {
  if (!identifier) return []
  return wildcard && !identifier.value.startsWith('*.')
    ? [{ type: identifier.type, value: `*.${identifier.value}` }]
    : [identifier]
}

/** The absolute URL of an answer's `Location`, or null. */
export function locationOf(exchange: Decided, fields: FieldList): string | null {
  const value = fields.find(([name]) => name === 'location')?.[1]
  return value === undefined ? null : absolute(exchange, value)
}

/** The absolute URLs that an answer's `Link` fields give for a relation. */
export function linksOf(exchange: Decided, fields: FieldList, relation: string): readonly string[] {
  const values = fields.filter(([name]) => name === 'link').map(([, value]) => value)
  return parseLinks(values)
    .filter((link) => link.rel.includes(relation))
    .map((link) => absolute(exchange, link.uri))
    .filter((url) => url !== null)
}

function absolute(exchange: Decided, reference: string): string | null {
  if (!exchange.destination) return null
  if (reference.startsWith('https://')) return reference
  const origin = `https://${exchange.destination.authority}`
  if (reference.startsWith('/') && !reference.startsWith('//')) return `${origin}${reference}`
  // Resolved as a client would (RFC 3986 §5), dot segments and all.
  const base = `${origin}${exchange.request.target}`
  return URL.parse(reference, base)?.protocol === 'https:' ? URL.parse(reference, base)!.href : null
}

class Lesson {
  readonly #exchange: Decided
  readonly #response: ObservedResponse
  readonly #ca: string
  readonly #authority: string
  readonly #account: string | null
  readonly #resources: Resource[] = []
  readonly #keys: AccountKey[] = []

  constructor(exchange: Decided, response: ObservedResponse) {
    this.#exchange = exchange
    this.#response = response
    this.#ca = exchange.destination!.ca
    this.#authority = exchange.destination!.authority
    this.#account = exchange.inspection?.jws.header.kid ?? exchange.resource?.account ?? null
  }

  learned(): Learned {
    return { resources: this.#resources, keys: this.#keys }
  }

  directory(): void {
    const directory = readDirectory(this.#json())
    for (const operation of DIRECTORY_MEMBERS) this.#is(directory[operation], operation, { account: null })
  }

  /** RFC 8555 §7.3: `Location` names the account on creation and when an existing one is found. */
  account(): void {
    const { resource, inspection, operation } = this.#exchange
    const url = operation === 'newAccount' ? this.#location() : (resource?.url ?? null)
    this.#is(url, 'account', { account: url })
    this.#is(readAccount(this.#json()).orders, 'orders', { account: url })
    if (operation === 'newAccount' && url && inspection?.key && inspection.jws.header.jwk) {
      this.#key(url, inspection.key, 'newAccount')
    }
  }

  /** RFC 8555 §7.3.5: from a successful answer on, the inner JWS's key signs for the account. */
  keyChange(): void {
    const inner = innerJws(this.#exchange.inspection?.jws.payload)
    const jwk = inner?.jws?.header.jwk
    if (this.#account && jwk) this.#key(this.#account, jwk, 'keyChange')
  }

  order(): void {
    const { operation, resource, id } = this.#exchange
    const body = readOrder(this.#json())
    const url = (operation === 'order' ? resource?.url : (this.#location() ?? resource?.order)) ?? null
    const shared = {
      order: url,
      issuance: operation === 'newOrder' ? id : (resource?.issuance ?? null),
      identifiers: body.identifiers.length > 0 ? body.identifiers : (resource?.identifiers ?? []),
    }
    this.#is(url, 'order', shared)
    // RFC 8555 §7.1.3: which authorization is for which identifier is not said.
    const identifiers = shared.identifiers.length === 1 ? shared.identifiers : []
    for (const authorization of body.authorizations)
      this.#is(authorization, 'authorization', { ...shared, authorization, identifiers })
    this.#is(body.finalize, 'finalize', shared)
    this.#is(body.certificate, 'certificate', shared)
  }

  orders(): void {
    for (const order of readOrders(this.#json())) this.#is(order, 'order', { order })
    for (const url of this.#links('next')) this.#is(url, 'orders', {})
  }

  authorization(): void {
    const { operation, resource, id } = this.#exchange
    const body = readAuthorization(this.#json())
    const url = (operation === 'newAuthz' ? this.#location() : resource?.url) ?? null
    const shared = {
      order: resource?.order ?? null,
      issuance: operation === 'newAuthz' ? id : (resource?.issuance ?? null),
      authorization: url,
      identifiers: identifiersOfAuthorization(body),
    }
    this.#is(url, 'authorization', shared)
    for (const challenge of body.challenges) this.#is(challenge.url, 'challenge', shared)
  }

  challenge(): void {
    const { resource } = this.#exchange
    const [authorization] = this.#links('up')
    const shared = {
      order: resource?.order ?? null,
      issuance: resource?.issuance ?? null,
      authorization: authorization ?? resource?.authorization ?? null,
      identifiers: resource?.identifiers ?? [],
    }
    if (authorization && !resource?.authorization) this.#is(authorization, 'authorization', shared)
    this.#is(readChallenge(this.#json()).url, 'challenge', shared)
  }

  certificate(): void {
    const { resource } = this.#exchange
    for (const url of this.#links('alternate')) {
      this.#is(url, 'certificate', {
        order: resource?.order ?? null,
        issuance: resource?.issuance ?? null,
        identifiers: resource?.identifiers ?? [],
      })
    }
  }

  #json(): unknown {
    return parseJson(this.#response.decoded)
  }

  #location(): string | null {
    return locationOf(this.#exchange, this.#response.fields)
  }

  #links(relation: string): readonly string[] {
    return linksOf(this.#exchange, this.#response.fields, relation)
  }

  /** Only URLs under the authority the request came by can come back to us; any other is not ours to know. */
  #is(url: string | null | undefined, operation: Operation, belongs: Partial<Resource>): void {
    const origin = `https://${this.#authority}`
    if (!url?.startsWith(`${origin}/`)) return
    this.#resources.push({
      ca: this.#ca,
      authority: this.#authority,
      url,
      canonical: canonicalTarget(url.slice(origin.length)),
      operation,
      account: this.#account,
      order: null,
      authorization: null,
      issuance: null,
      identifiers: [],
      ...belongs,
    })
  }

  #key(account: string, jwk: AccountKey['jwk'], source: AccountKey['source']): void {
    this.#keys.push({ ca: this.#ca, account, jwk, thumbprint: thumbprintOf(jwk), source })
  }
}

const DIRECTORY_MEMBERS = [
  'newNonce',
  'newAccount',
  'newOrder',
  'newAuthz',
  'revokeCert',
  'keyChange',
  'renewalInfo',
] as const satisfies readonly Operation[]
