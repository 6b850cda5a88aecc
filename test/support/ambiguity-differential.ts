import { canonicalTarget } from '../../src/acme/canonical-target.ts'
import type { Jwk } from '../../src/acme/jwk.ts'
import type { Operation } from '../../src/acme/operation.ts'
import { contactsOf, externalAccountBindingOf, identifiersOf, innerJws } from '../../src/acme/payloads.ts'
import { thumbprintOf } from '../../src/acme/thumbprint.ts'
import { classify } from '../../src/exchange/classify.ts'
import type { Inspected, Received } from '../../src/exchange/exchange.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { inspect } from '../../src/exchange/inspect.ts'
import type { AccountKey, Resource } from '../../src/exchange/resource.ts'
import { ResourceMap } from '../../src/exchange/resource-map.ts'
import { randomRequest } from './ambiguous-grammar.ts'
import {
  type AmbiguousRequest,
  headerOf,
  headerWithKey,
  newTestKey,
  type Setting,
  signed,
  type TestAccount,
} from './ambiguous-requests.ts'
import { type Answer, type RawPebble, startRawPebble } from './pebble-for-ambiguity.ts'

export interface Difference {
  readonly name: string
  readonly why: string
  /** Pebble's. */
  readonly status: number
  readonly body: string
}

export interface DifferentialResult {
  readonly cases: number
  /** Clean by our reading, and of these the ones Pebble acted on. */
  readonly allowed: number
  readonly allowedAndActedOn: number
  readonly refused: number
  /** Refused, and Pebble did something else than a reader of our kind would have recorded. */
  readonly refusedAndDifferent: readonly Difference[]
  /** Allowed, and Pebble did something else: must stay empty. */
  readonly differences: readonly Difference[]
}

/** Sends every case to a Pebble of its own and compares what it did with what we read. */
export async function runDifferential(
  cases: Iterable<AmbiguousRequest>,
  lanes = 8,
): Promise<DifferentialResult> {
  const pebble = await startRawPebble()
  const result = {
    cases: 0,
    allowed: 0,
    allowedAndActedOn: 0,
    refused: 0,
    refusedAndDifferent: [] as Difference[],
    differences: [] as Difference[],
  }
  const queue = cases[Symbol.iterator]()
  try {
    const work = async () => {
      const lane = await Lane.open(pebble)
      for (let next = queue.next(); !next.done; next = queue.next()) {
        const { name, body, reading, answer, why } = await lane.run(next.value)
        const allowed = reading.ambiguities.length === 0
        result.cases++
        if (allowed) result.allowed++
        else result.refused++
        if (allowed && answer.status < 300) result.allowedAndActedOn++
        if (why === null) continue
        const difference = { name, why, status: answer.status, body: body.toString('latin1').slice(0, 2000) }
        ;(allowed ? result.differences : result.refusedAndDifferent).push(difference)
      }
    }
    await Promise.all(Array.from({ length: lanes }, work))
    return result
  } finally {
    await pebble.stop()
  }
}

/**
 * `count` random cases from the grammar, the same ones for the same seed. `progress` is told how many are done
 * about once in every thousand.
 */
export async function ambiguitySoak(
  count: number,
  seed: number,
  progress: (done: number, seed: number) => void = () => {},
): Promise<DifferentialResult> {
  function* cases(): Iterable<AmbiguousRequest> {
    for (let index = 0; index < count; index++) {
      if (index % 1000 === 0) progress(index, seed)
      yield randomRequest(seed, index)
    }
    progress(count, seed)
  }
  return runDifferential(cases())
}

/** What one answer shows that Pebble did. */
interface Effect {
  readonly operation: Operation | 'keyChange'
  readonly account: string | null
  readonly identifiers: readonly string[]
  readonly contacts: readonly string[]
  readonly status: string | null
  readonly key: Jwk | null
  readonly binding: unknown
}

/** One client: its accounts, its nonce, and what it has learned of Pebble's URLs. */
class Lane {
  readonly #pebble: RawPebble
  readonly #origin: string
  readonly #resources: ResourceMap
  readonly #learned = new Map<string, Resource[]>()
  readonly #keys = new Map<string, AccountKey>()
  readonly #contacts = new Map<string, readonly string[]>()
  #nonce: string | null = null
  #account!: TestAccount
  #other!: TestAccount
  #order = ''
  #authorization = ''

  constructor(pebble: RawPebble) {
    this.#pebble = pebble
    this.#origin = `https://${pebble.authority}`
    this.#resources = new ResourceMap({
      resources: async (_ca, _authority, canonical) => this.#learned.get(canonical) ?? [],
      accountKey: async (_ca, account) => this.#keys.get(account) ?? null,
    })
  }

  static async open(pebble: RawPebble): Promise<Lane> {
    const lane = new Lane(pebble)
    const directory = JSON.parse((await pebble.send('GET', '/dir', null)).body.toString()) as Record<
      string,
      unknown
    >
    for (const operation of ['newNonce', 'newAccount', 'newOrder', 'revokeCert', 'keyChange'] as const) {
      lane.#learn(operation, directory[operation] as string)
    }
    lane.#account = await lane.#register()
    lane.#other = await lane.#register()
    const setting = await lane.#setting(lane.#account)
    const payload = '{"identifiers":[{"type":"dns","value":"own.example.com"}]}'
    const answer = await lane.#post(
      '/order-plz',
      signed(setting.account.key, headerOf(setting, `${lane.#origin}/order-plz`), payload),
    )
    const order = JSON.parse(answer.body.toString()) as { authorizations: string[]; finalize: string }
    lane.#order = lane.#learn('order', String(answer.headers.location))
    lane.#authorization = lane.#learn('authorization', order.authorizations[0]!)
    lane.#learn('finalize', order.finalize)
    return lane
  }

  async run(request: AmbiguousRequest) {
    const account = request.freshAccount ? await this.#register() : this.#account
    const setting = await this.#setting(account)
    const { target, body } = request.make(setting)
    const reading = await this.#read(target, body)
    const answer = await this.#post(target, body)
    const effect = await this.#effectOf(answer, setting)
    const why = effect ? this.#compare(reading, answer, effect) : null
    if (effect?.account && effect.operation !== 'keyChange')
      this.#contacts.set(effect.account, effect.contacts)
    return { name: request.name, body, reading, answer, why }
  }

  /** What we would have recorded, by the code that serves. */
  async #read(target: string, body: Buffer): Promise<Inspected> {
    const received: Received = {
      id: newExchangeId(),
      parent: null,
      mode: 'relay',
      connection: {
        listener: 'acme',
        clientAddress: null,
        clientPort: null,
        tlsVersion: null,
        serverName: null,
        mode: 'relay',
        proxyUser: null,
        intercepted: null,
      },
      destination: { ca: 'pebble', authority: this.#pebble.authority },
      request: {
        method: 'POST',
        target,
        authority: this.#pebble.authority,
        fields: [],
        body,
        truncated: false,
        httpVersion: '1.1',
        ambiguities: target.startsWith('/') ? [] : [{ kind: 'target-form', where: 'target' }],
      },
      receivedAt: { wall: 0, monotonic: 0 },
    }
    const classified = await classify(received, this.#resources, new Map([['pebble', ['/dir']]]))
    return inspect(classified, this.#resources)
  }

  /** Why what Pebble did is not what the reading says; null when it is. */
  #compare(reading: Inspected, answer: Answer, effect: Effect): string | null {
    const { operation, inspection, resource } = reading
    if (!inspection) return `acted (${effect.operation}) on what we cannot read`
    if (operation !== effect.operation) return `read as ${operation}, acted on as ${effect.operation}`
    if (inspection.verdict !== 'verified') return `acted on although the signature is ${inspection.verdict}`
    const { payload, header } = inspection.jws
    switch (effect.operation) {
      case 'newOrder':
        return differ('identifiers', namesOf(payload), effect.identifiers)
      case 'newAccount': {
        if (!header.jwk || !effect.key) return 'registered without a key'
        const keys = differ('keys', [thumbprintOf(header.jwk)], [thumbprintOf(effect.key)])
        if (keys || answer.status !== 201) return keys
        const bound = externalAccountBindingOf(payload) !== null
        if (bound !== (effect.binding !== undefined)) return 'bound otherwise'
        return (
          differ('contacts', contactsOf(payload), effect.contacts) ??
          differ('status', ['valid'], [effect.status ?? ''])
        )
      }
      case 'account': {
        if (resource?.url !== header.kid || effect.account !== header.kid) return 'another account'
        const status = (payload as { status?: unknown } | undefined)?.status
        const ended = differ(
          'status',
          [status === 'deactivated' ? 'deactivated' : 'valid'],
          [effect.status ?? ''],
        )
        if (ended) return ended
        const asked = Array.isArray((payload as { contact?: unknown } | undefined)?.contact)
        const before = this.#contacts.get(effect.account) ?? []
        return differ('contacts', asked ? contactsOf(payload) : before, effect.contacts)
      }
      case 'keyChange': {
        const inner = innerJws(payload)?.jws?.header.jwk
        if (!inner || !effect.key) return 'changed to a key we do not see'
        return differ('keys', [thumbprintOf(inner)], [thumbprintOf(effect.key)])
      }
      default:
        return null
    }
  }

  /** Null where Pebble did nothing. A key change shows in nothing but the key that reads the account afterwards. */
  async #effectOf({ status, headers, body }: Answer, setting: Setting): Promise<Effect | null> {
    if (status < 200 || status > 299) return null
    const location = typeof headers.location === 'string' ? headers.location : ''
    const json = (body.length > 0 ? JSON.parse(body.toString()) : {}) as Record<string, unknown>
    const identifiers = json.identifiers as readonly { value: string }[] | undefined
    const shown = {
      account: this.#accountOf(json),
      identifiers: identifiers?.map(({ value }) => value) ?? [],
      contacts: (json.contact as readonly string[] | null | undefined) ?? [],
      status: typeof json.status === 'string' ? json.status : null,
      key: (json.key as Jwk | undefined) ?? null,
      binding: json.externalAccountBinding,
    }
    if (body.length === 0) return { ...shown, operation: 'keyChange', key: await this.#keyNow(setting) }
    if (location.includes('/my-account/')) return { ...shown, operation: 'newAccount', account: location }
    if (identifiers) return { ...shown, operation: status === 201 ? 'newOrder' : 'order' }
    if (json.challenges) return { ...shown, operation: 'authorization' }
    return { ...shown, operation: json.orders ? 'account' : 'unrecognised' }
  }

  #accountOf({ orders }: Record<string, unknown>): string | null {
    return typeof orders === 'string' ? orders.replace('/list-orderz/', '/my-account/') : null
  }

  /** The account's key, if it has become the fresh one. */
  async #keyNow({ account, freshKey }: Setting): Promise<Jwk | null> {
    const now = await this.#setting({ key: freshKey, url: account.url })
    const read = await this.#post(
      new URL(account.url).pathname,
      signed(freshKey, headerOf(now, account.url), ''),
    )
    return read.status === 200 ? ((JSON.parse(read.body.toString()) as { key?: Jwk }).key ?? null) : null
  }

  async #register(): Promise<TestAccount> {
    const key = newTestKey()
    const target = '/sign-me-up'
    const setting = await this.#setting({ key, url: '' })
    const header = headerWithKey(setting, key, this.#origin + target)
    const answer = await this.#post(target, signed(key, header, '{"termsOfServiceAgreed":true}'))
    if (answer.status !== 201) throw new Error(`pebble refused an account: ${answer.body.toString()}`)
    const url = String(answer.headers.location)
    this.#learn('account', url)
    this.#keys.set(url, {
      ca: 'pebble',
      account: url,
      jwk: key.jwk,
      thumbprint: thumbprintOf(key.jwk),
      source: 'newAccount',
    })
    return { key, url }
  }

  async #setting(account: TestAccount): Promise<Setting> {
    if (this.#nonce === null) {
      const { headers } = await this.#pebble.send('GET', '/nonce-plz', null)
      this.#nonce = String(headers['replay-nonce'])
    }
    const { origin, nonce } = { origin: this.#origin, nonce: this.#nonce }
    return {
      origin,
      nonce,
      account,
      other: this.#other ?? account,
      freshKey: newTestKey(),
      order: this.#order,
      authorization: this.#authorization,
    }
  }

  async #post(target: string, body: Buffer): Promise<Answer> {
    const answer = await this.#pebble.send('POST', target, body)
    const nonce = answer.headers['replay-nonce']
    this.#nonce = typeof nonce === 'string' ? nonce : null
    return answer
  }

  #learn(operation: Operation, url: string): string {
    const target = url.slice(this.#origin.length)
    const canonical = canonicalTarget(target)
    const { authority } = this.#pebble
    const resource: Resource = {
      ...{ ca: 'pebble', authority, url, canonical, operation },
      ...{ account: null, order: null, authorization: null, issuance: null, identifiers: [] },
    }
    this.#learned.set(canonical, [...(this.#learned.get(canonical) ?? []), resource])
    return target
  }
}

/** What Pebble makes of the names of an order: lower case, each once. */
function namesOf(payload: unknown): string[] {
  return [
    ...new Set(
      identifiersOf(payload, 'newOrder').map(({ value }) =>
        value.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
      ),
    ),
  ]
}

function differ(what: string, ours: readonly string[], theirs: readonly string[]): string | null {
  const [a, b] = [[...ours].sort(), [...theirs].sort()].map((list) => JSON.stringify(list))
  return a === b ? null : `${what}: we read ${a}, it took ${b}`
}
