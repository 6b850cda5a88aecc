import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EabKeyRequest } from '../../../src/api/broker-operations.ts'
import { controlSocketPath } from '../../../src/api/control-socket.ts'
import type { Operations } from '../../../src/api/operations.ts'
import type { Actor } from '../../../src/audit/event.ts'
import { connectControl } from '../../../src/cli/control-client.ts'
import { type ClientAnswer, httpsTransport, readJson, type Transport } from '../acme-client.ts'
import { type Acmetap, startAcmetap } from '../acmetap-process.ts'
import { type AccountKeyPair, makeAccountKey, signJws } from '../sign-jws.ts'
import { bindingOf } from './operations-world.ts'

export interface ServedBrokerOptions {
  /** Directory URL and PEM root of the CA that the configuration calls `test`. */
  readonly ca: { readonly directory: string; readonly trust: string }
  /** Under `broker`. */
  readonly endpoints: readonly Readonly<Record<string, unknown>>[]
  /** Where http-01 answers for the CA go; without it, some folder. */
  readonly webroot?: string
  /** Further CAs: name, and what is under it. */
  readonly cas?: Readonly<Record<string, unknown>>
  readonly sections?: Readonly<Record<string, unknown>>
  /** Connections that clients share; 16. */
  readonly sockets?: number
}

/** acmetap as an ACME server: a process of its own, behind its real listener. */
export interface ServedBroker {
  readonly folder: string
  readonly acmetap: Acmetap
  readonly operations: Operations
  readonly transport: Transport
  readonly origin: string
  eab(request: Partial<EabKeyRequest> & { readonly label: string }): Promise<EabCredential>
  close(): Promise<void>
}

export interface EabCredential {
  readonly kid: string
  readonly mac: string
}

const ACTOR: Actor = { kind: 'local', token: null, name: null }

export async function serveBroker(options: ServedBrokerOptions): Promise<ServedBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-broker-'))
  const webroot = options.webroot ?? join(folder, 'web')
  await mkdir(webroot, { recursive: true })
  const names = ['test', ...Object.keys(options.cas ?? {})]
  const trustFile = join(folder, 'ca-root.pem')
  const acmetap = await startAcmetap({
    folder,
    ...options.ca,
    sections: {
      // No relay: an endpoint is never served under a relay's Host.
      relay: [],
      cas: {
        test: { directory: options.ca.directory, trust: trustFile },
        ...Object.fromEntries(
          Object.entries(options.cas ?? {}).map(([name, ca]) => [
            name,
            { trust: trustFile, ...(ca as object) },
          ]),
        ),
      },
      broker: options.endpoints,
      engine: {
        accounts: names.map((ca) => ({ ca, agree_terms: true })),
        solvers: [{ name: 'web', webroot: { folder: webroot } }],
        preflight: false,
      },
      ...options.sections,
    },
  })
  const operations = await connectControl(controlSocketPath(acmetap.dataFolder))
  if (operations === null) throw new Error('acmetap has no control socket')
  const transport = httpsTransport(acmetap.trust, { sockets: options.sockets ?? 16 })
  return {
    folder,
    acmetap,
    operations,
    transport,
    origin: `https://${acmetap.authority}`,
    async eab(request) {
      const { key, mac } = await operations.broker.createEabKey(
        { names: [], ...request, ...(request.names === undefined ? { anyName: true } : {}) },
        ACTOR,
      )
      return { kid: key.id, mac }
    },
    async close() {
      transport.close()
      await acmetap.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What of a request is not as a well-behaved client has it. */
export interface Odd {
  readonly key?: AccountKeyPair
  /** Instead of the account; null: signed by `jwk`. */
  readonly kid?: string | null
  readonly nonce?: string
}

/** A client of one endpoint that shows every answer as it came. Nonces are nobody's in particular: all share them. */
export class BrokerClient {
  readonly base: string
  readonly key: AccountKeyPair
  readonly #transport: Transport
  readonly #nonces: string[]
  account = ''

  /** `base`: of an endpoint, with the label if there is one, without a slash at the end. */
  constructor(transport: Transport, base: string, nonces: string[] = [], key = makeAccountKey()) {
    this.#transport = transport
    this.base = base
    this.#nonces = nonces
    this.key = key
  }

  /** Another client of the same endpoint. */
  anew(key: AccountKeyPair): BrokerClient {
    return new BrokerClient(this.#transport, this.base, this.#nonces, key)
  }

  async get(url: string, method = 'GET'): Promise<ClientAnswer> {
    return this.#send(method, url)
  }

  /** `payload` undefined: POST-as-GET. */
  async post(url: string, payload?: unknown, odd: Odd = {}): Promise<ClientAnswer> {
    return this.#send('POST', url, await this.signed(url, payload, odd))
  }

  async signed(url: string, payload?: unknown, { key = this.key, kid = this.account, nonce }: Odd = {}) {
    const by = kid === null ? { jwk: key.jwk } : { kid }
    return signJws(key, { ...by, nonce: nonce ?? (await this.nonce()), url }, payload)
  }

  async nonce(): Promise<string> {
    const kept = this.#nonces.pop()
    if (kept !== undefined) return kept
    const { fields } = await this.#transport.send('HEAD', `${this.base}/new-nonce`)
    return fields['replay-nonce']!
  }

  /** Throws where there comes no account of it. */
  async register(
    eab: EabCredential | null = null,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<this> {
    const answer = await this.newAccount(eab, more)
    if (answer.status !== 201) throw new Error(`newAccount: ${answer.status} ${answer.body}`)
    this.account = answer.fields.location!
    return this
  }

  newAccount(eab: EabCredential | null, more: Readonly<Record<string, unknown>> = {}): Promise<ClientAnswer> {
    const url = `${this.base}/new-account`
    const binding = eab && this.binding(eab.kid, Buffer.from(eab.mac, 'base64url'))
    return this.post(
      url,
      { termsOfServiceAgreed: true, ...(binding ? { externalAccountBinding: binding } : {}), ...more },
      { kid: null },
    )
  }

  binding(kid: string, mac: Buffer, alg = 'HS256') {
    return bindingOf({ kid, mac, url: `${this.base}/new-account`, payload: this.key.jwk, alg })
  }

  order(names: readonly string[], more: Readonly<Record<string, unknown>> = {}): Promise<ClientAnswer> {
    const identifiers = names.map((value) => ({ type: 'dns', value }))
    return this.post(`${this.base}/new-order`, { identifiers, ...more })
  }

  /** The order as it stands once it is neither `processing` nor, where `until` says so, anything else. */
  async settled(url: string, until: readonly string[] = ['valid', 'invalid']): Promise<ClientAnswer> {
    for (let attempt = 0; attempt < 600; attempt++) {
      const answer = await this.post(url)
      if (answer.status !== 200 || until.includes(readJson<{ status: string }>(answer).status)) return answer
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`${url} does not become ${until.join(' or ')}`)
  }

  async #send(method: string, url: string, body?: Buffer): Promise<ClientAnswer> {
    const answer = await this.#transport.send(method, url, body)
    const nonce = answer.fields['replay-nonce']
    if (nonce !== undefined) this.#nonces.push(nonce)
    return answer
  }
}
