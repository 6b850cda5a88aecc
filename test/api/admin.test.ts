import { expect, test } from 'vitest'
import type { AdminSources } from '../../src/api/admin.ts'
import type { CaStatus, StoreStatus } from '../../src/api/operations.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { openAdmin } from './example-operations.ts'

const OK: StoreStatus = { state: 'ok', detail: null, waiting: 0, lastCommit: 300 }
const DOWN: CaStatus = {
  name: 'pebble',
  title: 'Pebble',
  directories: [{ url: 'https://ca.example/dir', state: 'unreachable', checkedAt: 1, detail: 'refused' }],
  relays: [{ host: 'localhost:8443', state: 'unreachable', advice: null, checkedAt: 1 }],
}

async function appWith(sources: Partial<AdminSources>) {
  return openAdmin(new FakeOperations(), {}, { cas: async () => [DOWN], store: () => OK, ...sources })
}

test('alive is alive', async () => {
  const response = await (await appWith({})).app.inject('/healthz')
  expect([response.statusCode, response.json()]).toEqual([200, { state: 'ok' }])
})

test('readiness is the store; a CA that is down is in the body alone', async () => {
  const response = await (await appWith({})).app.inject('/readyz')
  expect(response.statusCode).toBe(200)
  expect(response.headers['cache-control']).toBe('no-store')
  expect(response.json()).toEqual({
    ready: true,
    draining: false,
    store: OK,
    cas: [
      {
        name: 'pebble',
        directories: [{ url: 'https://ca.example/dir', state: 'unreachable' }],
        relays: [{ host: 'localhost:8443', state: 'unreachable' }],
      },
    ],
  })
})

const lost = () => {
  throw new Error('lost')
}

test.each([
  [
    'the store is unavailable',
    { store: (): StoreStatus => ({ ...OK, state: 'unavailable', detail: 'full' }) },
    503,
  ],
  ['the store cannot tell', { store: lost }, 503],
  ['the server drains', { draining: () => true }, 503],
  ['the CAs cannot tell', { cas: async () => lost() }, 200],
])('when %s', async (_, sources, status) => {
  const response = await (await appWith(sources)).app.inject('/readyz')
  expect(response.statusCode).toBe(status)
  expect(response.json().ready).toBe(status === 200)
})

test('metrics are passed on with their type', async () => {
  const response = await (await appWith({})).app.inject('/metrics')
  expect(response.headers['content-type']).toBe('text/plain; version=0.0.4')
  expect(response.body).toBe('acmetap_up 1\n')
})

test('what goes wrong inside stays inside; its id goes out', async () => {
  const { app, reported } = await appWith({ metrics: async () => lost() })
  const response = await app.inject('/metrics')
  expect(response.statusCode).toBe(500)
  expect(response.headers['content-type']).toContain('application/problem+json')
  expect(response.body).not.toContain('lost')
  expect(response.json().detail).toMatch(/[0-9a-f-]{36}$/)
  expect(reported).toHaveLength(1)
})

test('nothing else is there, and nothing can be written', async () => {
  const { app } = await appWith({})
  for (const url of ['/', '/api/v1', '/api/v2/exchanges', '/healthz/', '/metrics/x']) {
    expect((await app.inject(url)).statusCode).toBe(404)
  }
  expect((await app.inject({ method: 'POST', url: '/healthz' })).statusCode).toBe(404)
})

test('metrics may be for holders of a token alone', async () => {
  const { app, bearer } = await openAdmin(new FakeOperations(), { metrics: 'token' })
  expect((await app.inject('/metrics')).statusCode).toBe(401)
  const headers = await bearer('viewer')
  expect((await app.inject({ url: '/metrics', headers })).body).toBe('acmetap_up 1\n')
  expect((await app.inject('/healthz')).statusCode).toBe(200)
})
