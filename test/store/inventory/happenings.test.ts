import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Happening, happening } from '../../../src/audit/inventory/happening.ts'
import type { FactDraft } from '../../../src/audit/record.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { openForReading } from '../../../src/store/sqlite/connection.ts'
import { databaseFile } from '../../../src/store/sqlite/folder.ts'
import {
  BEFORE_ALL,
  type HappeningPlace,
  HappeningReader,
} from '../../../src/store/sqlite/inventory/happenings.ts'
import { inventoryFile } from '../../../src/store/sqlite/inventory/inventory-file.ts'
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { dns, ORIGIN, problem, Story, type StoryClient, type Told } from '../../support/acme-story.ts'
import { stillClock } from '../../support/exchanges.ts'
import {
  authorizationAnswer,
  createAccount,
  deniedByPolicy,
  importedEvent,
  issuance,
  newOrder,
  type OrderPlan,
  orderAnswer,
  REFUSED,
  verdictOf,
} from '../../support/story-scripts.ts'
import { keeperOf, makeFolder, record, takeIn } from './inventory-world.ts'

const ACCOUNT = `${ORIGIN}/acct/1`
const CERTBOT: StoryClient = { address: '192.0.2.1', userAgent: 'certbot/2.1.0 (Debian)', proxyUser: 'web-1' }
const AUTHZ = `${ORIGIN}/authz/www`
const PLAN: OrderPlan = {
  account: ACCOUNT,
  order: `${ORIGIN}/order/www`,
  names: dns('www.example'),
  authorizations: [AUTHZ],
}
const UP: Told['fields'] = [['link', `<${AUTHZ}>;rel="up"`]]
const CHALLENGE = { type: 'http-01', url: `${AUTHZ}/http`, token: 't' }
const FAILED = { ...CHALLENGE, status: 'invalid', error: REFUSED }

const READ: Told = {
  operation: 'authorization',
  url: AUTHZ,
  account: ACCOUNT,
  answer: authorizationAnswer(AUTHZ, PLAN.names[0]!, 'pending'),
}
const ANSWERED: Told = {
  operation: 'challenge',
  url: `${AUTHZ}/http`,
  account: ACCOUNT,
  payload: {},
  answer: { ...CHALLENGE, status: 'pending' },
  fields: UP,
}
const CHALLENGE_FAILED: Told = {
  operation: 'challenge',
  url: `${AUTHZ}/http`,
  account: ACCOUNT,
  answer: FAILED,
  fields: UP,
}
const ORDER_FAILED: Told = order('invalid', { error: REFUSED })

function order(status: string, more: object = {}): Told {
  return { operation: 'order', url: PLAN.order, account: ACCOUNT, answer: orderAnswer(PLAN, status, more) }
}

function answered(detail: string, type = 'rateLimited', status = 429, fields: Told['fields'] = []): Told {
  return {
    operation: 'newOrder',
    account: ACCOUNT,
    payload: { identifiers: PLAN.names },
    status,
    answer: problem(type, detail),
    fields,
  }
}

let world: Awaited<ReturnType<typeof makeFolder>>
let story: Story

beforeEach(async () => {
  world = await makeFolder()
  story = new Story()
})
afterEach(() => world.remove())

async function happens(...steps: readonly Told[]): Promise<void> {
  const facts: FactDraft[] = []
  for (const told of steps) {
    const { intent, outcome } = story.exchange(CERTBOT, told)
    facts.push(intent, outcome)
  }
  await record(world.folder, facts)
}

function shown(after: HappeningPlace = BEFORE_ALL, limit = 1000): Happening[] {
  const keeper = keeperOf(world.folder)
  takeIn(keeper)
  keeper.close()
  return read(after, limit)
}

function read(after: HappeningPlace = BEFORE_ALL, limit = 1000): Happening[] {
  const inventory = new Database(inventoryFile(world.folder), { readonly: true })
  const facts = openForReading(databaseFile(world.folder))
  const found = new HappeningReader(inventory, facts).read(after, limit)
  inventory.close()
  facts.close()
  // What is told keeps to its shape.
  return found.map((one) => happening.parse(one))
}

function kinds(found: readonly Happening[]): string[] {
  return found.map((one) => (one.kind === 'failed' ? `failed by ${one.shownBy}` : one.kind))
}

function failedOf(found: readonly Happening[]) {
  return found.filter((one) => one.kind === 'failed')
}

test('an issuance that goes well: each thing once, in the order of the answers that showed it', async () => {
  const chain = story.leaf(PLAN.names) + story.root.pem
  await happens(createAccount(ACCOUNT, []), ...issuance(story, PLAN, chain), order('valid'))
  const found = shown()
  expect(kinds(found)).toEqual(['accountSeen', 'ordered', 'validated', 'issued'])
  const [account, ordered, validated, issued] = found
  expect(account).toMatchObject({ created: true, ca: 'story', mode: 'intercept', names: [] })
  expect(ordered).toMatchObject({
    operation: 'newOrder',
    account: { url: ACCOUNT },
    client: { program: 'certbot', source: '192.0.2.1', label: 'web-1' },
    names: ['www.example'],
    replaces: null,
  })
  expect(validated).toMatchObject({ names: ['www.example'], order: ordered?.order })
  expect(issued).toMatchObject({ names: ['www.example'], order: ordered?.order })
  expect(issued?.kind === 'issued' && Date.parse(issued.notAfter) - Date.parse(issued.notBefore)).toBe(
    90 * 86_400_000,
  )
  const places = found.map(({ fact, n }) => [fact, n])
  expect(places.every(([, n]) => n === 0)).toBe(true)
  expect([...places].sort(([a], [b]) => a! - b!)).toEqual(places)
})

test('a failed challenge is told once, however often and by whatever it is told again', async () => {
  const authorization = authorizationAnswer(AUTHZ, PLAN.names[0]!, 'invalid', FAILED)
  await happens(createAccount(ACCOUNT, []), newOrder(PLAN, 'pending'), READ, ANSWERED, CHALLENGE_FAILED)
  await happens(CHALLENGE_FAILED, { ...READ, answer: authorization }, ORDER_FAILED, order('invalid'))
  const found = shown()
  expect(kinds(found)).toEqual(['accountSeen', 'ordered', 'failed by challenge'])
  expect(found[2]).toMatchObject({
    validation: true,
    challengeType: 'http-01',
    names: ['www.example'],
    problem: { detail: '192.0.2.1: Fetching http://a.example/: Connection refused' },
    diagnosis: { class: 'connection-refused', fixer: 'server', details: { address: '192.0.2.1' } },
  })
})

test('the order tells first, the challenge later: one happening', async () => {
  await happens(createAccount(ACCOUNT, []), newOrder(PLAN, 'pending'), READ, ANSWERED, ORDER_FAILED)
  const first = shown()
  expect(kinds(first)).toEqual(['accountSeen', 'ordered', 'failed by order'])
  expect(first[2]).toMatchObject({
    validation: true,
    names: ['www.example'],
    diagnosis: { class: 'connection-refused' },
  })
  await happens(CHALLENGE_FAILED, ORDER_FAILED)
  expect(shown()).toEqual(first)
})

test('an order that became invalid without a word is told from its state; the challenge says why when it is read', async () => {
  await happens(createAccount(ACCOUNT, []), newOrder(PLAN, 'pending'), READ, ANSWERED)
  await happens(order('invalid'), order('invalid'))
  const first = shown()
  expect(kinds(first)).toEqual(['accountSeen', 'ordered', 'failed by order'])
  expect(first[2]).toMatchObject({
    validation: true,
    names: ['www.example'],
    challengeType: 'http-01',
    problem: null,
    diagnosis: { class: 'unclassified', cause: expect.stringContaining('does not say why'), fixer: 'client' },
  })
  await happens(CHALLENGE_FAILED)
  const [told] = shown(first[2])
  expect(told).toMatchObject({ shownBy: 'challenge', diagnosis: { class: 'connection-refused' } })
})

test('an order that nobody answered for, or that expired, fails without anything being wrong', async () => {
  await happens(createAccount(ACCOUNT, []), newOrder(PLAN, 'pending'), READ, order('invalid'))
  await happens(ANSWERED, order('invalid', { expires: '2020-01-01T00:00:00Z' }))
  expect(kinds(shown())).toEqual(['accountSeen', 'ordered'])
})

test('a limit comes right after the failure it is', async () => {
  const detail =
    'too many certificates (5) already issued for "example.com" in the last 168h0m0s, retry after 2026-10-01 00:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/'
  await happens(createAccount(ACCOUNT, []), answered(detail, 'rateLimited', 429, [['retry-after', '3600']]))
  const found = shown()
  expect(kinds(found)).toEqual(['accountSeen', 'failed by exchange', 'limited'])
  const [, failed, limited] = found
  expect([limited?.fact, limited?.n]).toEqual([failed?.fact, 1])
  expect(limited).toMatchObject({
    by: 'ca',
    limit: 'CertificatesPerDomain',
    key: 'example.com',
    until: '2026-10-01T00:00:00.000Z',
    status: 429,
  })
})

test('a limit that only the text tells, and one that says little', async () => {
  await happens(
    createAccount(ACCOUNT, []),
    answered('too many certificates already issued for exact set of domains: www.example', 'malformed', 403),
    answered('slow down'),
  )
  const limits = shown().filter((one) => one.kind === 'limited')
  expect(limits).toMatchObject([{ limit: 'CertificatesPerFQDNSet' }, { limit: 'unknown', until: null }])
})

test('a paused account is a failure and no limit, and its link is not told', async () => {
  const link = 'https://ca.example/sfe/v1/unpause?jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2VjcmV0c2VjcmV0'
  const detail = `Your account is temporarily prevented from requesting certificates for www.example and possibly others. Please visit: ${link}`
  await happens(createAccount(ACCOUNT, []), answered(detail))
  const found = shown()
  expect(kinds(found)).toEqual(['accountSeen', 'failed by exchange'])
  expect(failedOf(found)[0]?.diagnosis.class).toBe('account-paused')
  expect(JSON.stringify(found)).not.toContain('eyJzdWIiOiIxIn0')
})

test('a refusal of acmetap is a failure; what it paces is a limit too', async () => {
  const asked = { operation: 'newOrder', account: ACCOUNT, payload: { identifiers: PLAN.names } } as const
  const refusal = (type: string, status: number) => ({
    kind: 'refused' as const,
    problem: { type: `urn:ietf:params:acme:error:${type}`, detail: 'no; retry in 7 s', status },
  })
  await happens(
    createAccount(ACCOUNT, []),
    { ...asked, rule: 'names', outcome: refusal('rejectedIdentifier', 403) },
    { ...asked, rule: 'paced-out', outcome: refusal('rateLimited', 503) },
  )
  const found = shown()
  expect(kinds(found)).toEqual(['accountSeen', 'failed by exchange', 'failed by exchange', 'limited'])
  expect(found[1]).toMatchObject({ outcome: 'refused', validation: false, status: 403 })
  expect(failedOf(found)[0]?.diagnosis).toMatchObject({
    class: 'refused-by-acmetap',
    details: { rule: 'names' },
  })
  expect(found[3]).toMatchObject({ by: 'acmetap', limit: 'pacing' })
})

test('a policy that says no is a failure of its own, whatever its rule is called', async () => {
  const asked = newOrder(PLAN, 'pending')
  const limit = deniedByPolicy(asked, 'paced-out')
  const outcome = limit.outcome as Extract<typeof limit.outcome, { kind: 'refused' }>
  const type = 'urn:ietf:params:acme:error:rateLimited'
  await happens(
    createAccount(ACCOUNT, []),
    { ...limit, outcome: { ...outcome, problem: { ...outcome.problem, type } } },
    deniedByPolicy(asked, 'unknown-host'),
    deniedByPolicy(asked, 'policy:csr'),
  )
  const found = shown()
  expect(kinds(found)).toEqual(['accountSeen', ...Array(3).fill('failed by exchange')])
  expect(failedOf(found).map(({ diagnosis }) => [diagnosis.class, diagnosis.details.rule])).toEqual([
    ['policy-denied', 'paced-out'],
    ['policy-denied', 'unknown-host'],
    ['policy-denied', 'policy:csr'],
  ])
})

test('what a policy only warns of is told once it has passed, and not of each look at the order', async () => {
  const policy = verdictOf('soon-forbidden')
  const limited = { ...answered('slow down'), policy }
  await happens(
    createAccount(ACCOUNT, []),
    { ...newOrder(PLAN, 'pending'), policy },
    { ...READ, policy },
    { ...ANSWERED, policy },
    { ...order('pending'), policy },
    limited,
    deniedByPolicy(newOrder(PLAN, 'pending'), 'soon-forbidden'),
    { ...newOrder(PLAN, 'pending'), policy: { ...policy, warnings: [] } },
  )
  const found = shown().filter(({ kind }) => kind === 'warned')
  expect(found.map(({ operation }) => operation)).toEqual(['newOrder', 'challenge', 'newOrder'])
  expect(found[0]).toMatchObject({
    names: ['www.example'],
    account: { url: ACCOUNT },
    client: { label: 'web-1' },
    order: expect.stringMatching(/^[0-9a-f]{16}$/),
    policy: 'd'.repeat(64),
    warnings: [{ rule: 'soon-forbidden', message: 'soon-forbidden has its reasons' }],
  })
})

test('a certificate that was only imported is issued once a CA tells of it; an account is seen without being made', async () => {
  const chain = story.leaf(PLAN.names) + story.root.pem
  await record(world.folder, [importedEvent(story, [chain], 'host')])
  expect(shown()).toEqual([])
  await happens(...issuance(story, PLAN, chain))
  const found = shown()
  expect(kinds(found)).toEqual(['accountSeen', 'ordered', 'validated', 'issued'])
  expect(found[0]).toMatchObject({ created: false })
})

test('pages, and what comes behind a place', async () => {
  await happens(createAccount(ACCOUNT, []), answered('slow down'))
  const all = shown()
  expect(all).toHaveLength(3)
  expect(read(BEFORE_ALL, 2)).toEqual(all.slice(0, 2))
  expect(read(all[1], 9)).toEqual(all.slice(2))
  expect(read(all[2])).toEqual([])
})

const DAY = 86_400_000_000

test('what is older than eight days before the newest fact is not written', async () => {
  await happens(createAccount(ACCOUNT, []), newOrder(PLAN, 'pending'))
  story.now += 9 * DAY
  await happens(READ, ANSWERED, CHALLENGE_FAILED)
  expect(kinds(shown())).toEqual(['failed by challenge'])
})

test('what becomes older goes, some hundred at a time', async () => {
  const churn = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => createAccount(`${ORIGIN}/acct/${from + index}`, []))
  await happens(...churn(0, 300))
  expect(shown()).toHaveLength(300)
  story.now += 9 * DAY
  await happens(...churn(1000, 260))
  expect(shown()).toHaveLength(260)
})

test.each(['exchanges', 'bodies'] as const)(
  'after %s were removed for their age a rebuild shows the same under the same places',
  async (what) => {
    await happens(createAccount(ACCOUNT, []), newOrder(PLAN, 'pending'), READ, ANSWERED)
    const middle = story.now
    story.now += 3_600e6
    await happens(CHALLENGE_FAILED, answered('slow down'))
    const before = shown()
    const store = await openSqliteStore({
      folder: world.folder,
      now: 2,
      boot: newExchangeId(),
      software: 'test',
    })
    const clock = stillClock()
    clock.wall = story.now
    const keeping = store.keeping({ clock, instance: 'test', pseudonym: () => null })
    const limits = { exchanges: null, bodies: null, personal: null, [what]: middle }
    await keeping.prune(limits, Number.MAX_SAFE_INTEGER, new AbortController().signal)
    await store.close()
    const keeper = keeperOf(world.folder)
    takeIn(keeper)
    await keeper.rebuild()
    takeIn(keeper)
    keeper.close()
    const places = (found: readonly Happening[]) => found.map(({ fact, n, kind }) => [fact, n, kind])
    expect(places(read())).toEqual(places(before))
    await happens(answered('slow down'))
    expect(kinds(shown(before.at(-1)))).toEqual(['failed by exchange', 'limited'])
  },
)
