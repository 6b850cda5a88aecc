import { randomBytes } from 'node:crypto'
import { type AccountKeyPair, makeAccountKey, signJws } from '../support/sign-jws.ts'
import { makeCsr } from '../support/test-ca/certificates.ts'
import type { ClientConnection } from './client-connection.ts'
import type { WholeAnswer } from './response-reader.ts'

export interface IssuingPlace {
  readonly authority: string
  /** Path of the directory. */
  readonly directory: string
}

interface Directory {
  readonly newNonce: string
  readonly newAccount: string
  readonly newOrder: string
}

interface Order {
  readonly status: string
  readonly authorizations: readonly string[]
  readonly finalize: string
  readonly certificate?: string
}

/** Looks at an order before it is given up, 5 ms apart at first. */
const MOST_LOOKS = 200

/**
 * An ACME client with an account of its own over one connection, as cheap as it can be: nothing that it is told is verified. Each
 * certificate is for a name that nobody had before. Every step rejects where the answer is not 2xx.
 */
export class IssuingClient {
  /** Requests it has sent. */
  asked = 0
  readonly #connection: ClientConnection
  readonly #place: IssuingPlace
  readonly #key: AccountKeyPair
  /** The certificates' key. */
  readonly #own = makeAccountKey()
  readonly #spki = this.#own.publicKey.export({ type: 'spki', format: 'der' })
  #directory: Directory | null = null
  #kid: string | null = null
  #nonce = ''

  constructor(connection: ClientConnection, place: IssuingPlace, key = makeAccountKey()) {
    this.#connection = connection
    this.#place = place
    this.#key = key
  }

  /** Directory, nonce, account: what every run of a client begins with. */
  async begin(): Promise<void> {
    const { directory } = this.#place
    this.#directory = JSON.parse((await this.#get(directory)).body.toString()) as Directory
    await this.#get(new URL(this.#directory.newNonce).pathname)
    const payload = this.#kid === null ? { termsOfServiceAgreed: true } : { onlyReturnExisting: true }
    const answer = await this.#post(this.#directory.newAccount, payload, true)
    this.#kid = answer.field('location')
  }

  /** From newOrder to the certificate. `looks`: at the order too before it is finalized and after, as some clients do. */
  async issue(looks: boolean): Promise<void> {
    const value = `${randomBytes(8).toString('hex')}.bench.test`
    const made = await this.#post(this.#directory!.newOrder, { identifiers: [{ type: 'dns', value }] })
    const url = made.field('location')!
    const { authorizations, finalize } = orderOf(made)
    for (const authorization of authorizations) await this.#prove(authorization)
    if (looks) await this.#post(url)
    const csr = makeCsr(this.#own.privateKey, this.#spki, [{ type: 'dns', value }]).toString('base64url')
    let order = orderOf(await this.#post(finalize, { csr }))
    if (looks) order = orderOf(await this.#post(url))
    for (let look = 1; order.status === 'processing'; look++) {
      if (look > MOST_LOOKS) throw new Error('the order stays processing')
      await pause(5 * look)
      order = orderOf(await this.#post(url))
    }
    if (order.certificate === undefined) throw new Error(`the order became ${order.status}`)
    await this.#post(order.certificate)
  }

  async #prove(authorization: string): Promise<void> {
    const { status, challenges } = JSON.parse((await this.#post(authorization)).body.toString()) as {
      status: string
      challenges: readonly { url: string }[]
    }
    if (status === 'valid') return
    await this.#post(challenges[0]!.url, {})
    await this.#post(authorization)
  }

  #get(path: string): Promise<WholeAnswer> {
    const { authority } = this.#place
    return this.#ask(`GET ${path} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: acmetap-bench/1\r\n\r\n`)
  }

  #post(url: string, payload?: unknown, byKey = false): Promise<WholeAnswer> {
    const by = byKey ? { jwk: this.#key.jwk } : { kid: this.#kid }
    const body = signJws(this.#key, { ...by, nonce: this.#nonce, url }, payload).toString()
    const path = url.slice(url.indexOf('/', 8))
    const { authority } = this.#place
    return this.#ask(
      `POST ${path} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: acmetap-bench/1\r\nContent-Type: application/jose+json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
  }

  async #ask(request: string): Promise<WholeAnswer> {
    this.asked += 1
    const answer = await this.#connection.askWhole(Buffer.from(request, 'latin1'))
    this.#nonce = answer.field('replay-nonce') ?? this.#nonce
    if (answer.status > 299)
      throw new Error(`${request.slice(0, request.indexOf(' HTTP'))}: ${answer.status} ${answer.body}`)
    return answer
  }
}

function orderOf(answer: WholeAnswer): Order {
  return JSON.parse(answer.body.toString()) as Order
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
