import { randomBytes } from 'node:crypto'
import type { Identifier } from '../../../src/acme/identifier.ts'
import type { Jwk } from '../../../src/acme/jwk.ts'
import { Refusal } from './answer.ts'
import type { CaLog } from './ca-log.ts'
import { type Issuer, makeRoot } from './certificates.ts'
import type { SignedRequest } from './signed-request.ts'

export interface Account {
  readonly path: string
  jwk: Jwk
  thumbprint: string
  status: 'valid' | 'deactivated'
  contact: readonly string[]
  readonly orders: string[]
}

export interface Challenge {
  readonly path: string
  readonly type: string
  readonly token: string
  status: 'pending' | 'valid' | 'invalid'
  error: Readonly<Record<string, unknown>> | null
  readonly authorization: Authorization
}

export interface Authorization {
  readonly path: string
  readonly account: Account
  readonly identifier: Identifier
  readonly wildcard: boolean
  status: 'pending' | 'valid' | 'invalid' | 'deactivated'
  challenges: readonly Challenge[]
}

export interface Order {
  readonly path: string
  readonly finalize: string
  readonly account: Account
  readonly identifiers: readonly Identifier[]
  readonly authorizations: readonly Authorization[]
  readonly profile: string | undefined
  certificate: Certificate | null
}

export interface Certificate {
  readonly path: string
  readonly account: Account
  readonly pem: string
  readonly spki: Buffer
  readonly der: Buffer
  /** RFC 9773 §4.1. */
  readonly id: string
  revoked: boolean
}

/** What a CA may offer or want beyond the least: none of it by default. */
export interface Offers {
  /** MAC keys by key id: without one of them nobody gets an account (RFC 8555 §7.3.4). */
  externalAccounts: ReadonlyMap<string, Buffer> | null
  /** Texts by name. */
  profiles: Readonly<Record<string, string>>
  /** Another chain for every certificate. */
  alternate: Issuer | null
  ordersPerPage: number
  /** As Boulder: the same order for the same names while it is not finalized, and what is valid is not asked for again. */
  reuses: boolean
  newAuthz: boolean
  /** RFC 9773 §5: what is said of an order that replaces this certificate id; null: it may. */
  isReplaceable: (certificateId: string) => Refusal | null
}

/** Decides a validation: null for valid, else what went wrong. */
export type Validation = (identifier: Identifier, challengeType: string) => Refusal | null

/** One request as operations see it. `url` makes an absolute URL from the Host the client used, like Pebble. */
export interface Call {
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly url: (path: string) => string
  /** Its place in the log. */
  readonly request: number
  /** Only for POST. */
  readonly signed: SignedRequest | null
}

/** Everything the CA has made. URLs are kept as paths: their authority is the Host of whoever asks. */
export class CaState {
  readonly root: Issuer
  readonly log: CaLog
  readonly accounts = new Map<string, Account>()
  readonly accountsByKey = new Map<string, Account>()
  readonly orders = new Map<string, Order>()
  readonly authorizations = new Map<string, Authorization>()
  readonly challenges = new Map<string, Challenge>()
  readonly certificates = new Map<string, Certificate>()
  validation: Validation = () => null
  readonly offers: Offers = {
    externalAccounts: null,
    profiles: {},
    alternate: null,
    ordersPerPage: 1000,
    reuses: false,
    newAuthz: false,
    isReplaceable: () => null,
  }
  #made = 0

  constructor(log: CaLog) {
    this.log = log
    this.root = makeRoot('Test CA Issuing Root')
  }

  /** A new object's path, noted in the log. */
  make(object: string, call: Call): string {
    const path = `/${object}/${(++this.#made).toString(36)}${randomBytes(4).toString('hex')}`
    this.log.append({ kind: 'object', object, path, request: call.request })
    return path
  }

  /** @throws Refusal where the request is not signed by a valid account's key. */
  accountOf(call: Call): Account {
    const { signed } = call
    if (!signed?.kid) throw new Refusal('malformed', 'No key ID in the protected header')
    return this.accountByUrl(signed.kid, call.url)
  }

  accountByUrl(kid: string, url: Call['url']): Account {
    const prefix = url('')
    const account = kid.startsWith(prefix) ? this.accounts.get(kid.slice(prefix.length)) : undefined
    if (!account) throw new Refusal('accountDoesNotExist', `Account ${kid} not found.`)
    if (account.status !== 'valid') throw new Refusal('unauthorized', 'Account has been deactivated')
    return account
  }
}

/** @throws Refusal where the object does not exist or belongs to somebody else. */
export function owned<T extends { readonly account: Account }>(
  objects: Map<string, T>,
  path: string,
  by: Account,
): T {
  const found = objects.get(path)
  if (!found) throw new Refusal('malformed', `nothing at ${path}`, {}, 404)
  if (found.account !== by) throw new Refusal('unauthorized', 'Account does not own the specified object')
  return found
}
