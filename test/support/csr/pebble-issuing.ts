import { hash, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Identifier } from '../../../src/acme/identifier.ts'
import {
  type AuthorizationDocument,
  httpsTransport,
  type OrderDocument,
  readJson,
  TestAcmeClient,
  UnexpectedAnswer,
} from '../acme-client.ts'
import type { RawPebble } from '../pebble-for-ambiguity.ts'

/** What Pebble made of a CSR: the certificate's names (`dns:…`, `ip:…`, sorted) and key; null where it refused. */
export interface Issued {
  readonly names: readonly string[]
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly spki: string
}

/** A client of a Pebble that takes valid authorizations again, so that a refused CSR costs one request. */
export class PebbleIssuing {
  readonly #client: TestAcmeClient
  /** By the order's names: ready to be finalized. */
  readonly #ready = new Map<string, { readonly url: string; readonly finalize: string }>()

  private constructor(client: TestAcmeClient) {
    this.#client = client
  }

  static async open(pebble: RawPebble): Promise<PebbleIssuing> {
    const client = new TestAcmeClient(httpsTransport(pebble.trust))
    await client.discover(`https://${pebble.authority}/dir`)
    await client.newAccount()
    return new PebbleIssuing(client)
  }

  close(): void {
    this.#client.transport.close()
  }

  async finalize(identifiers: readonly Identifier[], csr: Buffer): Promise<Issued | null> {
    const key = JSON.stringify(identifiers)
    const order = this.#ready.get(key) ?? (await this.#order(identifiers))
    this.#ready.set(key, order)
    try {
      await this.#client.post(order.finalize, { csr: csr.toString('base64url') })
    } catch (error) {
      if (error instanceof UnexpectedAnswer) return null
      throw error
    }
    this.#ready.delete(key)
    const finished = await this.#until(order.url, 'valid', 100)
    if (finished === null) return null
    const chain = await this.#client.post(finished.certificate!)
    const certificate = new X509Certificate(chain.body)
    return {
      names: (certificate.subjectAltName ?? '').split(', ').filter(Boolean).map(named).sort(),
      spki: hash('sha256', certificate.publicKey.export({ type: 'spki', format: 'der' })),
    }
  }

  async #order(identifiers: readonly Identifier[]) {
    const ordered = await this.#client.post(this.#client.directory!.newOrder, { identifiers })
    for (const url of readJson<OrderDocument>(ordered).authorizations) {
      const authorization = readJson<AuthorizationDocument>(await this.#client.post(url))
      if (authorization.status === 'valid') continue
      await this.#client.post(authorization.challenges[0]!.url, {})
    }
    const url = ordered.fields.location!
    const ready = await this.#until(url, 'ready', 600)
    if (ready === null) throw new Error(`the order ${url} never became ready`)
    return { url, finalize: ready.finalize }
  }

  /** Null where it does not come to that: Pebble never finishes an order whose certificate it can't make. */
  async #until(url: string, status: string, attempts: number): Promise<OrderDocument | null> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const order = readJson<OrderDocument>(await this.#client.post(url))
      if (order.status === status) return order
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return null
  }
}

function named(text: string): string {
  const [, kind, value = ''] = /^(DNS|IP Address):(.*)$/s.exec(text) ?? []
  if (kind === 'DNS') return `dns:${value.toLowerCase()}`
  if (kind !== 'IP Address') return `other:${text}`
  return `ip:${isIP(value) === 6 ? URL.parse(`http://[${value}]`)!.hostname.slice(1, -1) : value}`
}
