import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readCertificateChain } from '../../../src/acme/certificate.ts'
import type { InventoriedAccount } from '../../../src/audit/inventory/account.ts'
import type { InventoriedCertificate } from '../../../src/audit/inventory/certificate.ts'
import type { InventoriedChallenge } from '../../../src/audit/inventory/challenge.ts'
import type { Client } from '../../../src/audit/inventory/client.ts'
import { everyPage, type Paging } from '../../../src/audit/inventory/every-page.ts'
import type { Failure } from '../../../src/audit/inventory/failure.ts'
import type { InventoriedOrder, OrderDetail } from '../../../src/audit/inventory/order.ts'
import type { Page } from '../../../src/audit/inventory/values.ts'
import { bareOutcome } from '../../../src/audit/outcome.ts'
import type { FactDraft, IntentContent } from '../../../src/audit/record.ts'
import { openForReading } from '../../../src/store/sqlite/connection.ts'
import { databaseFile } from '../../../src/store/sqlite/folder.ts'
import { inventoryFile, openInventoryFile } from '../../../src/store/sqlite/inventory/inventory-file.ts'
import type { Question } from '../../../src/store/sqlite/inventory/inventory-keeper.ts'
import { Projector } from '../../../src/store/sqlite/inventory/projector.ts'
import { RecordFacts } from '../../../src/store/sqlite/inventory/record-facts.ts'
import { dns, ORIGIN, problem, Story, type StoryClient, type Told } from '../../support/acme-story.ts'
import { dumpInventory } from '../../support/inventory-dump.ts'
import {
  authorizationAnswer,
  authorize,
  createAccount,
  issuance,
  newOrder,
  type OrderPlan,
  orderAnswer,
  REFUSED,
} from '../../support/story-scripts.ts'
import { inventoried, keeperOf, makeFolder, record, takeIn } from './inventory-world.ts'

const ACCOUNT = `${ORIGIN}/acct/1`
const CERTBOT: StoryClient = { address: '192.0.2.1', userAgent: 'certbot/2.1.0 (Debian)' }
const STRANGER: StoryClient = { address: '203.0.113.9', userAgent: 'curl/8' }

let world: Awaited<ReturnType<typeof makeFolder>>
let story: Story
let facts: FactDraft[]

beforeEach(async () => {
  world = await makeFolder()
  story = new Story()
  facts = []
})

afterEach(() => world.remove())

function happens(steps: Iterable<Told>, client = CERTBOT, of = story): void {
  for (const told of steps) {
    const { intent, outcome } = of.exchange(client, told)
    facts.push(intent, outcome)
  }
}

function planOf(name: string, changes: Partial<OrderPlan> = {}): OrderPlan {
  return {
    account: ACCOUNT,
    order: `${ORIGIN}/order/${name}`,
    names: dns(`${name}.example`),
    authorizations: [`${ORIGIN}/authz/${name}`],
    ...changes,
  }
}

async function asked<T>(use: (ask: (name: Question, given: unknown) => Promise<unknown>) => Promise<T>) {
  await record(world.folder, facts)
  facts = []
  const keeper = keeperOf(world.folder)
  try {
    takeIn(keeper)
    return await use((name, given) => keeper.ask(name, [given]))
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

const refused = (told: Told, status: number, type: string, more: Partial<Told> = {}): Told => ({
  ...told,
  status,
  answer: problem(type, 'no'),
  fields: [],
  ...more,
})

test('an answer that is recorded late does not take back how far things had come (RFC 8555 §7.1.6)', async () => {
  const plan = planOf('a')
  const [url] = plan.authorizations
  happens([newOrder(plan, 'pending')])
  const late = [
    { operation: 'order', url: plan.order, account: ACCOUNT, answer: orderAnswer(plan, 'pending') },
    {
      operation: 'authorization',
      url: url!,
      account: ACCOUNT,
      answer: authorizationAnswer(url!, plan.names[0]!, 'pending'),
    },
  ].map((told) => story.exchange(CERTBOT, told as Told))
  facts.push(...late.map(({ intent }) => intent))
  happens([...issuance(story, plan, story.leaf(plan.names) + story.root.pem)].slice(1))
  facts.push(...late.map(({ outcome }) => outcome))
  expect(await detail(plan.order)).toMatchObject({
    status: 'valid',
    diagnosis: null,
    authorizations: [
      { status: 'valid', challenges: [{ status: 'valid', type: 'http-01' }, { status: 'pending' }] },
    ],
  })
})

test('a poll of a challenge does not bring a deactivated authorization back', async () => {
  const plan = planOf('a')
  const [url] = plan.authorizations
  const [name] = plan.names
  happens([newOrder(plan, 'pending'), ...authorize(plan, url!, name!)])
  happens([
    {
      operation: 'authorization',
      url: url!,
      account: ACCOUNT,
      payload: { status: 'deactivated' },
      answer: authorizationAnswer(url!, name!, 'deactivated', { status: 'valid' }),
    },
    {
      operation: 'challenge',
      url: `${url}/http`,
      account: ACCOUNT,
      answer: { type: 'http-01', url: `${url}/http`, token: 't', status: 'valid' },
      fields: [['link', `<${url}>;rel="up"`]],
    },
  ])
  expect((await detail(plan.order)).authorizations).toMatchObject([{ status: 'deactivated' }])
})

test('a challenge keeps its error where a later answer leaves it out; one that is valid is not diagnosed', async () => {
  const [bad, good] = [planOf('bad'), planOf('good')]
  const challenge = (plan: OrderPlan, status: string, error?: object): Told => {
    const url = plan.authorizations[0]!
    return {
      operation: 'challenge',
      url: `${url}/http`,
      account: ACCOUNT,
      payload: {},
      answer: { type: 'http-01', url: `${url}/http`, token: 't', status, ...(error && { error }) },
      fields: [['link', `<${url}>;rel="up"`]],
    }
  }
  const { type } = REFUSED as { type: string }
  happens([newOrder(bad, 'pending'), challenge(bad, 'pending'), challenge(bad, 'invalid', REFUSED)])
  happens([
    {
      operation: 'authorization',
      url: bad.authorizations[0]!,
      account: ACCOUNT,
      answer: authorizationAnswer(bad.authorizations[0]!, bad.names[0]!, 'invalid', { status: 'invalid' }),
    },
  ])
  happens([newOrder(good, 'pending'), challenge(good, 'processing', REFUSED), challenge(good, 'valid')])
  expect(await list<Failure>('failures')).toMatchObject([
    { problem: { type }, diagnosis: { class: 'connection-refused' } },
  ])
  expect(await list<InventoriedChallenge>('challenges')).toMatchObject([
    { status: 'valid', diagnosis: null },
    { status: 'invalid', diagnosis: { class: 'connection-refused' } },
  ])
  expect(await list<InventoriedOrder>('orders')).toMatchObject([
    { diagnosis: null },
    { diagnosis: { class: 'connection-refused' } },
  ])
})

test('the detail of one error is not told with the type of another', async () => {
  const plan = planOf('a')
  const poll = (error: object): Told => ({
    operation: 'order',
    url: plan.order,
    account: ACCOUNT,
    answer: orderAnswer(plan, 'invalid', { error }),
  })
  const type = 'urn:ietf:params:acme:error:serverInternal'
  happens([newOrder(plan, 'pending'), poll(REFUSED), poll({ type })])
  expect(await list<InventoriedOrder>('orders')).toMatchObject([{ error: { type, detail: null } }])
})

test('a finalize that was refused and the order that tells it again are one failure', async () => {
  const plan = planOf('a')
  const caa = problem('caa', 'CAA record for a.example prevents issuance')
  happens([newOrder(plan, 'ready')])
  happens([
    {
      operation: 'finalize',
      url: `${plan.order}/finalize`,
      account: ACCOUNT,
      payload: { csr: story.csr(plan.names) },
      status: 403,
      answer: caa,
    },
    {
      operation: 'order',
      url: plan.order,
      account: ACCOUNT,
      answer: orderAnswer(plan, 'invalid', { error: caa }),
    },
  ])
  expect(await list<Failure>('failures')).toMatchObject([
    { operation: 'finalize', diagnosis: { class: 'caa' } },
  ])
  expect(await list<InventoriedOrder>('orders')).toMatchObject([{ diagnosis: { class: 'caa' } }])
})

test('a name that is written like two names stands for itself', async () => {
  const both = planOf('a', { names: dns('a.example', 'b.example') })
  const forged = planOf('x', { names: [{ type: 'dns', value: 'a.example\ndns:b.example' }] })
  happens([refused(newOrder(forged, ''), 400, 'malformed')], STRANGER)
  happens([newOrder(both, 'pending')])
  expect(
    await list<InventoriedOrder>('orders', { name: { kind: 'exact', value: 'b.example' } }),
  ).toMatchObject([{ url: both.order, identifiers: both.names }])
})

test("a certificate of another CA does not replace one; certbot's dry run is one", async () => {
  const plan = planOf('a')
  const chain = story.leaf(plan.names) + story.root.pem
  const staging = new Story('staging')
  happens(issuance(story, plan, chain))
  staging.now = story.now + 86_400_000_000
  happens(issuance(staging, plan, staging.leaf(plan.names) + staging.root.pem), CERTBOT, staging)
  expect(await list<InventoriedCertificate>('certificates')).toMatchObject([
    { ca: 'staging', replaces: null },
    { ca: 'story', replacedBy: null },
  ])
  story.now = staging.now + 86_400_000_000
  const renewed = story.leaf(plan.names) + story.root.pem
  happens(issuance(story, { ...plan, order: `${ORIGIN}/order/b` }, renewed))
  const { fingerprint } = readCertificateChain(Buffer.from(renewed))!.leaf
  const [last, , first] = await list<InventoriedCertificate>('certificates')
  expect([last!.replaces, first!.replacedBy]).toEqual([first!.fingerprint, fingerprint])
})

test('`replaces` names what is of the same account, or has a name in common (RFC 9773 §5)', async () => {
  const victim = planOf('victim')
  const chain = story.leaf(victim.names) + story.root.pem
  happens(issuance(story, victim, chain))
  const { ariId } = readCertificateChain(Buffer.from(chain))!.leaf
  const other = planOf('other', { account: `${ORIGIN}/acct/2` })
  const [first, ...rest] = issuance(story, other, story.leaf(other.names) + story.root.pem)
  happens([{ ...first!, payload: { identifiers: other.names, replaces: ariId } }, ...rest], STRANGER)
  expect(await list<InventoriedCertificate>('certificates')).toMatchObject([
    { replaces: null },
    { replacedBy: null },
  ])
})

test('a certificate without an end (RFC 5280 §4.1.2.5) is valid', async () => {
  const plan = planOf('a')
  const pem = story.leaf(plan.names)
  const der = Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64')
  const forever = endless(der)
  const text = `-----BEGIN CERTIFICATE-----\n${forever.toString('base64')}\n-----END CERTIFICATE-----\n`
  happens(issuance(story, plan, text + story.root.pem))
  expect(await list<InventoriedCertificate>('certificates', { state: 'valid' })).toMatchObject([
    { notAfter: '9999-12-31T23:59:59.000Z' },
  ])
})

test('who names the account of somebody else neither shows it nor becomes its client', async () => {
  const forged = (told: Told, more: Partial<Told> = {}): Told =>
    refused({ ...told, verdict: 'keyUnknown' }, 400, 'malformed', {
      // Boulder sends it before it has verified the signature.
      fields: [['boulder-requester', '77']],
      ...more,
    })
  happens([forged(newOrder(planOf('x'), ''))], STRANGER)
  happens([{ ...forged(newOrder(planOf('x'), '')), verdict: 'invalid' }], STRANGER)
  expect(await list<InventoriedAccount>('accounts')).toEqual([])
  happens([createAccount(ACCOUNT, [])])
  const [before] = await list<InventoriedAccount>('accounts')
  happens([forged(newOrder(planOf('x'), ''))], STRANGER)
  expect(await list<InventoriedAccount>('accounts')).toEqual([before])
  const clients = await list<Client>('clients')
  expect(clients.filter(({ account }) => account !== null)).toMatchObject([{ source: CERTBOT.address }])
})

test('an account that was there keeps the key id of its external binding (RFC 8555 §7.3.1)', async () => {
  const bound = (kid: string) => ({
    externalAccountBinding: {
      protected: Buffer.from(JSON.stringify({ alg: 'HS256', kid, url: 'x' })).toString('base64url'),
      payload: 'e30',
      signature: 'AA',
    },
  })
  happens([createAccount(ACCOUNT, [], bound('first'))])
  happens([{ ...createAccount(ACCOUNT, [], bound('other')), status: 200 }])
  expect(await list<InventoriedAccount>('accounts')).toMatchObject([{ externalAccount: 'first' }])
})

test("a directory that acmetap itself asked for when it was stopped is nobody's failure", async () => {
  for (const mode of ['engine', 'intercept'] as const) {
    const { id, intent } = story.exchange(CERTBOT, { operation: 'directory', payload: null })
    facts.push({ ...intent, content: { ...(intent.content as IntentContent), mode } } as FactDraft)
    facts.push(bareOutcome(id, 'unknown', story.now, story.now))
  }
  expect(await list<Failure>('failures')).toMatchObject([
    { mode: 'intercept', diagnosis: { class: 'interrupted' } },
  ])
})

test('accounts by URL, id and thumbprint; of one that is not there the filter is refused', async () => {
  const other = `${ORIGIN}/acct/2`
  happens([createAccount(ACCOUNT, []), createAccount(other, [])])
  const [one] = await list<InventoriedAccount>('accounts', { account: ACCOUNT })
  expect(one!.url).toBe(ACCOUNT)
  for (const account of [ACCOUNT, one!.id, one!.thumbprint])
    expect(await list('accounts', { account })).toEqual([one])
  await expect(list('accounts', { account: `${ORIGIN}/acct/3` })).rejects.toThrow(/account/)
})

test('when an account was first asked for does not hang on what is remembered', async () => {
  happens([createAccount(ACCOUNT, [])])
  const plan = planOf('a', { account: `${ORIGIN}/acct/2` })
  const poll: Told = {
    operation: 'order',
    url: plan.order,
    account: plan.account,
    answer: orderAnswer(plan, 'pending'),
  }
  const [first, second, third] = [poll, newOrder(plan, 'pending'), poll].map((told) =>
    story.exchange(CERTBOT, told),
  )
  facts.push(first!.intent, second!.intent, second!.outcome, third!.intent, third!.outcome, first!.outcome)
  await record(world.folder, facts)
  const file = `${world.folder}/pieces.sqlite`
  for (;;) {
    const source = new RecordFacts(openForReading(databaseFile(world.folder)))
    const db = openInventoryFile(file, source)
    const more = new Projector(db, source).step(0)
    db.close()
    source.close()
    if (!more) break
  }
  expect(dumpInventory(file)).toEqual(inventoried(world.folder))
})

test('what a client calls itself does not grow without end', async () => {
  for (let n = 0; n < 300; n++)
    happens([{ operation: 'newNonce', payload: null }], { ...CERTBOT, userAgent: `certbot/${n}` })
  const [client] = await list<Client>('clients')
  expect(client!.versions.length).toBeLessThanOrEqual(100)
  expect(client!.versions.at(-1)).toBe('299')
})

test('a fact that the tables do not take is left out and told; what comes behind it is taken in', async () => {
  happens([newOrder(planOf('a'), 'pending')])
  await list('orders')
  const db = new Database(inventoryFile(world.folder))
  db.exec(
    "create trigger refuse before insert on orders when new.url like '%/bad' begin select raise(abort, 'no'); end",
  )
  db.close()
  happens([newOrder(planOf('bad'), 'pending'), newOrder(planOf('b'), 'pending')])
  await record(world.folder, facts)
  const keeper = keeperOf(world.folder)
  while (keeper.step()) {
    // until nothing is left
  }
  const { fault, projected, recorded } = keeper.progress()
  const { items } = (await keeper.ask('orders', [{ limit: 10 }])) as Page<InventoriedOrder>
  keeper.close()
  expect([projected, fault]).toEqual([recorded, expect.stringContaining('1 facts could not be read')])
  expect(items.map(({ url }) => url)).toEqual([planOf('b').order, planOf('a').order])
})

/** The same certificate with notAfter 99991231235959Z; its signature is as good as before, which nobody looks at here. */
function endless(der: Buffer): Buffer {
  const validity = der.indexOf(Buffer.from([0x30, 0x1e, 0x17, 0x0d]))
  if (validity < 0) throw new Error('no validity of two UTCTimes')
  const notBefore = der.subarray(validity + 2, validity + 17)
  const end = Buffer.from('99991231235959Z')
  const content = Buffer.concat([notBefore, Buffer.from([0x18, end.length]), end])
  const changed = Buffer.concat([
    der.subarray(0, validity),
    Buffer.from([0x30, content.length]),
    content,
    der.subarray(validity + 32),
  ])
  // Both sequences around it are two longer.
  for (const at of [2, 6]) changed.writeUInt16BE(changed.readUInt16BE(at) + 2, at)
  return changed
}

describe('an order whose client asks no more of it (RFC 8555 §7.1.6)', () => {
  const failing = (url: string, status: string): Told => ({
    operation: 'authorization',
    url,
    account: ACCOUNT,
    answer: authorizationAnswer(url, dns('a.example')[0]!, status, { status: 'invalid', error: REFUSED }),
  })
  const authorization = `${ORIGIN}/authz/a`
  const looked: Told = {
    ...failing(authorization, 'pending'),
    answer: authorizationAnswer(authorization, dns('a.example')[0]!, 'pending'),
  }
  const challenge: Told = {
    operation: 'challenge',
    url: `${authorization}/http`,
    account: ACCOUNT,
    answer: { type: 'http-01', url: `${authorization}/http`, status: 'invalid', error: REFUSED },
    fields: [['link', `<${authorization}>;rel="up"`]],
  }
  const two = planOf('a', {
    names: dns('a.example', 'b.example'),
    authorizations: [authorization, `${ORIGIN}/authz/b`],
  })

  test.each<[string, Told]>([
    ['an authorization', failing(authorization, 'invalid')],
    ['a challenge in a poll of its authorization', failing(authorization, 'pending')],
    ['a challenge', challenge],
  ])('fails with %s', async (_what, told) => {
    const again = { ...two, order: `${ORIGIN}/order/again` }
    happens([newOrder(two, 'pending'), newOrder(again, 'pending'), looked, told])
    expect((await list<InventoriedOrder>('orders', { status: 'invalid' })).map(({ url }) => url)).toEqual([
      again.order,
      two.order,
    ])
    expect(await list('orders', { status: 'pending' })).toEqual([])
    expect(await detail(two.order)).toMatchObject({
      status: 'invalid',
      error: null,
      diagnosis: { class: 'connection-refused' },
    })
  })

  test.each([
    ['its authorization', failing(authorization, 'invalid')],
    ['its challenge', challenge],
  ])('fails where it is linked after %s failed', async (_what, told) => {
    happens([newOrder(planOf('a'), 'pending'), looked, told])
    happens([newOrder({ ...two, order: `${ORIGIN}/order/later` }, 'pending')])
    expect(await detail(`${ORIGIN}/order/later`)).toMatchObject({ status: 'invalid' })
  })

  test('stays failed when an older answer is recorded late, and is valid where the CA says so', async () => {
    happens([newOrder(two, 'pending')])
    const told = { operation: 'order', url: two.order, account: ACCOUNT } as const
    const late = story.exchange(CERTBOT, { ...told, answer: orderAnswer(two, 'pending') })
    facts.push(late.intent)
    happens([failing(authorization, 'invalid')])
    facts.push(late.outcome)
    expect(await detail(two.order)).toMatchObject({ status: 'invalid' })
    happens([{ ...told, answer: orderAnswer(two, 'valid') }])
    expect(await detail(two.order)).toMatchObject({ status: 'valid', diagnosis: null })
  })

  test('had come further, or names others: it is untouched', async () => {
    const other = planOf('other')
    const ready = { ...two, order: `${ORIGIN}/order/ready` }
    happens([newOrder(ready, 'ready'), newOrder(other, 'pending'), failing(authorization, 'invalid')])
    expect(await detail(ready.order)).toMatchObject({ status: 'ready' })
    expect(await detail(other.order)).toMatchObject({ status: 'pending' })
  })

  test('was validated another way: a challenge that failed says nothing', async () => {
    happens([newOrder(two, 'pending'), failing(authorization, 'valid')])
    expect(await detail(two.order)).toMatchObject({ status: 'pending' })
  })
})
