import { generateKeyPairSync } from 'node:crypto'
import type { BrokerStore } from '../../../src/broker/broker-store.ts'
import type { Endpoint } from '../../../src/broker/endpoint.ts'
import type { BrokerFailPoint } from '../../../src/broker/issuances/broker-step.ts'
import { createIssuances, type WatchedIssuances } from '../../../src/broker/issuances/create-issuances.ts'
import type { IssuanceEvent, Patience } from '../../../src/broker/issuances/issuance-parts.ts'
import type { OrderRequest } from '../../../src/broker/issuances.ts'
import type { BrokerAccount, BrokerOrder } from '../../../src/broker/objects.ts'
import { type Clock, systemClock } from '../../../src/exchange/clock.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { makeCsr } from '../test-ca/certificates.ts'
import { brokerAccount, brokerAuthorization, brokerId } from './broker-values.ts'
import { FakeIssuer } from './fake-issuer.ts'
import { MemoryBrokerStore } from './memory-broker-store.ts'

/** The system's, and it can be put forward. */
export class ForwardClock implements Clock {
  readonly #system = systemClock()
  #ahead = 0

  now() {
    const { wall, monotonic } = this.#system.now()
    return { wall: wall + this.#ahead, monotonic: monotonic + this.#ahead }
  }

  /** ms. */
  forward(by: number): void {
    this.#ahead += by * 1000
  }
}

export function brokerEndpoint(changes: Partial<Endpoint> = {}): Endpoint {
  return {
    name: 'fleet',
    path: '/fleet',
    origin: 'https://acme.example.net',
    staging: false,
    cas: ['one', 'two'],
    routes: [],
    proof: 'policy',
    eab: 'optional',
    labels: [],
    profiles: [],
    accounts: 'shared',
    terms: null,
    website: null,
    caaIdentities: [],
    challenges: {
      types: ['http-01', 'dns-01', 'tls-alpn-01'],
      httpPort: 80,
      tlsPort: 443,
      resolvers: [],
      from: [],
      internal: [],
      caa: false,
    },
    authorizationLifetime: 7 * 86_400_000,
    orderLifetime: 7 * 86_400_000,
    preAuthorization: false,
    ...changes,
  }
}

/** Short, so that tests are. */
export const HURRIED: Partial<Patience> = {
  place: 60,
  probe: 40,
  begin: 400,
  finalize: 3000,
  again: 2,
  longest: 20,
  perseverance: 200,
  uncertain: 1000,
}

export interface WorldOptions {
  readonly endpoint?: Partial<Endpoint>
  readonly patience?: Partial<Patience>
  readonly store?: BrokerStore
  readonly issuers?: readonly FakeIssuer[]
  readonly failPoint?: BrokerFailPoint
}

/** Issuances over CAs that are not there. */
export class IssuanceWorld {
  readonly store: BrokerStore
  readonly clock = new ForwardClock()
  readonly endpoint: Endpoint
  readonly issuers: ReadonlyMap<string, FakeIssuer>
  readonly events: IssuanceEvent[] = []
  issuances: WatchedIssuances
  readonly #options: WorldOptions

  constructor(options: WorldOptions = {}) {
    this.#options = options
    this.store = options.store ?? new MemoryBrokerStore()
    this.endpoint = brokerEndpoint(options.endpoint)
    const issuers = options.issuers ?? this.endpoint.cas.map((ca) => new FakeIssuer(ca))
    this.issuers = new Map(issuers.map((issuer) => [issuer.ca, issuer]))
    this.issuances = this.#create()
  }

  ca(name: string): FakeIssuer {
    return this.issuers.get(name)!
  }

  /** Another process over the same store and CAs. */
  async restart(): Promise<void> {
    await this.issuances.close()
    this.issuances = this.#create()
    await this.issuances.start()
  }

  async account(changes: Partial<BrokerAccount> = {}): Promise<BrokerAccount> {
    const account = brokerAccount({ ...changes, endpoint: this.endpoint.name })
    await this.store.addAccount(account)
    return account
  }

  request(
    account: BrokerAccount,
    names: readonly string[],
    changes: Partial<OrderRequest> & { readonly status?: 'pending' | 'valid' } = {},
  ): OrderRequest {
    const { status = 'valid', ...others } = changes
    const now = this.clock.now().wall
    const identifiers = names.map((value) => ({ type: 'dns', value }))
    return {
      endpoint: this.endpoint,
      account,
      identifiers,
      profile: null,
      replaces: null,
      authorizations: identifiers.map(({ type, value }) => ({
        authorization: brokerAuthorization({
          id: brokerId(),
          endpoint: this.endpoint.name,
          account: account.id,
          identifier: { type, value: value.replace(/^\*\./, '') },
          wildcard: value.startsWith('*.'),
          status,
          createdAt: now,
          expiresAt: now + 86_400_000_000,
        }),
        isNew: true,
      })),
      permitted: null,
      exchange: newExchangeId(),
      ...others,
    }
  }

  begin(request: OrderRequest): Promise<BrokerOrder> {
    return this.issuances.begin(request, new AbortController().signal)
  }

  /** What most clients do, one after the other. */
  async obtain(names: readonly string[], changes: Partial<OrderRequest> = {}): Promise<BrokerOrder> {
    const account = changes.account ?? (await this.account())
    const order = await this.begin(this.request(account, names, changes))
    return this.finalize(order)
  }

  async finalize(order: BrokerOrder): Promise<BrokerOrder> {
    const found = await this.store.anyOrder(order.id)
    return this.issuances.finalize(found!, csrFor(order), newExchangeId())
  }

  async found(order: BrokerOrder): Promise<BrokerOrder> {
    return (await this.store.anyOrder(order.id))!
  }

  #create(): WatchedIssuances {
    const { patience, failPoint } = this.#options
    return createIssuances({
      store: this.store,
      issuer: (ca) => this.issuers.get(ca) ?? null,
      endpoints: () => [this.endpoint],
      clock: this.clock,
      onEvent: (event) => this.events.push(event),
      patience: { ...HURRIED, ...patience },
      ...(failPoint && { failPoint }),
    })
  }
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const spki = publicKey.export({ type: 'spki', format: 'der' })

/** Of one key for all. */
export function csrFor({ identifiers }: Pick<BrokerOrder, 'identifiers'>): string {
  return makeCsr(privateKey, spki, identifiers).toString('base64url')
}
