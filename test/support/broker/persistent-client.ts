import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AuthorizationDocument,
  type ClientAnswer,
  type OrderDocument,
  readJson,
  type TestAcmeClient,
  UnexpectedAnswer,
} from '../acme-client.ts'
import { thumbprintOf } from '../sign-jws.ts'
import { makeCsr } from '../test-ca/certificates.ts'

/** s that a client waits before it looks again where the server does not say, and at most. */
const POLL = 1
const LONGEST = 5
/** ms after which it gives up. */
const GIVES_UP = 150_000

export interface Wanted {
  readonly name: string
  readonly key: KeyObject
  readonly csr: string
}

/** What came of it. */
export interface Issued {
  readonly name: string
  /** Null: none; then `error` says why. */
  readonly pem: string | null
  readonly error: string | null
  /** URL of the order that was served. */
  readonly order: string | null
  /** ms until newOrder was answered, and until the certificate was there. */
  readonly begun: number
  readonly took: number
  /** Times that the server did not answer, or did not know its nonce. */
  readonly again: number
}

export interface Persistence {
  /** ms for which it asks again where there is no answer: the server may be started again. 0: that is an error. */
  readonly patience: number
  /** Folder of a web server where it answers http-01 for authorizations that are pending. */
  readonly webroot?: string
  /** Between newOrder and the rest. */
  readonly onPlaced?: () => Promise<void>
}

/** One order as clients have it served: from newOrder to a certificate that is for this name and this key. */
export async function obtain(
  client: TestAcmeClient,
  name: string,
  { patience, webroot, onPlaced }: Persistence = { patience: 0 },
): Promise<Issued> {
  const from = performance.now()
  const wanted = wantedOf(name)
  const run = new Run(client, patience)
  let begun = 0
  let order: string | null = null
  const result = (pem: string | null, error: string | null): Issued => {
    const took = performance.now() - from
    return { name, pem, error, order, begun, took, again: run.again }
  }
  try {
    const ordered = await run.post(client.directory!.newOrder, {
      identifiers: [{ type: 'dns', value: name }],
    })
    begun = performance.now() - from
    order = ordered.fields.location ?? ''
    await onPlaced?.()
    for (const url of readJson<OrderDocument>(ordered).authorizations) await run.prove(url, webroot)
    const document = await run.seenThrough(order, wanted)
    if (document.status !== 'valid') return result(null, JSON.stringify(document))
    const pem = (await run.post(document.certificate!)).body.toString()
    return isRight(pem, wanted) ? result(pem, null) : result(null, `another certificate: ${pem}`)
  } catch (error) {
    return result(null, `${(error as Error).message} ${answerOf(error)?.fields['retry-after'] ?? ''}`)
  }
}

class Run {
  again = 0
  readonly #client: TestAcmeClient
  readonly #patience: number

  constructor(client: TestAcmeClient, patience: number) {
    this.#client = client
    this.#patience = patience
  }

  /** Until it is not pending any more. */
  async prove(url: string, webroot: string | undefined): Promise<void> {
    for (let looks = 0; ; looks++) {
      const { status, challenges } = readJson<AuthorizationDocument>(await this.post(url))
      const challenge = challenges.find(({ type }) => type === 'http-01')
      if (status !== 'pending' || challenge === undefined || webroot === undefined) return
      const { token } = challenge as { readonly token?: string }
      const folder = join(webroot, '.well-known', 'acme-challenge')
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, token!), `${token}.${thumbprintOf(this.#client.key.jwk)}`)
      if (challenge.status === 'pending') await this.post(challenge.url, {})
      await sleep(looks === 0 ? 100 : 500)
    }
  }

  /** Until it is valid or invalid; finalized as often as it is found ready. */
  async seenThrough(order: string, { csr }: Wanted): Promise<OrderDocument> {
    const until = performance.now() + this.#patience + GIVES_UP
    for (let answer = await this.post(order); ; ) {
      const document = readJson<OrderDocument>(answer)
      if (document.status === 'valid' || document.status === 'invalid') return document
      if (document.status === 'ready') {
        const finalized = await this.post(document.finalize, { csr }).catch((error: unknown) => {
          // An earlier one was taken, whose answer was lost.
          if (this.again === 0 || !isProblem(error, 'orderNotReady')) throw error
          return null
        })
        answer = finalized ?? (await this.post(order))
        if (finalized === null || readJson<OrderDocument>(answer).status !== 'processing') continue
      }
      const retryAfter = Number(answer.fields['retry-after'] ?? POLL)
      if (performance.now() > until) throw new Error(`it is still ${document.status}`)
      await sleep(Math.min(retryAfter, LONGEST) * 1000)
      answer = await this.post(order)
    }
  }

  /** Asked again where no answer comes, and with a nonce of now where that was of before. */
  async post(url: string, payload?: unknown): Promise<ClientAnswer> {
    const until = performance.now() + this.#patience
    for (;;) {
      try {
        return await this.#client.post(url, payload)
      } catch (error) {
        const status = answerOf(error)?.status
        const mayPass = status === undefined || status >= 500 || isProblem(error, 'badNonce')
        if (!mayPass || performance.now() >= until) throw error
        this.again += 1
        await sleep(isProblem(error, 'badNonce') ? 0 : 200)
      }
    }
  }
}

function wantedOf(name: string): Wanted {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const csr = makeCsr(privateKey, spki, [{ type: 'dns', value: name }]).toString('base64url')
  return { name, key: privateKey, csr }
}

function isRight(pem: string, { name, key }: Wanted): boolean {
  const leaf = new X509Certificate(pem)
  return leaf.subjectAltName === `DNS:${name}` && leaf.checkPrivateKey(key)
}

function answerOf(error: unknown): ClientAnswer | null {
  return error instanceof UnexpectedAnswer ? error.answer : null
}

function isProblem(error: unknown, kind: string): boolean {
  return answerOf(error)?.body.includes(`urn:ietf:params:acme:error:${kind}"`) ?? false
}
