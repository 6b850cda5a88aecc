import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { FactDraft } from '../../../src/audit/record.ts'
import { eventLook } from '../../../src/store/sqlite/alerts/event-look.ts'
import { openForReading } from '../../../src/store/sqlite/connection.ts'
import { databaseFile } from '../../../src/store/sqlite/folder.ts'
import { inventoryFile } from '../../../src/store/sqlite/inventory/inventory-file.ts'
import { dns, ORIGIN, problem, Story, type StoryClient, type Told } from '../../support/acme-story.ts'
import {
  createAccount,
  importedEvent,
  issuance,
  newOrder,
  type OrderPlan,
  orderAnswer,
} from '../../support/story-scripts.ts'
import { keeperOf, makeFolder, record, takeIn } from '../inventory/inventory-world.ts'

const HOUR = 3_600_000
const AT_WEB: StoryClient = { address: '192.0.2.1', userAgent: 'lego/4' }
const LABELLED: StoryClient = { address: '192.0.2.1', userAgent: 'lego/4', proxyUser: 'web-1' }

let world: Awaited<ReturnType<typeof makeFolder>>
let story: Story
let alerts: Database.Database
let opened: Database.Database[]

beforeEach(async () => {
  world = await makeFolder()
  story = new Story()
  alerts = new Database(':memory:')
  opened = [alerts]
})
afterEach(async () => {
  for (const db of opened) db.close()
  await world.remove()
})

async function happens(client: StoryClient, ...steps: readonly Told[]): Promise<void> {
  const facts: FactDraft[] = []
  for (const told of steps) {
    const { intent, outcome } = story.exchange(client, told)
    facts.push(intent, outcome)
  }
  await record(world.folder, facts)
}

function look() {
  const keeper = keeperOf(world.folder)
  takeIn(keeper)
  keeper.close()
  const inventory = new Database(inventoryFile(world.folder), { readonly: true })
  const facts = openForReading(databaseFile(world.folder))
  opened.push(inventory, facts)
  return eventLook(inventory, alerts, facts)
}

function planOf(name: string, account = `${ORIGIN}/acct/1`): OrderPlan {
  return {
    account,
    order: `${ORIGIN}/order/${name}`,
    names: dns('www.example'),
    authorizations: [`${ORIGIN}/authz/${name}`],
  }
}

const account = (name: string) => createAccount(`${ORIGIN}/acct/${name}`, [])

test('what is there when it is asked for the first time is known; the rest is new once', async () => {
  await happens(AT_WEB, account('1'), newOrder(planOf('a'), 'pending'))
  const first = look()
  expect(first.isNew('name', 'www.example')).toBe(false)
  expect(first.isNew('account', `story ${ORIGIN}/acct/1`)).toBe(false)
  expect(first.isNew('ca', 'story')).toBe(false)
  for (const [what, value] of [
    ['name', 'b.example'],
    ['account', `story ${ORIGIN}/acct/2`],
    ['ca', 'other'],
  ] as const) {
    expect(first.isNew(what, value)).toBe(true)
    expect(first.isNew(what, value)).toBe(false)
    // As after a restart.
    expect(look().isNew(what, value)).toBe(false)
  }
})

test('what the inventory takes in later is not taken over: it is news', async () => {
  await happens(AT_WEB, account('1'))
  look()
  await happens(AT_WEB, newOrder(planOf('a'), 'pending'))
  expect(look().isNew('name', 'www.example')).toBe(true)
  expect(look().isNew('ca', 'story')).toBe(true)
})

test('a name of an imported certificate is no news', async () => {
  await happens(AT_WEB, account('1'))
  look()
  const chain = story.leaf(dns('old.example', 'older.example')) + story.root.pem
  await record(world.folder, [importedEvent(story, [chain], 'host')])
  expect(look().isNew('name', 'older.example')).toBe(false)
  expect(look().isNew('name', 'new.example')).toBe(true)
})

test('what a transaction that failed asked about is not known', async () => {
  await happens(AT_WEB, account('1'))
  const asked = look()
  alerts.exec('begin')
  expect(asked.isNew('name', 'b.example')).toBe(true)
  alerts.exec('rollback')
  expect(look().isNew('name', 'b.example')).toBe(true)
})

test('when the record began: the hour of its first exchange', async () => {
  await happens(AT_WEB)
  expect(look().recordBegan()).toBeNull()
  const began = story.now / 1000
  await happens(AT_WEB, account('1'))
  expect(look().recordBegan()).toBe(Math.floor(began / HOUR) * HOUR)
})

test('accounts made at one place: by label, else by address, within the time', async () => {
  await happens(AT_WEB, account('1'))
  story.now += 2 * HOUR * 1000
  const since = story.now / 1000
  await happens(AT_WEB, account('2'), account('3'))
  await happens(LABELLED, account('4'))
  await happens({ ...AT_WEB, address: '192.0.2.9' }, account('5'), {
    ...account('6'),
    status: 200,
  })
  const made = look().accountsMade
  expect(made('story', '192.0.2.1', null, since)).toBe(3)
  expect(made('story', '192.0.2.1', 'web-1', since)).toBe(1)
  expect(made('story', '192.0.2.9', null, since)).toBe(1)
  expect(made('story', '192.0.2.1', null, since - 3 * HOUR)).toBe(4)
  expect(made('story', null, null, since)).toBe(4)
  expect(made('other', '192.0.2.1', null, since)).toBe(0)
  expect(made('story', '192.0.2.77', null, since)).toBe(0)
  expect(made('story', '192.0.2.1', null, since + 9 * HOUR)).toBe(0)
})

test('issuances of exactly these names: certificates, keys, and what nobody fetched', async () => {
  const began = story.now / 1000
  await happens(AT_WEB, account('1'))
  for (const name of ['a', 'b']) {
    const chain = story.leaf(dns('www.example')) + story.root.pem
    await happens(AT_WEB, ...issuance(story, planOf(name), chain))
  }
  const middle = story.now / 1000
  const lost = planOf('lost')
  await happens(AT_WEB, newOrder(lost, 'pending'), {
    operation: 'order',
    url: lost.order,
    account: lost.account,
    answer: orderAnswer(lost, 'valid', { certificate: `${lost.order}/certificate` }),
  })
  const imported = story.leaf(dns('www.example')) + story.root.pem
  await record(world.folder, [importedEvent(story, [imported], 'host')])
  const asked = look()
  const issuances = (...given: Parameters<typeof asked.issuances>) => {
    const { orders, certificates, keys, undelivered } = asked.issuances(...given)
    return { orders, certificates, keys, undelivered }
  }
  expect(issuances('story', ['www.example'], began)).toEqual({
    orders: 3,
    certificates: 2,
    keys: 1,
    undelivered: 1,
  })
  expect(issuances('story', ['WWW.example.'], middle)).toMatchObject({ orders: 1, certificates: 0 })
  expect(issuances('other', ['www.example'], began)).toMatchObject({ orders: 0, certificates: 0 })
  expect(issuances('story', ['www.example', 'b.example'], began)).toMatchObject({ orders: 0 })
})

test('refused nonces of one client', async () => {
  const refused: Told = {
    operation: 'newOrder',
    account: `${ORIGIN}/acct/1`,
    payload: { identifiers: dns('www.example') },
    status: 400,
    answer: problem('badNonce', 'JWS has an invalid anti-replay nonce'),
  }
  await happens(AT_WEB, account('1'), refused, refused)
  const middle = story.now / 1000
  await happens(AT_WEB, refused, { ...refused, status: 403, answer: problem('malformed', 'no') })
  const asked = look()
  const client = opened[1]!.prepare('select key from clients').pluck().get() as string
  expect(asked.refusedNonces(client, 0)).toBe(3)
  expect(asked.refusedNonces(client, middle)).toBe(1)
  expect(asked.refusedNonces('0'.repeat(16), 0)).toBe(0)
})
