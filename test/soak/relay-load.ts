import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpsTransport, readJson, TestAcmeClient, type Transport } from '../support/acme-client.ts'
import type { ReceivedAnswer } from '../support/checker.ts'

export interface LoadAnswer extends ReceivedAnswer {
  readonly operation: string
  readonly ms: number
  /** `performance.now()` at its end. */
  readonly at: number
}

/**
 * Clients that send signed requests of every kind through a relay, or through `proxy` (as HTTPS_PROXY would have it),
 * until they are told to stop; connections that break are made anew. The CA behind must ignore nonces. Every answer that arrives whole is kept.
 */
export class RelayLoad {
  readonly answers: LoadAnswer[] = []
  /** Requests that were begun and ended without an answer; a refused connection is none. */
  broken = 0
  readonly #directory: string
  readonly #trust: string
  readonly #delayMs: number
  readonly #proxy: string | undefined
  readonly #running: Promise<void>[] = []
  readonly #transports: Transport[] = []
  #stopped = false

  /** `delayMs`: pause of each worker between requests. */
  constructor(
    directory: string,
    trust: string,
    options: { workers: number; delayMs?: number; proxy?: string },
  ) {
    this.#directory = directory
    this.#trust = trust
    this.#delayMs = options.delayMs ?? 0
    this.#proxy = options.proxy
    for (let i = 0; i < options.workers; i++) this.#running.push(this.#work())
  }

  /** Resolves when every request under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
    for (const transport of this.#transports) transport.close()
  }

  async #work(): Promise<void> {
    const transport = httpsTransport(this.#trust, {
      sockets: 1,
      timeoutMs: 30_000,
      ...(this.#proxy === undefined ? {} : { proxy: this.#proxy }),
    })
    this.#transports.push(transport)
    const client = new TestAcmeClient(transport)
    const base = new URL(this.#directory).origin
    const send = async (operation: string, method: string, url: string, body?: Buffer) => {
      if (this.#delayMs > 0) await sleep(this.#delayMs)
      try {
        const answer = await transport.send(method, url, body)
        const { status, digest, exchange, ms } = answer
        this.answers.push({ operation, status, digest, exchange, ms, at: performance.now() })
        return answer
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') this.broken++
        // While nothing listens an attempt costs nothing; do not spin.
        await sleep(5)
        return null
      }
    }
    const signed = (path: string, payload: unknown, byKey = false) =>
      client.sign(`${base}${path}`, payload, {
        nonce: randomBytes(16).toString('base64url'),
        ...(byKey ? { jwk: client.key.jwk } : {}),
      })

    while (!this.#stopped) {
      if (client.account === null) {
        await send('directory', 'GET', this.#directory)
        const made = await send('newAccount', 'POST', `${base}/new-account`, signed('/new-account', {}, true))
        client.account = made?.fields.location ?? null
        continue
      }
      const value = `${randomBytes(6).toString('hex')}.soak.test`
      const payload = { identifiers: [{ type: 'dns', value }] }
      const ordered = await send('newOrder', 'POST', `${base}/new-order`, signed('/new-order', payload))
      if (ordered?.status !== 201) continue
      const { authorizations } = readJson<{ authorizations: string[] }>(ordered)
      for (const url of [...authorizations, ordered.fields.location ?? '']) {
        if (!this.#stopped) await send('poll', 'POST', url, signed(new URL(url).pathname, undefined))
      }
      if (!this.#stopped) await send('newNonce', 'HEAD', `${base}/new-nonce`)
    }
  }
}
