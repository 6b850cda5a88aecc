/** A small ACME client for tests and loads. Not part of the product: its engine is another matter. */
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { Agent, request as httpsRequest } from 'node:https'
import type { Identifier } from '../../src/acme/identifier.ts'
import { type AccountKeyPair, makeAccountKey, signJws } from './sign-jws.ts'
import { makeCsr } from './test-ca/certificates.ts'

export interface ClientAnswer {
  readonly method: string
  readonly url: string
  readonly status: number
  /** Names in lower case; repeated fields joined by a comma. */
  readonly fields: Readonly<Record<string, string>>
  readonly body: Buffer
  /** SHA-256 (hex) of the body. */
  readonly digest: string
  /** The value of `Acmetap-Exchange`. */
  readonly exchange: string | null
  readonly ms: number
}

export interface Transport {
  send(
    method: string,
    url: string,
    body?: Buffer,
    fields?: Readonly<Record<string, string>>,
  ): Promise<ClientAnswer>
  close(): void
}

/**
 * Keep-alive HTTP/1.1 over TLS that trusts nothing but `trust` (PEM). `sockets` bounds the connections; `proxy` is what
 * HTTPS_PROXY would say.
 */
export function httpsTransport(
  trust: string,
  options: { sockets?: number; timeoutMs?: number; proxy?: string } = {},
): Transport {
  const agent = new Agent({
    keepAlive: true,
    ca: trust,
    maxSockets: options.sockets ?? 64,
    ...(options.proxy === undefined ? {} : { proxyEnv: { HTTPS_PROXY: options.proxy } }),
  })
  return {
    send(method, url, body, fields = {}) {
      const started = performance.now()
      return new Promise((resolve, reject) => {
        const request = httpsRequest(url, {
          agent,
          servername: new URL(url).hostname.replace(/^\[|\]$/g, ''),
          method,
          timeout: options.timeoutMs ?? 60_000,
          headers: {
            'User-Agent': 'acmetap-test-client/1',
            ...(body ? { 'Content-Type': 'application/jose+json', 'Content-Length': body.length } : {}),
            ...fields,
          },
        })
        request.on('timeout', () => request.destroy(new Error('no answer in time')))
        request.on('error', reject)
        request.on('response', (response) => {
          const parts: Buffer[] = []
          response.on('data', (part: Buffer) => parts.push(part))
          response.on('error', reject)
          response.on('end', () => {
            const whole = Buffer.concat(parts)
            const names = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
            const answered = Object.fromEntries(names) as Record<string, string>
            resolve({
              method,
              url,
              status: response.statusCode ?? 0,
              fields: answered,
              body: whole,
              digest: createHash('sha256').update(whole).digest('hex'),
              exchange: answered['acmetap-exchange'] ?? null,
              ms: performance.now() - started,
            })
          })
        })
        request.end(body)
      })
    },
    close: () => agent.destroy(),
  }
}

interface Directory {
  readonly newNonce: string
  readonly newAccount: string
  readonly newOrder: string
  readonly revokeCert: string
  readonly keyChange: string
  readonly renewalInfo?: string
}

export interface OrderDocument {
  readonly status: string
  readonly identifiers: readonly Identifier[]
  readonly authorizations: readonly string[]
  readonly finalize: string
  readonly certificate?: string
}

export interface AuthorizationDocument {
  readonly status: string
  readonly identifier: Identifier
  readonly challenges: readonly { readonly type: string; readonly url: string; readonly status: string }[]
}

/** A CA said no, or something that cannot be read. */
export class UnexpectedAnswer extends Error {
  readonly answer: ClientAnswer
  constructor(answer: ClientAnswer) {
    super(`${answer.method} ${answer.url}: ${answer.status} ${answer.body.toString().slice(0, 300)}`)
    this.answer = answer
  }
}

export class TestAcmeClient {
  readonly transport: Transport
  /** Every answer that arrived whole, in order. */
  readonly answers: ClientAnswer[] = []
  directory: Directory | null = null
  account: string | null = null
  key: AccountKeyPair
  #nonces: string[] = []

  constructor(transport: Transport, key: AccountKeyPair = makeAccountKey()) {
    this.transport = transport
    this.key = key
  }

  async discover(url: string): Promise<Directory> {
    const answer = await this.#send('GET', url)
    if (answer.status !== 200) throw new UnexpectedAnswer(answer)
    this.directory = readJson<Directory>(answer)
    return this.directory
  }

  async newAccount(
    payload: Readonly<Record<string, unknown>> = { termsOfServiceAgreed: true },
  ): Promise<ClientAnswer> {
    const answer = await this.post(this.#resources().newAccount, payload, { jwk: this.key.jwk })
    this.account = answer.fields.location ?? null
    return answer
  }

  /** Sign and send; `payload` undefined makes a POST-as-GET. @throws UnexpectedAnswer for anything but 2xx. */
  async post(
    url: string,
    payload?: unknown,
    header: Readonly<Record<string, unknown>> = {},
  ): Promise<ClientAnswer> {
    const answer = await this.#send(
      'POST',
      url,
      this.sign(url, payload, { nonce: await this.nonce(), ...header }),
    )
    if (answer.status < 200 || answer.status > 299) throw new UnexpectedAnswer(answer)
    return answer
  }

  /** A signed body for later; for CAs that ignore nonces the one in it may be anything. */
  sign(url: string, payload: unknown, header: Readonly<Record<string, unknown>>): Buffer {
    const by = header.jwk === undefined ? { kid: this.account } : {}
    return signJws(this.key, { ...by, ...header, url }, payload)
  }

  /** A nonce from an earlier answer, or a new one by `GET newNonce`. */
  async nonce(): Promise<string> {
    const kept = this.#nonces.pop()
    if (kept) return kept
    const answer = await this.#send('GET', this.#resources().newNonce)
    const nonce = this.#nonces.pop()
    if (!nonce) throw new UnexpectedAnswer(answer)
    return nonce
  }

  /** An order taken through to its certificate: order, challenges, finalize, download. */
  async issue(
    names: readonly string[],
    type = 'http-01',
  ): Promise<{ order: string; url: string; pem: string }> {
    const identifiers = names.map((value) => ({ type: 'dns', value }))
    const ordered = await this.post(this.#resources().newOrder, { identifiers })
    const order = ordered.fields.location ?? ''
    for (const url of readJson<OrderDocument>(ordered).authorizations) {
      const authorization = readJson<AuthorizationDocument>(await this.post(url))
      const offered = authorization.challenges
      const challenge = offered.find((candidate) => candidate.type === type) ?? offered[0]
      if (authorization.status === 'pending' && challenge) await this.post(challenge.url, {})
      await this.post(url)
    }
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const csr = makeCsr(privateKey, publicKey.export({ type: 'spki', format: 'der' }), identifiers)
    await this.post(readJson<OrderDocument>(ordered).finalize, { csr: csr.toString('base64url') })
    const finished = await this.post(order)
    const { certificate } = readJson<OrderDocument>(finished)
    if (!certificate) throw new UnexpectedAnswer(finished)
    const pem = (await this.post(certificate)).body.toString()
    return { order, url: certificate, pem }
  }

  async revoke(pem: string, reason = 0): Promise<ClientAnswer> {
    const certificate = new X509Certificate(pem).raw.toString('base64url')
    return await this.post(this.#resources().revokeCert, { certificate, reason })
  }

  /** RFC 8555 §7.3.5. The client uses the new key afterwards. */
  async changeKey(key: AccountKeyPair = makeAccountKey()): Promise<ClientAnswer> {
    const url = this.#resources().keyChange
    const inner = signJws(key, { jwk: key.jwk, url }, { account: this.account, oldKey: this.key.jwk })
    const answer = await this.post(url, JSON.parse(inner.toString()))
    this.key = key
    return answer
  }

  async #send(method: string, url: string, body?: Buffer): Promise<ClientAnswer> {
    const answer = await this.transport.send(method, url, body)
    this.answers.push(answer)
    const nonce = answer.fields['replay-nonce']
    if (nonce) this.#nonces.push(nonce)
    return answer
  }

  #resources(): Directory {
    if (!this.directory) throw new Error('no directory yet: call discover first')
    return this.directory
  }
}

export function readJson<T>(answer: ClientAnswer): T {
  return JSON.parse(answer.body.toString()) as T
}
