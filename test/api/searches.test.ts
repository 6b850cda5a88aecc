import { expect, test } from 'vitest'
import { Searches } from '../../src/api/searches.ts'
import type { Actor } from '../../src/audit/event.ts'
import { StoreUnavailable } from '../../src/audit/record-store.ts'
import { ExampleOperations, LOCAL, openAdmin } from './example-operations.ts'

const TOKEN: Actor = { kind: 'token', token: '0a1b2c3d', name: 'dashboard' }

function open() {
  const noted: unknown[] = []
  const clock = { now: 0 }
  const searches = new Searches(
    async (_actor, what) => {
      noted.push(what)
    },
    600,
    () => clock.now,
  )
  return { searches, noted, clock }
}

test('the same question is noted once a minute, however its pages are asked for', async () => {
  const { searches, noted, clock } = open()
  await searches.note(TOKEN, 'orders', { ca: 'pebble', name: 'x', limit: '5' })
  await searches.note(TOKEN, 'orders', { name: 'x', ca: 'pebble', cursor: 'abc' })
  clock.now = 59_999
  await searches.note(TOKEN, 'orders', { ca: 'pebble', name: 'x' })
  expect(noted).toEqual([{ event: 'searched', what: 'orders', filter: { ca: 'pebble', name: 'x' } }])
  clock.now = 60_000
  await searches.note(TOKEN, 'orders', { ca: 'pebble', name: 'x' })
  expect(noted).toHaveLength(2)
})

test('another question, list or token is another note', async () => {
  const { searches, noted } = open()
  await searches.note(TOKEN, 'orders', {})
  await searches.note(TOKEN, 'orders', { ca: 'x' })
  await searches.note(TOKEN, 'clients', {})
  await searches.note({ ...TOKEN, token: '11111111' }, 'orders', {})
  expect(noted).toHaveLength(4)
})

test('who may open the socket is not noted', async () => {
  const { searches, noted } = open()
  await searches.note(LOCAL, 'orders', {})
  expect(noted).toEqual([])
})

test('what could not be noted is noted the next time, and nothing is answered', async () => {
  class Full extends ExampleOperations {
    full = true
    override async note(...given: Parameters<ExampleOperations['note']>) {
      if (this.full) throw new StoreUnavailable('full', 'the disk is full')
      await super.note(...given)
    }
  }
  const operations = new Full()
  const { app, bearer } = await openAdmin(operations)
  const headers = await bearer('viewer')
  const refused = await app.inject({ url: '/api/v1/orders?ca=pebble', headers })
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '2'])
  expect(operations.inventory.calls).toEqual([])
  operations.full = false
  expect((await app.inject({ url: '/api/v1/orders?ca=pebble', headers })).statusCode).toBe(200)
  expect(operations.noted).toHaveLength(1)
})

test('bodies and unpause links that are opened are noted with what they are of; refused questions are not', async () => {
  const operations = new ExampleOperations()
  const { app, bearer } = await openAdmin(operations)
  const headers = await bearer('admin')
  const digest = 'a'.repeat(64)
  await app.inject({ url: `/api/v1/exchanges/x/bodies/${digest}`, headers })
  await app.inject({ url: '/api/v1/accounts/a1b2c3d4e5f60718/unpause-link', headers })
  await app.inject({ url: '/api/v1/orders?colour=red', headers })
  expect(operations.noted.map(({ actor, what }) => [actor.name, what])).toEqual([
    ['admin', { event: 'searched', what: 'bodies', filter: { id: 'x', digest } }],
    ['admin', { event: 'searched', what: 'unpause-link', filter: { id: 'a1b2c3d4e5f60718' } }],
  ])
})

test('a token that asks ever new questions is slowed down, for each is a fact; another is not', async () => {
  const { searches, noted, clock } = open()
  const ask = (n: number, actor = TOKEN) => searches.note(actor, 'orders', { ca: String(n) })
  for (let n = 0; n < 600; n += 1) await ask(n)
  await expect(ask(600)).rejects.toMatchObject({ status: 429, fields: { 'retry-after': '1' } })
  await ask(0)
  await ask(600, { ...TOKEN, token: '11111111' })
  expect(noted).toHaveLength(601)
  clock.now = 1000
  for (let n = 601; n < 606; n += 1) await ask(n)
  await expect(ask(606)).rejects.toMatchObject({ status: 429 })
  expect(noted).toHaveLength(606)
})
