import { expect, test } from 'vitest'
import { createdEabKeyExample, eabKeyExample } from '../../src/api/broker-examples.ts'
import { OperationRefused } from '../../src/api/operations.ts'
import { closedBroker } from '../../src/app/closed-broker.ts'
import { ExampleOperations, openAdmin } from './example-operations.ts'

async function opened() {
  const operations = new ExampleOperations()
  const { app, bearer } = await openAdmin(operations)
  const headers = { ...(await bearer('operator')) }
  const post = (url: string, payload: object) =>
    app.inject({ method: 'POST', url: `/api/v1/broker${url}`, headers, payload })
  const get = (url: string) => app.inject({ method: 'GET', url: `/api/v1/broker${url}`, headers })
  return { operations, broker: operations.broker, app, get, post }
}

test('a MAC key is in the answer that makes it, and in no other', async () => {
  const { broker, app, get, post } = await opened()
  const made = await post('/eab-keys', { label: 'team-a', names: ['.a.example'], uses: 5 })
  expect([made.statusCode, made.json().mac]).toEqual([201, createdEabKeyExample.mac])
  expect(broker.calls.at(-1)![2]).toMatchObject({ kind: 'token', name: 'operator' })
  const listed = await get('/eab-keys')
  expect(listed.json().keys).toHaveLength(2)
  expect(listed.body).not.toContain(createdEabKeyExample.mac)
  const revoked = await post(`/eab-keys/${eabKeyExample.id}/revoke`, {})
  expect([revoked.statusCode, revoked.body.includes(createdEabKeyExample.mac)]).toEqual([200, false])
  await app.close()
})

test.each([
  [{ names: ['.a.example'] }, /label/],
  [{ label: 'Team A', names: [] }, /label: .*must be 1 to 64/],
  [{ label: 'a', names: 'a.example' }, /names/],
  [{ label: 'a', names: [], uses: 0 }, /uses/],
  [{ label: 'a', names: [], expiresAt: 'soon' }, /expiresAt/],
  [{ label: 'a', names: [], mac: 'x' }, /mac: unknown/],
])('%j is refused by name, and nothing is asked', async (body, detail) => {
  const { broker, app, post } = await opened()
  const answer = await post('/eab-keys', body)
  expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringMatching(detail)])
  expect(broker.calls).toEqual([])
  await app.close()
})

test('a drill lasts a second to a day, and ends by name or altogether', async () => {
  const { broker, app, post } = await opened()
  for (const seconds of [0, 86_401, 1.5])
    expect((await post('/drills', { ca: 'letsencrypt', for: seconds })).statusCode).toBe(400)
  expect((await post('/drills', { ca: 'zerossl', for: 60 })).json().labels).toBeNull()
  expect((await post('/drills/stop', { ca: 'zerossl' })).json().drills).toHaveLength(1)
  expect((await post('/drills/stop', {})).json().drills).toHaveLength(1)
  expect(broker.drillList).toEqual([])
  await app.close()
})

test('orders are filtered as they were asked for', async () => {
  const { broker, app, get } = await opened()
  await get('/orders?endpoint=fleet&ca=zerossl&open=true&limit=7')
  await get('/orders')
  expect(broker.calls).toEqual([
    ['orders', { endpoint: 'fleet', ca: 'zerossl', open: true, limit: 7 }],
    ['orders', { limit: 100 }],
  ])
  expect((await get('/orders?open=maybe')).statusCode).toBe(400)
  await app.close()
})

test('without a broker everything is refused in words', async () => {
  for (const operation of Object.values(closedBroker()) as (() => Promise<unknown>)[])
    await expect(operation()).rejects.toThrow(OperationRefused)
})
