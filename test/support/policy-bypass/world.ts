/** The real program with a policy, before the laxest CA, in relay and in intercept at once. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientAnswer, httpsTransport, type Transport } from '../acme-client.ts'
import {
  type AmbiguousRequest,
  headerWithKey,
  newTestKey,
  type Setting,
  signed,
  type TestAccount,
} from '../ambiguous-requests.ts'
import { startIntercepting } from '../intercepting-acmetap.ts'
import type { CsrKey } from './attempts.ts'
import { type LaxCa, startLaxCa } from './lax-ca.ts'

/** A client behind acmetap: one account, and an order for what the policy grants. */
export class Lane {
  readonly mode: 'relay' | 'intercept'
  readonly #origin: string
  readonly #transport: Transport
  #setting: Setting | null = null

  constructor(mode: 'relay' | 'intercept', origin: string, transport: Transport) {
    this.mode = mode
    this.#origin = origin
    this.#transport = transport
  }

  /** Registers, and orders `innocent`. */
  async begin(innocent: string): Promise<void> {
    await this.#transport.send('GET', `${this.#origin}/dir`)
    const account = await this.#register()
    const other = await this.#register()
    this.#setting = {
      origin: this.#origin,
      nonce: 'any',
      account,
      other,
      freshKey: newTestKey(),
      order: '',
      authorization: '',
    }
    const identifiers = [{ type: 'dns', value: innocent }]
    const ordered = await this.send(orderFor(JSON.stringify({ identifiers })))
    if (ordered.status !== 201) throw new Error(`no order: ${ordered.status} ${ordered.body}`)
    const { authorizations } = JSON.parse(ordered.body.toString()) as { authorizations: string[] }
    this.#setting = {
      ...this.#setting,
      order: new URL(ordered.fields.location ?? '').pathname,
      authorization: new URL(authorizations[0] ?? '').pathname,
    }
  }

  send(request: AmbiguousRequest): Promise<ClientAnswer> {
    if (this.#setting === null) throw new Error('begin first')
    const { target, body } = request.make(this.#setting)
    return this.#transport.send('POST', this.#origin + target, body)
  }

  async #register(): Promise<TestAccount> {
    const key = newTestKey()
    const url = `${this.#origin}/sign-me-up`
    const setting = { nonce: 'any' } as Setting
    const answer = await this.#transport.send(
      'POST',
      url,
      signed(key, headerWithKey(setting, key, url), '{}'),
    )
    if (answer.status !== 201) throw new Error(`no account: ${answer.status} ${answer.body}`)
    return { key, url: answer.fields.location ?? '' }
  }
}

const orderFor = (payload: string): AmbiguousRequest => ({
  name: 'order',
  make(setting) {
    const url = `${setting.origin}/order-plz`
    const header = JSON.stringify({ alg: 'ES256', kid: setting.account.url, nonce: 'any', url })
    return { target: '/order-plz', body: signed(setting.account.key, header, payload) }
  },
})

export interface BypassWorld {
  readonly ca: LaxCa
  readonly adminUrl: string
  readonly folder: string
  readonly csrKey: CsrKey
  readonly lanes: readonly Lane[]
  output(): string
  /** Brings it into force: by SIGHUP. */
  use(policy: string): Promise<void>
  close(): Promise<void>
}

/** `lanes` clients in each mode. */
export async function openBypassWorld(policy: string, lanes: number): Promise<BypassWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-bypass-'))
  const ca = await startLaxCa()
  const file = join(folder, 'policy.yaml')
  await writeFile(file, policy)
  const acmetap = await startIntercepting({
    folder,
    directory: ca.directory,
    trust: ca.trust,
    sections: { policy: file, log: { level: 'info' } },
  }).catch(async (error: unknown) => {
    await ca.close()
    throw error
  })
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const transports = Array.from({ length: lanes }, () => [
    httpsTransport(acmetap.trust, { sockets: 1 }),
    httpsTransport(acmetap.interceptionRoot, { sockets: 1, proxy: `http://127.0.0.1:${acmetap.proxyPort}` }),
  ]).flat()
  const lanesOf = transports.map((transport, at) =>
    at % 2 === 0
      ? new Lane('relay', `https://${acmetap.authority}`, transport)
      : new Lane('intercept', `https://${ca.authority}`, transport),
  )
  const reloads = () => acmetap.process.output().split('"config.reloaded"').length
  return {
    ca,
    adminUrl: acmetap.adminUrl,
    folder,
    csrKey: { privateKey, spki: publicKey.export({ type: 'spki', format: 'der' }) },
    lanes: lanesOf,
    output: () => acmetap.process.output(),
    async use(next) {
      await writeFile(file, next)
      const before = reloads()
      process.kill(acmetap.pid, 'SIGHUP')
      for (let attempt = 0; reloads() === before; attempt++) {
        if (attempt > 1000) throw new Error(`not reloaded: ${acmetap.process.output()}`)
        await sleep(20)
      }
    },
    async close() {
      for (const transport of transports) transport.close()
      await acmetap.stop()
      await ca.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
