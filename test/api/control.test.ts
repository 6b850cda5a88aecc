import { expect, test } from 'vitest'
import { controlApp } from '../../src/api/control.ts'
import type { Operations } from '../../src/api/operations.ts'
import { StoreUnavailable } from '../../src/audit/record-store.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { recorded } from '../support/recorded-exchange.ts'

const KEY = {
  ca: 'pebble',
  account: 'https://localhost:8443/acct/1',
  jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'BB' },
  thumbprint: 'a'.repeat(43),
  source: 'import',
}

function open(
  operations: Operations = new FakeOperations([recorded({ sequence: 1, operation: 'newOrder' })]),
) {
  const app = controlApp(operations, () => undefined, new AbortController().signal)
  const post = (url: string, payload: unknown) =>
    app.inject({ method: 'POST', url, payload: payload as object })
  return { app, post, operations }
}

test('filters are passed on as numbers and words', async () => {
  const operations = new FakeOperations()
  const { app } = open(operations)
  const response = await app.inject(
    '/api/v1/record/exchanges?ca=pebble&since=17&before=9&name=a.test&limit=3',
  )
  expect(response.json()).toEqual({ exchanges: [] })
  expect(operations.calls).toEqual([['exchanges', { ca: 'pebble', since: 17, before: 9, name: 'a.test' }, 3]])
})

test.each([
  ['?colour=red', /colour: unknown; known: ca, mode/],
  ['?limit=0', /limit/],
  ['?limit=1001', /limit/],
  ['?since=yesterday', /since: "yesterday" must be a whole number/],
  ['?ca=a&ca=b', /ca/],
  ['?ca=', /ca/],
  ['?__proto__=1', /__proto__/],
])('a filter that is not one is refused by name: %s', async (query, reason) => {
  const response = await open().app.inject(`/api/v1/record/exchanges${query}`)
  expect(response.statusCode).toBe(400)
  expect(response.headers['content-type']).toContain('application/problem+json')
  expect(response.json().detail).toMatch(reason)
})

test('one exchange and one body, or 404', async () => {
  const operations = new FakeOperations([recorded({ sequence: 1, operation: 'newOrder' })])
  const { app } = open(operations)
  const digest = 'ab'.repeat(32)
  operations.kept.set(digest, Buffer.from([0, 255, 10]))
  const { id } = operations.found[0]!
  expect((await app.inject(`/api/v1/exchanges/${id}`)).json()).toEqual(operations.found[0])
  expect((await app.inject('/api/v1/exchanges/nothing')).statusCode).toBe(404)
  expect((await app.inject(`/api/v1/exchanges/x/bodies/${digest}`)).rawPayload).toEqual(
    Buffer.from([0, 255, 10]),
  )
  expect((await app.inject(`/api/v1/exchanges/x/bodies/${'cd'.repeat(32)}`)).statusCode).toBe(404)
  expect((await app.inject('/api/v1/exchanges/x/bodies/..%2fx')).statusCode).toBe(400)
})

test('public keys are imported; a private one is refused', async () => {
  const operations = new FakeOperations()
  const { post } = open(operations)
  expect((await post('/api/v1/accounts/keys', { keys: [KEY] })).json()).toEqual({ added: 1, known: 0 })
  const secret = await post('/api/v1/accounts/keys', { keys: [{ ...KEY, jwk: { ...KEY.jwk, d: 'CC' } }] })
  expect([secret.statusCode, secret.json().detail]).toEqual([400, 'keys.0.jwk.d: unknown'])
  expect((await post('/api/v1/accounts/keys', { keys: [{ ...KEY, source: 'newAccount' }] })).statusCode).toBe(
    400,
  )
  expect((await post('/api/v1/accounts/keys', { keys: [{ ...KEY, thumbprint: 'short' }] })).statusCode).toBe(
    400,
  )
  expect(operations.keys).toEqual([KEY])
})

test('a backup goes to an absolute path', async () => {
  const { post } = open()
  expect((await post('/api/v1/backup', { file: '/tmp/x.db' })).json()).toEqual({
    file: '/tmp/x.db',
    bytes: 4096,
  })
  expect((await post('/api/v1/backup', { file: 'x.db' })).statusCode).toBe(400)
  expect((await post('/api/v1/backup', { file: '/x', mode: 'fast' })).json().detail).toBe('mode: unknown')
})

test('CAs, probes, reload and status', async () => {
  const { app, post } = open()
  expect((await app.inject('/api/v1/cas')).json().cas).toHaveLength(1)
  expect((await post('/api/v1/cas/probe', { name: 'pebble' })).statusCode).toBe(200)
  expect((await post('/api/v1/cas/probe', { name: 'other' })).json().detail).toBe('there is no CA other')
  expect((await post('/api/v1/config/reload', {})).json()).toEqual({ ok: true, digest: 'd', problems: [] })
  expect((await app.inject('/api/v1/status')).json().instance).toBe('test')
})

test('a store that is gone is 503 with Retry-After', async () => {
  class Gone extends FakeOperations {
    override async accounts(): Promise<never> {
      throw new StoreUnavailable('io', 'the disk is gone')
    }
  }
  const response = await open(new Gone()).app.inject('/api/v1/accounts/keys')
  expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '2'])
})
