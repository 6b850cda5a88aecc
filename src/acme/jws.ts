import type { Ambiguity } from './ambiguity.ts'
import { decodeBase64url, isBase64url } from './base64url.ts'
import { asObject, place, readStrictJson } from './json.ts'
import type { Jwk } from './jwk.ts'

/** The members of a protected header that RFC 8555 §6.2 gives a meaning. Absent members are undefined. */
export interface ProtectedHeader {
  readonly alg: string | undefined
  readonly nonce: string | undefined
  readonly url: string | undefined
  readonly kid: string | undefined
  readonly jwk: Jwk | undefined
}

/** A flattened JWS (RFC 7515 §7.2.2), decoded. The three byte strings re-encode to exactly what came. */
export interface Jws {
  readonly protectedBytes: Buffer
  readonly payloadBytes: Buffer
  readonly signatureBytes: Buffer
  readonly header: ProtectedHeader
  /** The payload's JSON value; undefined when it is empty (POST-as-GET, RFC 8555 §6.3) or not JSON. */
  readonly payload: unknown
}

/** `jws` is null when the body is no flattened JWS; what could be read two ways is in `ambiguities`. */
export interface JwsReading {
  readonly jws: Jws | null
  readonly ambiguities: readonly Ambiguity[]
}

type Members = Readonly<Record<string, unknown>>

/**
 * Reads a request body. Never throws. An inner JWS (RFC 8555 §7.3.4 and §7.3.5) is read just as strictly, and its
 * ambiguities are the request's. Whether the signature is right is not looked at.
 */
export function readJws(body: Buffer): JwsReading {
  const { value, ambiguities } = readStrictJson(body, 'body')
  const jws = value === undefined ? null : readFlattened(value, '', ambiguities, true)
  return { jws, ambiguities }
}

/** Reads a JWS that stands in another one's payload, where `where` says. */
export function readInnerJws(value: unknown, where: string): JwsReading {
  const ambiguities: Ambiguity[] = []
  return { jws: readFlattened(value, where, ambiguities, false), ambiguities }
}

/** Whether an object claims to be a JWS: the payload of a keyChange (RFC 8555 §7.3.5). */
export function looksLikeJws(members: Members): boolean {
  return 'protected' in members || 'payload' in members || 'signature' in members || 'signatures' in members
}

/** `where` is the empty string for the request itself. `outer`: an inner JWS may stand in its payload. */
function readFlattened(value: unknown, where: string, ambiguities: Ambiguity[], outer: boolean): Jws | null {
  const at = (member: string) => (where === '' ? member : place(where, member))
  const members = asObject(value)
  if (!members) {
    ambiguities.push({ kind: 'not-an-object', where: where || 'body' })
    return null
  }
  for (const name in members) {
    // RFC 8555 §6.2: neither the unprotected header nor several signatures.
    if (name === 'header') ambiguities.push({ kind: 'unprotected-header', where: at(name) })
    else if (name === 'signatures') ambiguities.push({ kind: 'general-serialization', where: at(name) })
    else if (name !== 'protected' && name !== 'payload' && name !== 'signature') {
      ambiguities.push({ kind: 'not-a-flattened-jws', where: place(where || 'body', name) })
    }
  }
  const protectedBytes = part(members, 'protected', at, ambiguities)
  const payloadBytes = part(members, 'payload', at, ambiguities)
  const signatureBytes = part(members, 'signature', at, ambiguities)
  if (!protectedBytes || !payloadBytes || !signatureBytes) return null
  if (signatureBytes.length === 0) ambiguities.push({ kind: 'not-a-flattened-jws', where: at('signature') })
  const header = readProtected(protectedBytes, at('protected'), ambiguities)
  const payload = readPayload(payloadBytes, at('payload'), ambiguities, outer)
  return { protectedBytes, payloadBytes, signatureBytes, header, payload }
}

function part(
  members: Members,
  name: 'protected' | 'payload' | 'signature',
  at: (member: string) => string,
  ambiguities: Ambiguity[],
): Buffer | null {
  const text = members[name]
  if (typeof text !== 'string') {
    ambiguities.push({ kind: 'not-a-flattened-jws', where: at(name) })
    return null
  }
  const bytes = decodeBase64url(text)
  if (!bytes) ambiguities.push({ kind: 'not-base64url', where: at(name) })
  return bytes
}

const NO_HEADER: ProtectedHeader = {
  alg: undefined,
  nonce: undefined,
  url: undefined,
  kid: undefined,
  jwk: undefined,
}

function readProtected(bytes: Buffer, where: string, ambiguities: Ambiguity[]): ProtectedHeader {
  const reading = readStrictJson(bytes, where)
  ambiguities.push(...reading.ambiguities)
  if (reading.value === undefined) return NO_HEADER
  const members = asObject(reading.value)
  if (!members) {
    ambiguities.push({ kind: 'not-an-object', where })
    return NO_HEADER
  }
  // RFC 7515 §4.1.11, RFC 7797, RFC 7516 §4.1.3: readers that ignore them read something else.
  for (const name of ['crit', 'b64', 'zip']) {
    if (name in members) ambiguities.push({ kind: 'critical-header', where: place(where, name) })
  }
  if ('jwk' in members && 'kid' in members) ambiguities.push({ kind: 'both-jwk-and-kid', where })
  return {
    alg: text(members, 'alg', where, ambiguities),
    nonce: text(members, 'nonce', where, ambiguities),
    url: text(members, 'url', where, ambiguities),
    kid: text(members, 'kid', where, ambiguities),
    jwk: 'jwk' in members ? readJwk(members.jwk, place(where, 'jwk'), ambiguities) : undefined,
  }
}

/** A string member; one of another type, null too, counts as absent and is ambiguous. */
function text(members: Members, name: string, where: string, ambiguities: Ambiguity[]): string | undefined {
  const value = members[name]
  if (typeof value === 'string') return value
  if (name in members) ambiguities.push({ kind: 'wrong-type', where: place(where, name) })
  return undefined
}

/** The numbers of a key are strict base64url: two readers of one text must see one key. */
function readJwk(value: unknown, where: string, ambiguities: Ambiguity[]): Jwk | undefined {
  const members = asObject(value)
  const kty = members ? text(members, 'kty', where, ambiguities) : undefined
  if (!members || kty === undefined) {
    if (!members || !('kty' in members)) ambiguities.push({ kind: 'wrong-type', where })
    return undefined
  }
  const jwk: { -readonly [K in keyof Jwk]: Jwk[K] } = { kty }
  for (const name of ['crv', 'alg', 'use'] as const) {
    const value = text(members, name, where, ambiguities)
    if (value !== undefined) jwk[name] = value
  }
  for (const name of ['x', 'y', 'n', 'e'] as const) {
    const value = text(members, name, where, ambiguities)
    if (value === undefined) continue
    if (!isBase64url(value)) ambiguities.push({ kind: 'not-base64url', where: place(where, name) })
    jwk[name] = value
  }
  const operations = members.key_ops
  if (Array.isArray(operations)) jwk.key_ops = operations.filter((operation) => typeof operation === 'string')
  return jwk
}

function readPayload(bytes: Buffer, where: string, ambiguities: Ambiguity[], outer: boolean): unknown {
  if (bytes.length === 0) return undefined
  const reading = readStrictJson(bytes, where)
  ambiguities.push(...reading.ambiguities)
  if (reading.value === undefined) return undefined
  const members = asObject(reading.value)
  if (!members) ambiguities.push({ kind: 'not-an-object', where })
  else checkPayload(members, where, ambiguities, outer)
  return reading.value
}

function checkPayload(members: Members, where: string, ambiguities: Ambiguity[], outer: boolean): void {
  for (const name of ['csr', 'certificate']) {
    const value = members[name]
    if (typeof value !== 'string' || isBase64url(value)) continue
    // In an order object `certificate` is a URL (RFC 8555 §7.1.3). No reader decodes one to a certificate: its
    // first letters never give a DER sequence.
    if (name === 'certificate' && /^https?:\/\//.test(value)) continue
    ambiguities.push({ kind: 'not-base64url', where: place(where, name) })
  }
  checkIdentifiers(members, where, ambiguities)
  if (!outer) {
    // The payload of an inner JWS is the new account's key (RFC 8555 §7.3.4) or names the old one (§7.3.5).
    if ('kty' in members) readJwk(members, where, ambiguities)
    if ('oldKey' in members) readJwk(members.oldKey, place(where, 'oldKey'), ambiguities)
    return
  }
  if (looksLikeJws(members)) readFlattened(members, where, ambiguities, false)
  const binding = members.externalAccountBinding
  if (binding !== undefined && binding !== null) {
    readFlattened(binding, place(where, 'externalAccountBinding'), ambiguities, false)
  }
}

/**
 * RFC 8555 §7.1.4 wants A-labels. Pebble lower-cases a value with Unicode's rules, so that U+212A in it becomes a k;
 * others apply IDNA's mappings. Case within ASCII is no matter: names are compared without it.
 */
function checkIdentifiers(members: Members, where: string, ambiguities: Ambiguity[]): void {
  const { identifiers, identifier } = members
  if (Array.isArray(identifiers)) {
    for (let index = 0; index < identifiers.length; index++) {
      if (isUnclear(identifiers[index])) {
        ambiguities.push({ kind: 'identifier-not-ascii', where: place(where, 'identifiers', index, 'value') })
        return
      }
    }
  }
  if (isUnclear(identifier)) {
    ambiguities.push({ kind: 'identifier-not-ascii', where: place(where, 'identifier', 'value') })
  }
}

function isUnclear(candidate: unknown): boolean {
  const identifier = asObject(candidate)
  if (!identifier || typeof identifier.value !== 'string') return false
  if (typeof identifier.type === 'string' && !/^(?:dns|ip)$/i.test(identifier.type)) return false
  return /[^\x00-\x7f]/.test(identifier.value)
}
