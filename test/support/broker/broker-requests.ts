/** Requests to endpoints `fleet`, its twin and `second`, and what a verifier is to make of each: see broker-negatives.ts. */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import type { Jwk } from '../../../src/acme/jwk.ts'
import type { Endpoint } from '../../../src/broker/endpoint.ts'
import { MemoryNonces } from '../../../src/broker/memory-nonces.ts'
import type { BrokerAccount } from '../../../src/broker/objects.ts'
import { OrdersOfAuthorizations } from '../../../src/broker/orders-of-authorizations.ts'
import { targetOf } from '../../../src/broker/url-map.ts'
import type { VerifyParts, verifyRequest } from '../../../src/broker/verify-request.ts'
import type { FieldList, ObservedRequest } from '../../../src/exchange/exchange.ts'
import { classified, received } from '../exchanges.ts'
import {
  brokerAccount,
  brokerAuthorization,
  brokerCertificate,
  brokerId,
  brokerOrder,
} from './broker-values.ts'
import { MemoryBrokerStore } from './memory-broker-store.ts'

export const ORIGIN = 'https://acme.example.net'

export function endpoint(changes: Partial<Endpoint> = {}): Endpoint {
  return {
    name: 'fleet',
    path: '/fleet',
    origin: ORIGIN,
    staging: false,
    cas: ['pebble'],
    routes: [],
    proof: 'both',
    eab: 'optional',
    labels: [
      { name: 'team-a', names: ['.a.example'], from: ['192.0.2.0/24'] },
      { name: 'team-b', names: ['.b.example'], from: ['192.0.2.0/24'] },
    ],
    profiles: [],
    accounts: 'shared',
    terms: null,
    website: null,
    caaIdentities: [],
    challenges: {
      types: ['http-01'],
      httpPort: 80,
      tlsPort: 443,
      resolvers: [],
      from: [],
      internal: [],
      caa: false,
    },
    authorizationLifetime: 1000,
    orderLifetime: 1000,
    preAuthorization: true,
    ...changes,
  }
}

export const FLEET = endpoint()
export const STAGING = endpoint({ name: 'fleet-staging', path: '/fleet/staging', staging: true })
export const SECOND = endpoint({ name: 'second', path: '/second', origin: 'https://second.example:8443' })
export const ENDPOINTS = [FLEET, STAGING, SECOND]

export interface TestKey {
  readonly kind: string
  /** What its signatures are really made by. */
  readonly alg: string
  readonly privateKey: KeyObject
  readonly jwk: Jwk
}

const DIGESTS: Readonly<Record<string, string | null>> = {
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
  ES256K: 'sha256',
  RS256: 'sha256',
  EdDSA: null,
}

function testKey(kind: string, alg: string, privateKey: KeyObject): TestKey {
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' }) as unknown as Jwk
  return { kind, alg, privateKey, jwk }
}

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey

export const P256 = testKey('P-256', 'ES256', ec('P-256'))
export const KEYS: readonly TestKey[] = [
  P256,
  testKey('P-384', 'ES384', ec('P-384')),
  testKey('P-521', 'ES512', ec('P-521')),
  testKey('Ed25519', 'EdDSA', generateKeyPairSync('ed25519').privateKey),
  testKey('RSA', 'RS256', rsa(2048)),
]
/** Right signatures by keys that are not taken. */
export const ODD_KEYS: readonly TestKey[] = [
  testKey('secp256k1', 'ES256K', ec('secp256k1')),
  testKey('RSA 1024', 'RS256', rsa(1024)),
]
export const STRANGER = testKey('P-256', 'ES256', ec('P-256'))

export function signatureOf(key: TestKey, input: string): Buffer {
  const options = key.alg.startsWith('ES') ? { dsaEncoding: 'ieee-p1363' as const } : {}
  return signBytes(DIGESTS[key.alg]!, Buffer.from(input), { key: key.privateKey, ...options })
}

/** RFC 7638, by hand. */
export function thumbprint({ kty, crv, x, y, n, e }: Jwk): string {
  const members = kty === 'EC' ? { crv, kty, x, y } : kty === 'RSA' ? { e, kty, n } : { crv, kty, x }
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

export const encode = (text: string) => Buffer.from(text).toString('base64url')

export interface Parts {
  readonly protected: string
  readonly payload: string
  readonly signature: string
}

/** Of the exact texts of header and payload. */
export function jwsOf(key: TestKey, header: string, payload: string): Parts {
  const input = `${encode(header)}.${encode(payload)}`
  return {
    protected: encode(header),
    payload: encode(payload),
    signature: signatureOf(key, input).toString('base64url'),
  }
}

/** Whose objects are there. */
export class BrokerWorld {
  readonly store = new MemoryBrokerStore()
  readonly nonces = new MemoryNonces()
  readonly accounts = new Map<string, BrokerAccount>()
  readonly order = brokerOrder()
  readonly authorization = brokerAuthorization()
  readonly certificate = brokerCertificate()
  readonly foreign = {
    order: brokerOrder(),
    authorization: brokerAuthorization(),
    certificate: brokerCertificate(),
  }
  readonly parts: VerifyParts = {
    store: this.store,
    nonces: this.nonces,
    ordersOf: new OrdersOfAuthorizations(this.store),
  }

  async fill(): Promise<this> {
    for (const key of KEYS) await this.#account(key.kind, { jwk: key.jwk, thumbprint: thumbprint(key.jwk) })
    for (const status of ['deactivated', 'revoked'] as const) {
      await this.#account(status, { jwk: P256.jwk, status })
    }
    await this.#account('team-a', { jwk: P256.jwk, label: 'team-a' })
    await this.#account('stranger', { jwk: STRANGER.jwk })
    await this.#account('staging', { jwk: P256.jwk, endpoint: 'fleet-staging' })
    await this.#account('second', { jwk: P256.jwk, endpoint: 'second' })
    const mine = { account: this.account('P-256').id }
    await this.#objects(this, mine)
    await this.#objects(this.foreign, { account: this.account('stranger').id })
    return this
  }

  account(name: string): BrokerAccount {
    return this.accounts.get(name)!
  }

  kid(name: string): string {
    const { id, endpoint: at } = this.account(name)
    const { origin, path } = ENDPOINTS.find((one) => one.name === at)!
    return `${origin}${path}/account/${id}`
  }

  /** Target of each operation, for account `P-256`. */
  targets(): Readonly<Record<string, string>> {
    const { order, authorization, certificate } = this
    return {
      directory: '/fleet/directory',
      newNonce: '/fleet/new-nonce',
      newAccount: '/fleet/new-account',
      newOrder: '/fleet/new-order',
      newAuthz: '/fleet/new-authz',
      revokeCert: '/fleet/revoke-cert',
      keyChange: '/fleet/key-change',
      account: `/fleet/account/${this.account('P-256').id}`,
      orders: `/fleet/account/${this.account('P-256').id}/orders`,
      order: `/fleet/order/${order.id}`,
      finalize: `/fleet/order/${order.id}/finalize`,
      authorization: `/fleet/authorization/${authorization.id}`,
      challenge: `/fleet/challenge/${authorization.id}/${authorization.challenges[0]!.id}`,
      certificate: `/fleet/certificate/${certificate.id}`,
    }
  }

  async #account(name: string, changes: Partial<BrokerAccount>): Promise<void> {
    const account = brokerAccount(changes)
    this.accounts.set(name, account)
    await this.store.addAccount(account)
  }

  async #objects(
    { order, authorization, certificate }: Pick<BrokerWorld, 'order' | 'authorization' | 'certificate'>,
    owner: { readonly account: string },
  ): Promise<void> {
    const ready = { ...order, ...owner, status: 'ready' as const, authorizations: [authorization.id] }
    await this.store.addOrder(ready, [{ ...authorization, ...owner }])
    const finished = brokerOrder({ ...owner, status: 'processing' })
    await this.store.addOrder(finished, [])
    const issued = { ...certificate, ...owner, order: finished.id }
    await this.store.addCertificate(issued, { ...finished, status: 'valid', certificate: issued.id })
  }
}

/** A request with what is to become of it: `ok`, or problem type and status. */
export interface Case {
  readonly name: string
  readonly expected: string
  make(world: BrokerWorld): Sent
}

export interface Sent {
  readonly target: string
  readonly method?: string
  readonly body: string | Buffer
  readonly fields?: FieldList
  readonly truncated?: boolean
  readonly ambiguities?: ObservedRequest['ambiguities']
}

export const JOSE: FieldList = [['Content-Type', 'application/jose+json']]

/** The verdict of a verifier. */
export async function verdictOf(
  world: BrokerWorld,
  sent: Sent,
  verify: typeof verifyRequest,
): Promise<{ readonly verdict: string; readonly result: Awaited<ReturnType<typeof verifyRequest>> }> {
  const { target, method = 'POST', body, fields = JOSE, truncated = false, ambiguities = [] } = sent
  const authority = target.startsWith('/second') ? 'second.example:8443' : 'acme.example.net'
  const found = targetOf(ENDPOINTS, authority, target)
  if (found === 'elsewhere') throw new Error('a request of the table goes to no endpoint')
  const exchange = received({
    method,
    target,
    authority,
    fields,
    body: Buffer.from(body as string),
    truncated,
    ambiguities,
  })
  const destination = { ca: found?.endpoint.name ?? 'fleet', authority }
  const result = await verify(
    classified(found?.operation ?? 'unrecognised', { ...exchange, mode: 'broker', destination, ambiguities }),
    found,
    world.parts,
  )
  const { refusal } = result.exchange
  if (refusal === undefined) return { verdict: 'ok', result }
  return { verdict: `${refusal.problem}${refusal.status === undefined ? '' : ` ${refusal.status}`}`, result }
}

export { brokerId }
