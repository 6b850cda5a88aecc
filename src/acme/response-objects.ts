/**
 * What a CA's answers say, read from their decoded JSON bodies: the objects of RFC 8555 §7.1 as the CA wrote them.
 * No reader throws, whatever it is given; what is absent, of another type or over its bound is null or left out.
 * URLs stay byte for byte: relative ones are the caller's to resolve. A status may be a word the RFC doesn't know.
 */
import type { Identifier } from './identifier.ts'
import {
  booleanMember,
  isJsonObject,
  listMember,
  member,
  stringMember,
  stringsMember,
  textMember,
  urlMember,
} from './members.ts'

/** RFC 8555 §7.1.1, RFC 9773 §4, draft-aaron-acme-profiles. URLs byte for byte; what a CA doesn't name is null. */
export interface Directory {
  readonly newNonce: string | null
  readonly newAccount: string | null
  readonly newOrder: string | null
  readonly newAuthz: string | null
  readonly revokeCert: string | null
  readonly keyChange: string | null
  readonly renewalInfo: string | null
  readonly meta: DirectoryMeta
}

interface DirectoryMeta {
  readonly termsOfService: string | null
  readonly website: string | null
  readonly caaIdentities: readonly string[]
  /** Null where the CA does not say. */
  readonly externalAccountRequired: boolean | null
  readonly profiles: readonly { readonly name: string; readonly description: string | null }[]
}

// Every count and length here is a bound against a CA gone wrong, far above what real ones send.
const MAX_PROFILES = 100
const MAX_PROFILE_NAME = 256

export function readDirectory(value: unknown): Directory {
  return {
    newNonce: urlMember(value, 'newNonce'),
    newAccount: urlMember(value, 'newAccount'),
    newOrder: urlMember(value, 'newOrder'),
    newAuthz: urlMember(value, 'newAuthz'),
    revokeCert: urlMember(value, 'revokeCert'),
    keyChange: urlMember(value, 'keyChange'),
    renewalInfo: urlMember(value, 'renewalInfo'),
    meta: readMeta(member(value, 'meta')),
  }
}

function readMeta(meta: unknown): DirectoryMeta {
  return {
    termsOfService: urlMember(meta, 'termsOfService'),
    website: urlMember(meta, 'website'),
    caaIdentities: stringsMember(meta, 'caaIdentities', 256),
    externalAccountRequired:
      typeof member(meta, 'externalAccountRequired') === 'boolean'
        ? booleanMember(meta, 'externalAccountRequired')
        : null,
    profiles: readProfiles(member(meta, 'profiles')),
  }
}

function readProfiles(profiles: unknown): DirectoryMeta['profiles'] {
  if (!isJsonObject(profiles)) return []
  return Object.keys(profiles)
    .filter((name) => name.length <= MAX_PROFILE_NAME)
    .slice(0, MAX_PROFILES)
    .map((name) => ({ name, description: textMember(profiles, name) }))
}

/** RFC 8555 §7.1.2 as a CA wrote it. Its URL is not in it: that is the answer's `Location`. */
export interface Account {
  readonly status: string | null
  readonly contact: readonly string[]
  readonly orders: string | null
}

export function readAccount(value: unknown): Account {
  return {
    status: stringMember(value, 'status'),
    contact: stringsMember(value, 'contact'),
    orders: urlMember(value, 'orders'),
  }
}

/** RFC 8555 §7.1.3 as a CA wrote it. `status` may be a word the RFC doesn't know. */
export interface Order {
  readonly status: string | null
  readonly identifiers: readonly Identifier[]
  readonly authorizations: readonly string[]
  readonly finalize: string | null
  readonly certificate: string | null
  readonly error: Problem | null
  readonly expires: string | null
  readonly profile: string | null
}

export function readOrder(value: unknown): Order {
  return {
    status: stringMember(value, 'status'),
    identifiers: listMember(value, 'identifiers', readIdentifier),
    authorizations: stringsMember(value, 'authorizations'),
    finalize: urlMember(value, 'finalize'),
    certificate: urlMember(value, 'certificate'),
    error: problemMember(value, 'error'),
    expires: stringMember(value, 'expires'),
    profile: stringMember(value, 'profile'),
  }
}

/** The order URLs of one page of an account's orders list (RFC 8555 §7.1.2.1). */
export function readOrders(value: unknown): readonly string[] {
  return stringsMember(value, 'orders')
}

/** RFC 8555 §7.1.4 as a CA wrote it. `wildcard` is true only where the CA says so. */
export interface Authorization {
  readonly status: string | null
  readonly identifier: Identifier | null
  readonly wildcard: boolean
  readonly challenges: readonly Challenge[]
  readonly expires: string | null
}

export function readAuthorization(value: unknown): Authorization {
  return {
    status: stringMember(value, 'status'),
    identifier: readIdentifier(member(value, 'identifier')),
    wildcard: booleanMember(value, 'wildcard'),
    challenges: listMember(value, 'challenges', readChallengeElement),
    expires: stringMember(value, 'expires'),
  }
}

/** RFC 8555 §8 as a CA wrote it. Some types have no `token` (dns-persist-01). */
export interface Challenge {
  readonly type: string | null
  readonly url: string | null
  readonly status: string | null
  readonly error: Problem | null
  readonly token: string | null
}

export function readChallenge(value: unknown): Challenge {
  return {
    type: stringMember(value, 'type'),
    url: urlMember(value, 'url'),
    status: stringMember(value, 'status'),
    error: problemMember(value, 'error'),
    token: stringMember(value, 'token', 1024),
  }
}

/** An element of an authorization's `challenges`; null when it is no object. */
function readChallengeElement(value: unknown): Challenge | null {
  return isJsonObject(value) ? readChallenge(value) : null
}

const MAX_VALUE = 2048

/** An identifier (RFC 8555 §9.7.7) in a CA's answer, as it came; null unless both members are strings. */
function readIdentifier(value: unknown): Identifier | null {
  const type = stringMember(value, 'type')
  const name = stringMember(value, 'value', MAX_VALUE)
  return type === null || name === null ? null : { type, value: name }
}

/** A CA's own problem document (RFC 9457 §3.1), as it came. `type` is the whole URN; absent members are null. */
export interface Problem {
  readonly type: string | null
  readonly detail: string | null
  readonly subproblems: readonly Subproblem[]
}

/** RFC 8555 §6.7.1. `identifier` is null where the subproblem belongs to none. */
interface Subproblem {
  readonly type: string | null
  readonly detail: string | null
  readonly identifier: Identifier | null
}

const MAX_TYPE = 2048

/** Reads a problem document from its decoded JSON body. Never throws; junk gives nulls and no subproblems. */
export function readProblem(value: unknown): Problem {
  return {
    type: stringMember(value, 'type', MAX_TYPE),
    detail: textMember(value, 'detail'),
    subproblems: listMember(value, 'subproblems', readSubproblem),
  }
}

/** The `error` member of an order or a challenge; null when there is none. */
function problemMember(value: unknown, name: string): Problem | null {
  const found = member(value, name)
  return isJsonObject(found) ? readProblem(found) : null
}

function readSubproblem(value: unknown): Subproblem | null {
  if (!isJsonObject(value)) return null
  return {
    type: stringMember(value, 'type', MAX_TYPE),
    detail: textMember(value, 'detail'),
    identifier: readIdentifier(member(value, 'identifier')),
  }
}
