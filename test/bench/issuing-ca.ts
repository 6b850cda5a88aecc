/**
 * The CA of the benchmark's issuances, within stub-ca-process.ts: real certificates, but no signature of a request is
 * verified and no name is looked at. A name is pending until its challenge is answered; an order is `processing` when it
 * is finalized, and valid when it is looked at next, as Boulder's are.
 */
import type { Identifier } from '../../src/acme/identifier.ts'
import { issueLeaf, makeRoot, readCsr } from '../support/test-ca/certificates.ts'

export interface IssuingAnswer {
  readonly status: number
  readonly body: string
  readonly fields?: string
  readonly type?: string
}

interface Order {
  readonly identifiers: readonly Identifier[]
  proved: boolean
  certificate: string | null
  shownProcessing: boolean
}

/** Orders that are remembered: more than are open at a time. */
const MOST_ORDERS = 20_000

export class IssuingCa {
  readonly #issuer = makeRoot('Benchmark Issuer')
  readonly #orders = new Map<string, Order>()
  #next = 0

  /** `place`: URL that its paths begin with. `path`: what is behind. */
  answerTo(place: string, path: string, body: string): IssuingAnswer {
    const [kind = '', id = ''] = path.split('/')
    if (kind === 'directory') return { status: 200, body: directory(place) }
    if (kind === 'new-nonce') return { status: 204, body: '' }
    const found = this.#orders.get(id)
    switch (kind) {
      case 'new-account':
        return {
          status: 200,
          body: '{"status":"valid"}',
          fields: `Location: ${place}/account/${++this.#next}\r\n`,
        }
      case 'new-order': {
        const made = (++this.#next).toString().padStart(12, '0')
        const { identifiers } = payloadOf(body) as { identifiers: Identifier[] }
        const order = { identifiers, proved: false, certificate: null, shownProcessing: false }
        this.#orders.set(made, order)
        const [oldest] = this.#orders.keys()
        if (this.#orders.size > MOST_ORDERS && oldest !== undefined) this.#orders.delete(oldest)
        return {
          status: 201,
          body: shown(place, made, order),
          fields: `Location: ${place}/order/${made}\r\n`,
        }
      }
      case 'authz':
        if (found) return { status: 200, body: authorization(place, id, found) }
        break
      case 'challenge':
        if (!found) break
        found.proved = true
        return {
          status: 200,
          body: challenge(place, id, 'processing'),
          fields: `Link: <${place}/authz/${id}>;rel="up"\r\n`,
        }
      case 'finalize': {
        if (!found) break
        const { csr } = payloadOf(body) as { csr: string }
        const { spki } = readCsr(Buffer.from(csr, 'base64url'))
        found.certificate = issueLeaf({ spki, issuer: this.#issuer, names: found.identifiers })
        return { status: 200, body: shown(place, id, found), fields: `Location: ${place}/order/${id}\r\n` }
      }
      case 'order':
        if (found) return { status: 200, body: shown(place, id, found) }
        break
      case 'certificate':
        if (!found?.certificate) break
        return {
          status: 200,
          body: found.certificate + this.#issuer.pem,
          type: 'application/pem-certificate-chain',
        }
    }
    return {
      status: 404,
      body: '{"type":"urn:ietf:params:acme:error:malformed","detail":"not here","status":404}',
      type: 'application/problem+json',
    }
  }
}

function payloadOf(body: string): unknown {
  const { payload } = JSON.parse(body) as { payload: string }
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}

function directory(place: string): string {
  return JSON.stringify({
    newNonce: `${place}/new-nonce`,
    newAccount: `${place}/new-account`,
    newOrder: `${place}/new-order`,
    revokeCert: `${place}/revoke-cert`,
    keyChange: `${place}/key-change`,
  })
}

function shown(place: string, id: string, order: Order): string {
  const { identifiers, proved, certificate, shownProcessing } = order
  if (certificate) order.shownProcessing = true
  const ended = certificate !== null && shownProcessing
  return JSON.stringify({
    status: ended ? 'valid' : certificate ? 'processing' : proved ? 'ready' : 'pending',
    expires: '2099-01-01T00:00:00Z',
    identifiers,
    authorizations: [`${place}/authz/${id}`],
    finalize: `${place}/finalize/${id}`,
    ...(ended ? { certificate: `${place}/certificate/${id}` } : {}),
  })
}

function authorization(place: string, id: string, { identifiers, proved }: Order): string {
  const status = proved ? 'valid' : 'pending'
  const [identifier] = identifiers
  return `{"status":"${status}","expires":"2099-01-01T00:00:00Z","identifier":${JSON.stringify(identifier)},"challenges":[${challenge(place, id, status)}]}`
}

function challenge(place: string, id: string, status: string): string {
  return `{"type":"http-01","status":"${status}","url":"${place}/challenge/${id}","token":"c3R1Yi10b2tlbi1mb3ItdGhlLWJlbmNo${id}"}`
}
