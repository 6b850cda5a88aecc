import { createHmac, randomBytes } from 'node:crypto'
import { readStrictJson } from '../../../src/acme/json.ts'
import { AcmeProblem, type ProblemDocument } from '../../../src/acme/problem.ts'
import type { BrokerOperation, BrokerOperationsTable } from '../../../src/broker/broker-operation.ts'
import type { BrokerAnswer, BrokeredRequest } from '../../../src/broker/brokered-request.ts'
import type { BrokerAccount, EabKey } from '../../../src/broker/objects.ts'
import { createOperations } from '../../../src/broker/operations/operations.ts'
import { ProblemAnswer } from '../../../src/broker/problem-answer.ts'
import { urlOf } from '../../../src/broker/url-map.ts'
import type { Validate } from '../../../src/broker/validate.ts'
import { Validations } from '../../../src/broker/validation/validations.ts'
import { createSealing } from '../../../src/engine/create-sealing.ts'
import type { FieldList } from '../../../src/exchange/exchange.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { type AccountKeyPair, makeAccountKey, signJws } from '../sign-jws.ts'
import { eabKey } from './broker-values.ts'
import { IssuanceWorld, type WorldOptions } from './issuance-world.ts'

export interface Asked {
  readonly account?: BrokerAccount
  /** That signed, where no account did. */
  readonly key?: AccountKeyPair
  readonly ids?: readonly string[]
  readonly label?: string | null
  readonly from?: string | null
  readonly method?: string
}

/** What a client gets. */
export interface Reply {
  readonly status: number
  readonly fields: FieldList
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it member by member
  readonly json: any
  readonly text: string | null
  readonly problem: ProblemDocument | null
}

/** The operations over a store in memory and CAs that are not there, without HTTP and signatures. */
export class OperationsWorld extends IssuanceWorld {
  readonly sealing = createSealing(Buffer.alloc(32, 7))
  readonly bugs: unknown[] = []
  readonly validations: Validations
  readonly operations: BrokerOperationsTable
  /** What a look at a challenge comes to. */
  looked: Validate = async () => null

  constructor(options: WorldOptions = {}) {
    super(options)
    this.validations = new Validations({
      store: this.store,
      validate: (request, signal) => this.looked(request, signal),
      settled: (authorization) => this.issuances.settled(authorization),
      endpoints: () => [this.endpoint],
      accountUrl: (endpoint, account) => urlOf(endpoint, 'account', [account]),
      clock: this.clock,
      onBug: (error) => this.bugs.push(error),
    })
    this.operations = createOperations({
      store: this.store,
      issuances: this.issuances,
      validations: this.validations,
      issuer: (ca) => this.issuers.get(ca) ?? null,
      sealing: this.sealing,
      clock: this.clock,
    })
  }

  async close(): Promise<void> {
    await this.validations.close()
    await this.issuances.close()
  }

  /** `payload` undefined: POST-as-GET. Rejects for faults of our own only. */
  async ask(operation: BrokerOperation, payload: unknown, asked: Asked = {}): Promise<Reply> {
    try {
      return shown(await this.operations[operation](await this.#request(operation, payload, asked)))
    } catch (error) {
      if (error instanceof AcmeProblem)
        return { status: error.status, fields: [], json: null, text: null, problem: error.document() }
      if (!(error instanceof ProblemAnswer)) throw error
      const { document, fields } = error
      return { status: document.status, fields, json: null, text: null, problem: document }
    }
  }

  async #request(operation: BrokerOperation, payload: unknown, asked: Asked): Promise<BrokeredRequest> {
    const { account = null, key, ids = [], label = null, from = '192.0.2.1', method = 'POST' } = asked
    const signer = account ?? key ?? null
    return {
      endpoint: this.endpoint,
      label,
      operation,
      ids,
      id: newExchangeId(),
      method,
      at: this.clock.now().wall,
      clientAddress: from,
      payload:
        payload === undefined
          ? undefined
          : readStrictJson(Buffer.from(JSON.stringify(payload)), 'payload').value,
      isPostAsGet: payload === undefined,
      account,
      key: signer && { jwk: signer.jwk, thumbprint: signer.thumbprint },
      ...(await this.#named(operation, account, ids)),
      signal: new AbortController().signal,
    }
  }

  /** As who verifies a request looks it up. */
  async #named(operation: BrokerOperation, account: BrokerAccount | null, [id = '']: readonly string[]) {
    const owner = { endpoint: this.endpoint.name, account: account?.id ?? '' }
    const isOf = (...operations: readonly BrokerOperation[]) => operations.includes(operation)
    return {
      order: isOf('order', 'finalize') ? await this.store.order(owner, id) : null,
      authorization: isOf('authorization', 'challenge') ? await this.store.authorization(owner, id) : null,
      certificate: isOf('certificate') ? await this.store.certificate(owner, id) : null,
    }
  }

  /** Registered by newAccount. */
  async register(
    payload: Readonly<Record<string, unknown>> = {},
    asked: Asked = {},
  ): Promise<{ account: BrokerAccount; key: AccountKeyPair; reply: Reply }> {
    const key = asked.key ?? makeAccountKey()
    const reply = await this.ask('newAccount', { termsOfServiceAgreed: true, ...payload }, { key, ...asked })
    const account = await this.store.accountByKey(this.endpoint.name, key.thumbprint)
    if (account === null) throw new Error(`no account: ${JSON.stringify(reply)}`)
    return { account, key, reply }
  }

  /** An EAB key, and its MAC key. */
  async eab(changes: Partial<EabKey> = {}): Promise<{ key: EabKey; mac: Buffer }> {
    const mac = randomBytes(32)
    const plain = eabKey(changes)
    const place = { table: 'eab', id: plain.id, column: 'key' } as const
    const key = { ...plain, mac: this.sealing.seal(mac.toString('base64url'), place) }
    await this.store.addEabKey(key)
    return { key, mac }
  }

  /** An account made with that EAB key. */
  async bound(changes: Partial<EabKey> = {}): Promise<BrokerAccount> {
    const { key, mac } = await this.eab(changes)
    const signer = makeAccountKey()
    const url = urlOf(this.endpoint, 'newAccount')
    const externalAccountBinding = bindingOf({ kid: key.id, mac, url, payload: signer.jwk })
    const { account } = await this.register({ externalAccountBinding }, { key: signer })
    return account
  }

  /** newOrder for these names. */
  order(account: BrokerAccount, names: readonly string[], more: Readonly<Record<string, unknown>> = {}) {
    const identifiers = names.map((value) => ({ type: 'dns', value }))
    return this.ask('newOrder', { identifiers, ...more }, { account })
  }
}

export interface Binding {
  readonly kid?: string
  readonly mac: Buffer
  readonly url: string
  readonly payload: unknown
  readonly alg?: string
  readonly header?: Readonly<Record<string, unknown>>
}

/** RFC 8555 §7.3.4, or whatever else it is to be. */
export function bindingOf({ kid, mac, url, payload, alg = 'HS256', header = {} }: Binding) {
  const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const protectedText = text({ alg, ...(kid === undefined ? {} : { kid }), url, ...header })
  const payloadText = text(payload)
  const digest = /^HS(?:256|384|512)$/.test(alg) ? `sha${alg.slice(2)}` : 'sha256'
  const signature = createHmac(digest, mac).update(`${protectedText}.${payloadText}`).digest('base64url')
  return { protected: protectedText, payload: payloadText, signature }
}

/** RFC 8555 §7.3.5. */
export function innerOf(key: AccountKeyPair, header: Readonly<Record<string, unknown>>, payload: unknown) {
  return JSON.parse(signJws(key, header, payload).toString()) as Record<string, unknown>
}

export function fieldOf({ fields }: Reply, name: string): string | undefined {
  return fields.find(([field]) => field === name)?.[1]
}

/** The last part of a URL. */
export function idOf(url: string | undefined): string {
  return url?.split('/').at(-1) ?? ''
}

function shown({ status, fields, body }: BrokerAnswer): Reply {
  const json = body !== null && 'json' in body ? JSON.parse(JSON.stringify(body.json)) : null
  const text = body !== null && 'text' in body ? body.text : null
  return { status, fields, json, text, problem: null }
}
