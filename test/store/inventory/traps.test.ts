import { afterEach, beforeEach, expect, test } from 'vitest'
import { readCertificateChain } from '../../../src/acme/certificate.ts'
import type { InventoriedAccount } from '../../../src/audit/inventory/account.ts'
import type { InventoriedCertificate } from '../../../src/audit/inventory/certificate.ts'
import type { Client } from '../../../src/audit/inventory/client.ts'
import { everyPage, type Paging } from '../../../src/audit/inventory/every-page.ts'
import type { Failure, RateLimitEvent } from '../../../src/audit/inventory/failure.ts'
import type { InventoriedOrder, OrderDetail } from '../../../src/audit/inventory/order.ts'
import type { Page } from '../../../src/audit/inventory/values.ts'
import type { FactDraft } from '../../../src/audit/record.ts'
import type { InventoryKeeper, Question } from '../../../src/store/sqlite/inventory/inventory-keeper.ts'
import { dns, ORIGIN, problem, Story, type StoryClient, type Told } from '../../support/acme-story.ts'
import {
  authorizationAnswer,
  createAccount,
  deliver,
  derOf,
  importedEvent,
  issuance,
  newOrder,
  type OrderPlan,
  orderAnswer,
  REFUSED,
} from '../../support/story-scripts.ts'
import { keeperOf, makeFolder, record, takeIn } from './inventory-world.ts'

const ACCOUNT = `${ORIGIN}/acct/1`
const CERTBOT: StoryClient = { address: '192.0.2.1', userAgent: 'certbot/2.1.0 (Debian)' }

let world: Awaited<ReturnType<typeof makeFolder>>
let story: Story
let facts: FactDraft[]

beforeEach(async () => {
  world = await makeFolder()
  story = new Story()
  facts = []
})

afterEach(() => world.remove())

function happens(steps: Iterable<Told>, client = CERTBOT): void {
  for (const told of steps) {
    const { intent, outcome } = story.exchange(client, told)
    facts.push(intent, outcome)
  }
}

function planOf(name: string, changes: Partial<OrderPlan> = {}): OrderPlan {
  const order = `${ORIGIN}/order/${name}`
  return {
    account: ACCOUNT,
    order,
    names: dns(`${name}.example`),
    authorizations: [`${ORIGIN}/authz/${name}`],
    ...changes,
  }
}

/** Asks once everything that happened is taken in. */
async function asked<T>(
  use: (ask: (name: Question, given: unknown) => Promise<unknown>, keeper: InventoryKeeper) => Promise<T>,
): Promise<T> {
  await record(world.folder, facts)
  facts = []
  const keeper = keeperOf(world.folder)
  try {
    takeIn(keeper)
    return await use((name, given) => keeper.ask(name, [given]), keeper)
  } finally {
    keeper.close()
  }
}

function list<T>(name: Question, filter: object = {}): Promise<readonly T[]> {
  return asked(async (ask) => {
    const found: T[] = []
    const fetch = (page: Paging) => ask(name, { ...page, ...filter }) as Promise<Page<T>>
    // A page ends where its time is up.
    for await (const { items } of everyPage(fetch, 100)) found.push(...items)
    return found
  })
}

function detail(url: string): Promise<OrderDetail> {
  return asked(async (ask) => (await ask('order', url)) as OrderDetail)
}

test("an order's `expires` is not notAfter", async () => {
  const plan = planOf('a')
  const chain = story.leaf(plan.names) + story.root.pem
  happens(issuance(story, plan, chain))
  const [order] = await list<InventoriedOrder>('orders')
  const [certificate] = await list<InventoriedCertificate>('certificates')
  const { leaf } = readCertificateChain(Buffer.from(chain))!
  expect(order).toMatchObject({
    expires: '2026-12-01T00:00:00.000Z',
    notAfter: null,
    status: 'valid',
    diagnosis: null,
  })
  expect(certificate).toMatchObject({
    serial: leaf.serial,
    notAfter: new Date(leaf.notAfter / 1000).toISOString(),
    order: order!.id,
    client: order!.client!.id,
    source: 'observed',
  })
  expect(order!.certificate).toBe(leaf.fingerprint)
  expect(order!.csr).toMatchObject({ names: plan.names, keyType: 'P-256', keyBits: 256 })
})

test('a CA returns the same order again: one order, two requests', async () => {
  const plan = planOf('a')
  happens([createAccount(ACCOUNT, []), newOrder(plan, 'pending'), newOrder(plan, 'pending')])
  expect(await list<InventoriedOrder>('orders')).toMatchObject([
    { url: plan.order, requests: 2, status: 'pending' },
  ])
})

test('a reused authorization is told apart from one that this order obtained', async () => {
  const first = planOf('a')
  const second = { ...planOf('b'), names: first.names, authorizations: first.authorizations }
  happens(issuance(story, first, story.leaf(first.names) + story.root.pem))
  happens([newOrder(second, 'ready'), newOrder(first, 'valid')])
  expect((await detail(first.order)).authorizations).toMatchObject([{ reused: false, status: 'valid' }])
  expect((await detail(second.order)).authorizations).toMatchObject([{ reused: true }])
})

test('alternate chains are one certificate', async () => {
  const plan = planOf('a')
  const chain = story.leaf(plan.names) + story.root.pem
  happens(issuance(story, plan, chain))
  const other: Told = {
    operation: 'certificate',
    url: `${plan.order}/certificate/1`,
    account: ACCOUNT,
    answer: story.leafWith(chain),
  }
  happens([other, other])
  const certificates = await list<InventoriedCertificate>('certificates')
  expect(certificates).toHaveLength(1)
  expect(certificates[0]).toMatchObject({
    alternates: ['CN=Other Root'],
    chain: [{ subject: 'CN=Story Root' }],
  })
})

test('a certificate downloaded by another account belongs to the one that ordered it', async () => {
  const plan = planOf('a')
  const chain = story.leaf(plan.names) + story.root.pem
  happens(issuance(story, plan, chain))
  const reader = `${ORIGIN}/acct/reader`
  happens([{ operation: 'certificate', url: `${plan.order}/certificate`, account: reader, answer: chain }])
  const [certificate] = await list<InventoriedCertificate>('certificates')
  expect(certificate!.account?.url).toBe(ACCOUNT)
  expect(certificate!.downloadedBy.map(({ account }) => account)).toEqual([ACCOUNT, reader])
})

test('revocation by certificate key and by account; of one that was never seen; again', async () => {
  const [own, byAccount, unseen] = ['a', 'b', 'c'].map((name) => planOf(name))
  const chains = [own!, byAccount!, unseen!].map(({ names }) => story.leaf(names) + story.root.pem)
  happens(issuance(story, own!, chains[0]!))
  happens(issuance(story, byAccount!, chains[1]!))
  const revoke = (chain: string, account: string | null): Told => ({
    operation: 'revokeCert',
    account,
    payload: { certificate: derOf(chain), reason: 1 },
  })
  happens([revoke(chains[0]!, null), revoke(chains[1]!, ACCOUNT), revoke(chains[2]!, null)])
  happens([{ ...revoke(chains[0]!, ACCOUNT), status: 400, answer: problem('alreadyRevoked', 'before') }])
  const found = await list<InventoriedCertificate>('certificates')
  const shown = Object.fromEntries(found.map((one) => [one.identifiers[0]!.value, one]))
  expect(shown['a.example']).toMatchObject({ revokedBy: 'certificateKey', revocationReason: 1 })
  expect(shown['b.example']).toMatchObject({ revokedBy: 'account' })
  expect(shown['c.example']).toMatchObject({ revokedBy: 'certificateKey', order: null })
  const accounts = await list<InventoriedAccount>('accounts')
  expect(accounts.map(({ url }) => url)).toEqual([ACCOUNT])
})

test('key change: the thumbprint of the inner key, and when (RFC 8555 §7.3.5)', async () => {
  const jwk = { kty: 'RSA', n: 'AQAB', e: 'AQAB' }
  const header = Buffer.from(JSON.stringify({ alg: 'RS256', jwk })).toString('base64url')
  happens([createAccount(ACCOUNT, ['mailto:a@example.com'])])
  happens([
    {
      operation: 'keyChange',
      account: ACCOUNT,
      payload: { protected: header, payload: 'e30', signature: 'AA' },
    },
  ])
  const [account] = await list<InventoriedAccount>('accounts')
  expect(account).toMatchObject({ keyType: 'RSA', contacts: ['mailto:a@example.com'], status: 'valid' })
  expect(account!.thumbprint).toMatch(/^[\w-]{43}$/)
  expect(account!.keyChanges).toHaveLength(1)
})

test('IP identifiers (RFC 8738), profiles and `replaces` (RFC 9773 §5)', async () => {
  const names = [{ type: 'ip', value: '2001:db8::1' }]
  const [old, renewed] = [planOf('a', { names }), planOf('b', { names: dns('other.example') })]
  const oldChain = story.leaf(names) + story.root.pem
  const newChain = story.leaf(renewed.names) + story.root.pem
  happens(issuance(story, old, oldChain))
  const { ariId, fingerprint } = readCertificateChain(Buffer.from(oldChain))!.leaf
  happens([
    newOrder(renewed, 'ready', { profile: 'shortlived', replaces: ariId, notAfter: '2026-12-24T00:00:00Z' }),
  ])
  happens(deliver(story, renewed, newChain))
  const [second, first] = await list<InventoriedCertificate>('certificates')
  expect(first).toMatchObject({ identifiers: names, fingerprint, replacedBy: second!.fingerprint })
  expect(second).toMatchObject({ replaces: fingerprint, profile: 'shortlived', replacedBy: null })
  expect((await list<InventoriedOrder>('orders'))[0]).toMatchObject({
    profile: 'shortlived',
    replaces: ariId,
    notAfter: '2026-12-24T00:00:00.000Z',
  })
})

test('onlyReturnExisting: an account that is not there is a question, one that is keeps its contacts', async () => {
  const question = { onlyReturnExisting: true }
  happens([
    {
      ...createAccount(ACCOUNT, [], question),
      status: 400,
      answer: problem('accountDoesNotExist', 'no'),
      fields: [],
    },
  ])
  expect(await list('accounts')).toEqual([])
  expect(await list('failures')).toEqual([])
  happens([createAccount(ACCOUNT, ['mailto:a@example.com'])])
  happens([{ ...createAccount(ACCOUNT, ['mailto:b@example.com'], question), status: 200 }])
  expect(await list('accounts')).toMatchObject([{ url: ACCOUNT, contacts: ['mailto:a@example.com'] }])
})

test('an account seen first through its kid; a kid that proves nothing makes none', async () => {
  const unknown = { verdict: 'keyUnknown' as const }
  const strange = newOrder(planOf('x', { account: `${ORIGIN}/acct/forged`, ...unknown }), 'pending')
  happens([{ ...strange, status: 400, answer: problem('malformed', 'JWS verification error'), fields: [] }])
  expect(await list('accounts')).toEqual([])
  happens([newOrder(planOf('a', unknown), 'pending')])
  expect(await list('accounts')).toMatchObject([{ url: ACCOUNT, thumbprint: null, status: null, orders: 1 }])
  expect(await list('orders')).toMatchObject([{ account: { url: ACCOUNT } }])
})

test('a client without an account until then is taken over by the first account; versions are one client', async () => {
  const nonce: Told = { operation: 'newNonce', payload: null }
  happens([nonce])
  const [before] = await list<Client>('clients')
  expect(before).toMatchObject({ account: null, program: 'certbot', source: '192.0.2.1' })
  happens([createAccount(ACCOUNT, []), nonce])
  happens([nonce], { ...CERTBOT, userAgent: 'certbot/3.0.0 (Debian)' })
  const clients = await list<Client>('clients')
  expect(clients).toMatchObject([
    { account: { url: ACCOUNT }, versions: ['2.1.0', '3.0.0'], modes: ['intercept'] },
  ])
  expect(clients[0]!.id).not.toBe(before!.id)
})

test('a failed challenge is one failure, however it is told and however often', async () => {
  const url = `${ORIGIN}/authz/a`
  const challenge = { type: 'http-01', url: `${url}/http`, token: 't', status: 'invalid', error: REFUSED }
  const up: Told['fields'] = [['link', `<${url}>;rel="up"`]]
  const plan = planOf('a')
  const [name] = plan.names
  const byOrder: Told = {
    operation: 'order',
    url: plan.order,
    account: ACCOUNT,
    answer: orderAnswer(plan, 'invalid', { error: REFUSED }),
  }
  const byAuthorization: Told = {
    operation: 'authorization',
    url,
    account: ACCOUNT,
    answer: authorizationAnswer(url, name!, 'invalid', challenge),
  }
  const byChallenge: Told = {
    operation: 'challenge',
    url: `${url}/http`,
    account: ACCOUNT,
    answer: challenge,
    fields: up,
  }
  happens([newOrder(plan, 'pending')])
  happens([
    { operation: 'authorization', url, account: ACCOUNT, answer: authorizationAnswer(url, name!, 'pending') },
  ])
  happens([byOrder])
  expect(await list<Failure>('failures')).toMatchObject([{ names: ['a.example'], operation: 'order' }])
  happens([byAuthorization, byChallenge, byOrder, byChallenge])
  const failures = await list<Failure>('failures')
  expect(failures).toMatchObject([
    {
      challengeType: 'http-01',
      diagnosis: { class: 'connection-refused' },
      names: ['a.example'],
      operation: 'order',
    },
  ])
  expect(await list<InventoriedOrder>('orders')).toMatchObject([
    { id: failures[0]!.order, diagnosis: { class: 'connection-refused' } },
  ])
})

test('failing exchanges: bad nonce, subproblems, limits of the CA and of our own, unknown outcomes', async () => {
  const plan = planOf('a', { names: dns('good.example', 'bad.example') })
  const failing = (status: number, answer: object, more: Partial<Told> = {}): Told => ({
    ...newOrder(plan, ''),
    status,
    answer,
    fields: [],
    ...more,
  })
  const subproblems = [{ ...problem('rejectedIdentifier', 'policy'), identifier: dns('bad.example')[0] }]
  const paced = {
    type: 'urn:ietf:params:acme:error:rateLimited',
    detail: 'Service busy; retry in 7 s. acmetap did not send this request',
    status: 503,
  }
  happens([createAccount(ACCOUNT, []), failing(400, problem('badNonce', 'old'))])
  happens([failing(403, problem('rejectedIdentifier', 'several', { subproblems }))])
  happens([
    failing(
      429,
      problem(
        'rateLimited',
        'too many new orders (300) from this account in the last 3h0m0s, retry after 2026-11-22 12:00:00 UTC',
      ),
    ),
  ])
  happens([failing(0, {}, { rule: 'paced-out', outcome: { kind: 'refused', problem: paced } })])
  const unfinished = story.exchange(CERTBOT, newOrder(plan, 'pending'))
  facts.push(unfinished.intent)
  await record(world.folder, facts)
  facts = []
  const { openSqliteStore } = await import('../../../src/store/sqlite/open.ts')
  const opened = await openSqliteStore({ folder: world.folder, now: 2, boot: 'later', software: 'test' })
  expect(await opened.store.closeDeadIntents(story.now, 1)).toBe(1)
  await opened.close()
  const classes = (await list<Failure>('failures')).map(({ diagnosis, names }) => [diagnosis.class, names])
  const both = ['good.example', 'bad.example']
  expect(classes).toEqual([
    ['interrupted', both],
    ['acmetap-busy', both],
    ['rate-limit', both],
    [expect.any(String), ['bad.example']],
    ['bad-nonce', both],
  ])
  expect(await list<RateLimitEvent>('rateLimits')).toMatchObject([
    { by: 'acmetap', operation: 'newOrder' },
    { by: 'ca', limit: 'NewOrdersPerAccount', until: '2026-11-22T12:00:00.000Z' },
  ])
  expect(await list<InventoriedOrder>('orders')).toEqual([])
})

test('imported certificates: known before, seen later, and the other way round', async () => {
  const plan = planOf('a')
  const chain = story.leaf(plan.names) + story.root.pem
  const old = story.leaf(dns('old.example')) + story.root.pem
  facts.push(importedEvent(story, [chain, old], 'web1'))
  expect(await list<InventoriedCertificate>('certificates')).toMatchObject([
    { source: 'imported', imported: { host: 'web1', unmanaged: true }, ca: null, order: null },
    { source: 'imported' },
  ])
  happens(issuance(story, plan, chain))
  facts.push(importedEvent(story, [chain], 'web2'))
  const found = await list<InventoriedCertificate>('certificates', { source: 'observed' })
  expect(found).toMatchObject([{ ca: 'story', imported: { host: 'web2' }, account: { url: ACCOUNT } }])
})

test('exchanges under way at the same time are each their own', async () => {
  const [one, two] = [planOf('a'), planOf('b', { account: `${ORIGIN}/acct/2` })]
  const first = story.exchange(CERTBOT, newOrder(one, 'pending'))
  const second = story.exchange({ ...CERTBOT, address: '192.0.2.2' }, newOrder(two, 'pending'))
  facts.push(first.intent, second.intent, second.outcome, first.outcome)
  const orders = await list<InventoriedOrder>('orders')
  expect(orders.map(({ url, account }) => [url, account?.url])).toEqual([
    [two.order, two.account],
    [one.order, ACCOUNT],
  ])
})
