import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { readLeaf } from '../../../src/acme/certificate.ts'
import { makeSigningRequest } from '../../../src/engine/certificate-signing-request.ts'
import {
  type AuthorizationDocument,
  type ClientAnswer,
  type OrderDocument,
  readJson,
} from '../acme-client.ts'
import { type AccountKeyPair, makeAccountKey } from '../sign-jws.ts'
import { crossSign, issueLeaf, makeRoot, readCsr } from '../test-ca/certificates.ts'
import { startTestCa, type TestCa } from '../test-ca/test-ca.ts'
import { BrokerClient, type EabCredential, type ServedBroker, serveBroker } from './served-broker.ts'

/** Everything that has a URL or an id, of one tenant; or the like, of nobody. URLs are absolute. */
export interface TenantObjects {
  readonly account: string
  readonly order: string
  readonly authorization: string
  readonly challenge: string
  /** Where a challenge must be pending. */
  readonly pending: { readonly order: string; readonly authorization: string; readonly challenge: string }
  readonly certificate: string
  /** DER, base64url. */
  readonly der: string
  readonly ariId: string
  readonly key: AccountKeyPair
  readonly eab: string
}

export interface Tenant {
  readonly name: string
  readonly domain: string
  readonly eab: EabCredential
  /** At endpoint `fleet`: names are the operator's word. */
  readonly fleet: BrokerClient
  /** At endpoint `prove`: names are proved by challenges. */
  readonly prove: BrokerClient
  readonly objects: TenantObjects
}

export const POLICY = 'fleet'
export const CHALLENGE = 'prove'

/** Tenants at two endpoints of a real server, each with one of everything. */
export class TenantWorld {
  readonly server: ServedBroker
  readonly ca: TestCa
  readonly tenants: Tenant[] = []
  readonly #nonces: string[] = []
  readonly #elsewhere = makeRoot('Another CA')

  private constructor(server: ServedBroker, ca: TestCa) {
    this.server = server
    this.ca = ca
  }

  static async start(count: number): Promise<TenantWorld> {
    const ca = await startTestCa()
    ca.state.offers.alternate = crossSign(ca.state.root, makeRoot('Test CA Alternate Root'))
    const labels = ['team-a', 'team-b'].map((name) => ({ name, names: ['.test'], from: ['127.0.0.0/8'] }))
    const server = await serveBroker({
      ca,
      endpoints: [
        { name: POLICY, cas: ['test'], proof: 'policy', labels, eab: 'optional' },
        { name: CHALLENGE, cas: ['test'], proof: 'challenge', eab: 'optional', pre_authorization: true },
      ],
    }).catch(async (error: unknown) => {
      await ca.close()
      throw error
    })
    const world = new TenantWorld(server, ca)
    const numbers = Array.from({ length: count }, (_, number) => number)
    world.tenants.push(...(await Promise.all(numbers.map((number) => world.#tenant(number)))))
    return world
  }

  client(endpoint: string, key: AccountKeyPair = makeAccountKey()): BrokerClient {
    return new BrokerClient(this.server.transport, `${this.server.origin}/${endpoint}`, this.#nonces, key)
  }

  /** As many things that are nobody's as a tenant has. */
  nobodys({ domain }: Pick<Tenant, 'domain'>): TenantObjects {
    const { origin } = this.server
    const id = () => randomBytes(16).toString('base64url')
    const url = (endpoint: string, ...parts: string[]) => [`${origin}/${endpoint}`, ...parts].join('/')
    const authorization = id()
    const { csr } = certificateRequest([domain])
    const { spki } = readCsr(csr)
    const leaf = issueLeaf({ issuer: this.#elsewhere, names: [{ type: 'dns', value: domain }], spki })
    const der = new X509Certificate(leaf).raw
    return {
      account: url(POLICY, 'account', id()),
      order: url(POLICY, 'order', id()),
      authorization: url(POLICY, 'authorization', id()),
      challenge: url(POLICY, 'challenge', id(), id()),
      pending: {
        order: url(CHALLENGE, 'order', id()),
        authorization: url(CHALLENGE, 'authorization', authorization),
        challenge: url(CHALLENGE, 'challenge', authorization, id()),
      },
      certificate: url(POLICY, 'certificate', id()),
      der: der.toString('base64url'),
      ariId: ariIdOf(der),
      key: makeAccountKey(),
      eab: id(),
    }
  }

  async close(): Promise<void> {
    await this.server.close()
    await this.ca.close()
  }

  async #tenant(number: number): Promise<Tenant> {
    const name = `tenant${number}`
    const domain = `${name}.test`
    const eab = await this.server.eab({ label: name, names: [`.${domain}`, domain] })
    const key = makeAccountKey()
    const fleet = await this.client(POLICY, key).register(eab, { contact: [`mailto:ops@${domain}`] })
    const prove = await this.client(CHALLENGE, key).register()
    const issued = await issue(fleet, [domain])
    const ready = await fleet.order([domain])
    const { authorizations } = readJson<OrderDocument>(ready)
    const authorization = authorizations[0]!
    const pendingOrder = await prove.order([domain])
    const pendingAuthorization = readJson<OrderDocument>(pendingOrder).authorizations[0]!
    return {
      name,
      domain,
      eab,
      fleet,
      prove,
      objects: {
        account: fleet.account,
        order: ready.fields.location!,
        authorization,
        challenge: await challengeOf(fleet, authorization),
        pending: {
          order: pendingOrder.fields.location!,
          authorization: pendingAuthorization,
          challenge: await challengeOf(prove, pendingAuthorization),
        },
        certificate: issued.url,
        der: issued.der.toString('base64url'),
        ariId: ariIdOf(issued.der),
        key,
        eab: eab.kid,
      },
    }
  }
}

async function challengeOf(client: BrokerClient, authorization: string): Promise<string> {
  const found = readJson<AuthorizationDocument>(await client.post(authorization))
  return found.challenges[0]!.url
}

export function certificateRequest(names: readonly string[]) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const csr = makeSigningRequest(
    privateKey,
    names.map((value) => ({ type: 'dns' as const, value })),
  )
  return { csr, isFor: (pem: string) => new X509Certificate(pem).checkPrivateKey(privateKey) }
}

/** newOrder, finalize, certificate; its authorizations must be valid. Throws where one of them is refused. */
export async function issue(client: BrokerClient, names: readonly string[]) {
  const ordered = succeeded(await client.order(names))
  const order = ordered.fields.location!
  const { csr, isFor } = certificateRequest(names)
  succeeded(await client.post(readJson<OrderDocument>(ordered).finalize, { csr: csr.toString('base64url') }))
  const url = readJson<OrderDocument>(succeeded(await client.settled(order))).certificate
  if (url === undefined) throw new Error(`${order} came to nothing`)
  const pem = succeeded(await client.post(url)).body.toString()
  if (!isFor(pem)) throw new Error(`${url} is for another key`)
  return { order, url, pem, der: new X509Certificate(pem).raw }
}

export function succeeded(answer: ClientAnswer): ClientAnswer {
  if (answer.status >= 200 && answer.status <= 299) return answer
  throw new Error(`${answer.method} ${answer.url}: ${answer.status} ${answer.body}`)
}

function ariIdOf(der: Buffer): string {
  return readLeaf(der)!.ariId!
}
