import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { asObject } from '../../acme/json.ts'
import type { Jwk } from '../../acme/jwk.ts'
import type { Jws, JwsReading } from '../../acme/jws.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import { thumbprintOf } from '../../acme/thumbprint.ts'
import type { Sealed, Sealing } from '../../engine/sealing.ts'
import type { BrokerStore } from '../broker-store.ts'
import type { Endpoint } from '../endpoint.ts'
import type { EabKey } from '../objects.ts'

const DIGESTS: Readonly<Record<string, string>> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }
const LONGEST_KEY_ID = 256

export interface BindingRequest {
  readonly endpoint: Endpoint
  /** Of newAccount, as the client signed it. */
  readonly url: string
  /** RFC 7638, of the key that signed the request. */
  readonly thumbprint: string
  /** µs since 1970. */
  readonly at: number
}

/**
 * RFC 8555 §7.3.4. What is wrong with the request itself is said; what is wrong with the EAB key is not: who guesses learns
 * neither from words nor from time whether there is a key of that id.
 */
export class EabBindings {
  readonly #store: Pick<BrokerStore, 'eabKey'>
  readonly #sealing: Sealing
  /** Stands where there is no key, so that there is as much to do. */
  readonly #nobody: Sealed

  constructor(store: Pick<BrokerStore, 'eabKey'>, sealing: Sealing) {
    this.#store = store
    this.#sealing = sealing
    this.#nobody = sealing.seal(randomBytes(32).toString('base64url'), placeOf(''))
  }

  /** The key that it was made with, good here and now. Rejects with AcmeProblem. */
  async verify({ jws, ambiguities }: JwsReading, request: BindingRequest): Promise<EabKey> {
    if (jws === null || ambiguities.length > 0) throw malformed('it is no flattened JWS that can be read')
    const { kid, digest } = checkForm(jws, request)
    const found = await this.#store.eabKey(kid)
    const mac = this.#sealing.open(found?.mac ?? this.#nobody, placeOf(found?.id ?? ''))
    const isRight = isMacOf(jws, digest, Buffer.from(mac, 'base64url'))
    const isGood = found !== null && isGoodFor(found, request.endpoint.name, request.at)
    const mayMore = found !== null && (found.uses === null || found.used < found.uses)
    if (found === null || !isRight || !isGood || !mayMore) throw notAccepted()
    return found
  }
}

/** One answer, whatever was wrong with the key. */
export function notAccepted(): AcmeProblem {
  return new AcmeProblem(
    'unauthorized',
    'the external account binding is not accepted: its key is unknown here, no longer good, used up, or did not make this MAC; ask the operator of this server',
  )
}

/** Neither revoked nor ended, and of this endpoint. */
export function isGoodFor(
  { revokedAt, expiresAt, endpoints }: EabKey,
  endpoint: string,
  at: number,
): boolean {
  if (revokedAt !== null || (expiresAt !== null && expiresAt <= at)) return false
  return endpoints.length === 0 || endpoints.includes(endpoint)
}

function checkForm({ header, payload }: Jws, { url, thumbprint }: BindingRequest) {
  const digest = header.alg !== undefined && Object.hasOwn(DIGESTS, header.alg) ? DIGESTS[header.alg] : null
  if (digest == null) throw malformed('its alg must be HS256, HS384 or HS512')
  if (header.nonce !== undefined) throw malformed('it must have no nonce')
  if (header.jwk !== undefined) throw malformed('it must have a kid and no jwk')
  if (header.url !== url) throw malformed(`its url must be that of the request, ${url}`)
  const { kid } = header
  if (kid === undefined || kid === '' || kid.length > LONGEST_KEY_ID) throw malformed('it has no kid')
  const key = asObject(payload)
  if (key === null || typeof key.kty !== 'string' || thumbprintOf(key as unknown as Jwk) !== thumbprint)
    throw malformed('its payload must be the key that the request is signed with')
  return { kid, digest }
}

/** Takes as long whatever the MAC is. */
function isMacOf(
  { protectedBytes, payloadBytes, signatureBytes }: Jws,
  digest: string,
  key: Buffer,
): boolean {
  const input = `${protectedBytes.toString('base64url')}.${payloadBytes.toString('base64url')}`
  const mac = createHmac(digest, key).update(input, 'latin1').digest()
  const given = Buffer.alloc(mac.length)
  signatureBytes.copy(given)
  return timingSafeEqual(mac, given) && signatureBytes.length === mac.length
}

function placeOf(id: string) {
  return { table: 'eab', id, column: 'key' } as const
}

function malformed(what: string): AcmeProblem {
  return new AcmeProblem('malformed', `the external account binding can't be read: ${what} (RFC 8555 §7.3.4)`)
}
