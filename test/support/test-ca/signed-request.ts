import { createPublicKey, type JsonWebKey, type KeyObject, randomBytes, verify } from 'node:crypto'
import type { Jwk } from '../../../src/acme/jwk.ts'
import { thumbprintOf } from '../sign-jws.ts'
import { Refusal } from './answer.ts'

/** A flattened JWS as the CA reads it (RFC 8555 §6.2). */
export interface SignedRequest {
  readonly header: Readonly<Record<string, unknown>>
  readonly key: KeyObject
  readonly jwk: Jwk
  readonly thumbprint: string
  readonly kid: string | null
  /** Null for POST-as-GET. */
  readonly payload: Readonly<Record<string, unknown>> | null
}

interface Envelope {
  readonly protected: string
  readonly payload: string
  readonly signature: string
}

const DIGEST: Readonly<Record<string, string | null>> = {
  EdDSA: null,
  ES256: 'sha256',
  RS256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
}

/** Nonces the CA gave out (RFC 8555 §6.5). `ignore` takes any, so that requests can be signed beforehand. */
export class Nonces {
  readonly mode: 'strict' | 'ignore'
  readonly #open = new Set<string>()

  constructor(mode: 'strict' | 'ignore') {
    this.mode = mode
  }

  issue(): string {
    const nonce = randomBytes(16).toString('base64url')
    if (this.mode === 'strict') this.#open.add(nonce)
    return nonce
  }

  redeem(nonce: unknown): void {
    if (this.mode === 'ignore') return
    if (typeof nonce !== 'string') throw new Refusal('badNonce', 'JWS has no anti-replay nonce')
    if (!this.#open.delete(nonce))
      throw new Refusal('badNonce', `JWS has an invalid anti-replay nonce: ${nonce}`)
  }
}

/** The protected header, for the log; null where the body is no JWS. Never throws. */
export function peekHeader(body: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    return object(JSON.parse(Buffer.from(envelope(body).protected, 'base64url').toString()))
  } catch {
    return null
  }
}

/**
 * Verifies signature and url. `keyOf` finds an account's key by its `kid`.
 * Nonces are the caller's: an inner JWS (RFC 8555 §7.3.5) has none.
 * @throws Refusal
 */
export function readSignedRequest(body: Buffer, url: string, keyOf: (kid: string) => Jwk): SignedRequest {
  const jws = envelope(body)
  const header = object(parse(Buffer.from(jws.protected, 'base64url')))
  if (header.url !== url) throw new Refusal('unauthorized', `JWS header parameter 'url' is not ${url}`)
  if ((header.jwk === undefined) === (header.kid === undefined)) {
    throw new Refusal('malformed', 'exactly one of jwk and kid must be in the protected header')
  }
  const kid = typeof header.kid === 'string' ? header.kid : null
  const jwk = kid === null ? (object(header.jwk) as unknown as Jwk) : keyOf(kid)
  const alg = String(header.alg)
  const digest = DIGEST[alg]
  if (digest === undefined) throw new Refusal('badSignatureAlgorithm', `unsupported algorithm ${alg}`)
  let key: KeyObject
  try {
    key = createPublicKey({ key: jwk as unknown as JsonWebKey, format: 'jwk' })
  } catch {
    throw new Refusal('badPublicKey', 'the JWK is no public key')
  }
  const signed = Buffer.from(`${jws.protected}.${jws.payload}`)
  const signature = Buffer.from(jws.signature, 'base64url')
  const dsaEncoding = alg.startsWith('ES') ? { dsaEncoding: 'ieee-p1363' as const } : {}
  if (!verify(digest, signed, { key, ...dsaEncoding }, signature)) {
    throw new Refusal('malformed', 'JWS verification error')
  }
  const payload = jws.payload === '' ? null : object(parse(Buffer.from(jws.payload, 'base64url')))
  return { header, key, jwk, thumbprint: thumbprintOf(jwk), kid, payload }
}

function envelope(body: Buffer): Envelope {
  const members = object(parse(body))
  if (members.signatures !== undefined) throw new Refusal('malformed', 'JWS "signatures" field not allowed')
  for (const name of ['protected', 'payload', 'signature']) {
    if (typeof members[name] !== 'string') throw new Refusal('malformed', `JWS has no ${name}`)
  }
  return members as unknown as Envelope
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    throw new Refusal('malformed', 'Parse error reading JWS')
  }
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal('malformed', 'a JSON object was expected')
  }
  return value as Record<string, unknown>
}
