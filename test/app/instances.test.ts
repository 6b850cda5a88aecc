import { createHash, generateKeyPairSync } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { MergedReader } from '../../src/audit/merged-reader.ts'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { groupByIssuance } from '../../src/cli/group-by-issuance.ts'
import { renderTimeline } from '../../src/cli/timeline.ts'
import {
  type AuthorizationDocument,
  type ClientAnswer,
  httpsTransport,
  type OrderDocument,
  readJson,
  TestAcmeClient,
  type Transport,
} from '../support/acme-client.ts'
import { askAdmin } from '../support/acmetap-process.ts'
import { makeAccountKey } from '../support/sign-jws.ts'
import { makeCsr } from '../support/test-ca/certificates.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'
import { type Composed, compose, Opened } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

interface Instance extends Composed {
  readonly proxyPort: number
}

/** Two instances before one CA that know nothing of each other. */
async function openInstances() {
  const ca = opened.add(await startTestCa())
  return { ca, a: await openInstance(ca, 'a'), b: await openInstance(ca, 'b') }
}

async function openInstance(ca: TestCa, instance: string): Promise<Instance> {
  const sections = {
    instance,
    listeners: { proxy: { port: 0 }, admin: { port: 0 } },
    relay: [],
    intercept: { cas: ['ca'] },
  }
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }, { sections }))
  await world.settled()
  return { ...world, proxyPort: world.running.addresses.find(({ name }) => name === 'proxy')?.port ?? 0 }
}

/** A client whose connection leads to one instance now and to another later; it keeps what it sent. */
class MovingClient extends TestAcmeClient {
  readonly sent: { readonly digest: string; readonly answer: ClientAnswer }[]
  readonly #ways: Map<Instance, Transport>
  readonly #move: (to: Instance) => void

  static async through(instances: readonly Instance[]): Promise<MovingClient> {
    const ways = new Map<Instance, Transport>()
    for (const instance of instances) {
      const proxy = `http://127.0.0.1:${instance.proxyPort}`
      const root = await askAdmin(`${proxy}/root.pem`)
      ways.set(instance, opened.add(httpsTransport(root?.body ?? '', { proxy })))
    }
    return new MovingClient(ways)
  }

  constructor(ways: Map<Instance, Transport>) {
    const sent: MovingClient['sent'] = []
    let [way] = ways.values()
    super(
      {
        async send(method, url, body = Buffer.alloc(0), fields) {
          if (way === undefined) throw new Error('there is no instance')
          const answer = await way.send(method, url, method === 'POST' ? body : undefined, fields)
          sent.push({ digest: sha256(body), answer })
          return answer
        },
        close: () => undefined,
      },
      makeAccountKey(),
    )
    this.sent = sent
    this.#ways = ways
    this.#move = (to) => {
      way = this.#ways.get(to)
    }
  }

  via(instance: Instance): this {
    this.#move(instance)
    return this
  }
}

interface Begun {
  readonly url: string
  readonly order: OrderDocument
  readonly authorization: string
}

async function begin(client: MovingClient, name: string): Promise<Begun> {
  const identifiers = [{ type: 'dns', value: name }]
  const ordered = await client.post(client.directory?.newOrder ?? '', { identifiers })
  const order = readJson<OrderDocument>(ordered)
  return { url: ordered.fields.location ?? '', order, authorization: order.authorizations[0] ?? '' }
}

async function answerChallenge(client: MovingClient, { authorization }: Begun): Promise<ClientAnswer> {
  const { challenges } = readJson<AuthorizationDocument>(await client.post(authorization))
  return await client.post(challenges[0]?.url ?? '', {})
}

async function finalize(client: MovingClient, name: string, { order }: Begun): Promise<ClientAnswer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const csr = makeCsr(privateKey, spki, [{ type: 'dns', value: name }])
  return await client.post(order.finalize, { csr: csr.toString('base64url') })
}

/** What was asked by the intent, what the answer showed it to be, and what the signature is known to be worth. */
const seenBy = async (instance: Instance) =>
  (await instance.exchanges({ mode: 'intercept' })).map(({ intent, outcome }) => [
    intent.operation,
    outcome?.operation ?? null,
    intent.jws?.verdict ?? null,
  ])

async function merged(...instances: readonly Instance[]): Promise<readonly RecordedExchange[]> {
  const reader = new MergedReader(instances.map(({ running }) => running.operations))
  const found: RecordedExchange[] = []
  for await (const exchange of reader.oldestFirst({ mode: 'intercept' })) found.push(exchange)
  return found
}

/** Every request of these clients is recorded once, was sent as it came, and was answered as the CA answered. */
async function nothingWasChanged(
  ca: TestCa,
  clients: readonly MovingClient[],
  exchanges: readonly RecordedExchange[],
) {
  const byId = new Map(exchanges.map((exchange) => [exchange.id as string, exchange]))
  const sent = clients.flatMap((client) => client.sent)
  expect(exchanges.length).toBe(sent.length)
  const received = new Map(ca.log.requests.map(({ digest, order }) => [digest, order]))
  const answered = new Map(
    ca.log.entries.flatMap((one) => (one.kind === 'answer' ? [[one.request, one.digest]] : [])),
  )
  for (const { digest, answer } of sent) {
    const recorded = byId.get(answer.exchange ?? '')
    expect(recorded?.intent.decision).toEqual({ effect: 'allow', rule: null, ambiguities: [], policy: null })
    expect(recorded?.intent.request.digest).toBe(digest)
    expect(recorded?.outcome).toMatchObject({ outcome: 'response', status: answer.status })
    if (answer.method !== 'POST') continue
    expect(answered.get(received.get(digest) ?? 0)).toBe(answer.digest)
  }
}

test('an issuance begun through one instance is ended through another that has never seen it', async () => {
  const { ca, a, b } = await openInstances()
  const [one, other] = [await MovingClient.through([a, b]), await MovingClient.through([a, b])]
  const begun: Begun[] = []
  // Two clients of one address and one program: only the orders tell their issuances apart.
  for (const [client, name] of [
    [one, 'one.example'],
    [other, 'other.example'],
  ] as const) {
    await client.discover(ca.directory)
    await client.newAccount()
    begun.push(await begin(client, name))
  }
  for (const [i, client] of [one, other].entries()) await answerChallenge(client, begun[i]!)
  for (const row of await seenBy(a))
    expect(row).toEqual([expect.not.stringMatching('unrecognised'), null, row[2]])

  for (const [i, client] of [one, other].entries())
    await finalize(client.via(b), ['one.example', 'other.example'][i]!, begun[i]!)
  for (const [i, client] of [one, other].entries()) {
    const { certificate } = readJson<OrderDocument>(await client.post(begun[i]!.url))
    const { body } = await client.post(certificate ?? '')
    expect(body.toString()).toContain('BEGIN CERTIFICATE')
  }
  expect(await seenBy(b)).toEqual([
    ['unrecognised', 'finalize', 'keyUnknown'],
    ['unrecognised', 'finalize', 'keyUnknown'],
    ['order', null, 'keyUnknown'],
    ['certificate', null, 'keyUnknown'],
    ['order', null, 'keyUnknown'],
    ['certificate', null, 'keyUnknown'],
  ])

  const exchanges = await merged(a, b)
  await nothingWasChanged(ca, [one, other], exchanges)
  const issuances = groupByIssuance(exchanges).filter(({ id }) => id !== null)
  const told = issuances.map((issuance) =>
    issuance.exchanges
      .filter(({ intent }) => intent.jws?.kid)
      .map(({ intent, outcome }) => [
        intent.instance,
        outcome?.operation ?? intent.operation,
        intent.account,
      ]),
  )
  expect(told).toEqual(
    [one, other].map(({ account }) => [
      ['a', 'newOrder', account],
      ['a', 'authorization', account],
      ['a', 'challenge', account],
      ['b', 'finalize', account],
      ['b', 'order', account],
      ['b', 'certificate', account],
    ]),
  )
  const headings = renderTimeline(exchanges)
    .split('\n')
    .filter((line) => line.includes('→'))
  expect(headings).toEqual([
    expect.stringMatching(/ one\.example .*→ certificate delivered$/),
    expect.stringMatching(/ other\.example .*→ certificate delivered$/),
  ])
})

test('whatever URL an instance meets first, the answer says what it is, and it is known from then on', async () => {
  const { ca, a, b } = await openInstances()
  const client = await MovingClient.through([a, b])
  await client.discover(ca.directory)
  await client.newAccount()
  const begun = await begin(client, 'a.example')
  const { challenges } = readJson<AuthorizationDocument>(await client.post(begun.authorization))
  const challenge = challenges[0]?.url ?? ''
  const before = (await seenBy(b)).length

  client.via(b)
  await client.post(challenge, {})
  await client.post(challenge)
  await client.post(begun.authorization)
  await client.post(begun.url)
  await finalize(client, 'a.example', begun)
  await client.post(client.account ?? '', {})
  await client.post(client.account ?? '', {})
  const through = (await seenBy(b)).slice(before).map(([asked, told]) => [asked, told])
  expect(through).toEqual([
    ['unrecognised', 'challenge'],
    ['challenge', null],
    // The challenge's answer links to it.
    ['authorization', null],
    ['unrecognised', 'order'],
    ['finalize', null],
    ['unrecognised', 'account'],
    ['account', null],
  ])

  // The certificate of the one is fetched first through the other, which never heard of its order either.
  const { certificate } = readJson<OrderDocument>(await client.post(begun.url))
  await client.via(a).post(certificate ?? '')
  expect((await seenBy(a)).at(-1)).toEqual(['unrecognised', 'certificate', 'verified'])
  const exchanges = await merged(a, b)
  await nothingWasChanged(ca, [client], exchanges)
  const [issuance, ...others] = groupByIssuance(exchanges)
  expect([issuance?.exchanges.length, others]).toEqual([exchanges.length, []])
  expect(renderTimeline(exchanges)).toContain('→ certificate delivered')
})

test('a signature is verified where the key is known, and called unknown where it is not', async () => {
  const { ca, a, b } = await openInstances()
  const client = await MovingClient.through([a, b])
  await client.discover(ca.directory)
  await client.newAccount()
  const verdict = async (instance: Instance) => (await seenBy(instance)).at(-1)?.[2]
  await begin(client, 'a.example')
  expect(await verdict(a)).toBe('verified')
  await begin(client.via(b), 'b.example')
  expect(await verdict(b)).toBe('keyUnknown')

  // RFC 8555 §7.3.1: the account is asked for by its key, which the CA's answer then vouches for.
  const found = await client.newAccount({ onlyReturnExisting: true })
  expect([found.status, await verdict(b)]).toEqual([200, 'verified'])
  await begin(client, 'c.example')
  expect(await verdict(b)).toBe('verified')

  const another = await MovingClient.through([a, b])
  await another.discover(ca.directory)
  await another.newAccount()
  await begin(another.via(b), 'd.example')
  expect(await verdict(b)).toBe('keyUnknown')
  const { added } = await b.running.operations.importAccounts(await a.running.operations.accounts())
  expect(added).toBe(1)
  await begin(another, 'e.example')
  expect(await verdict(b)).toBe('verified')
  await nothingWasChanged(ca, [client, another], await merged(a, b))
})
