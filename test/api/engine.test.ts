import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test, vi } from 'vitest'
import { applyExample, issueExample, planExample } from '../../src/api/engine-examples.ts'
import { eventLines } from '../../src/api/event-lines.ts'
import { OperationRefused } from '../../src/api/operations.ts'
import { EngineError } from '../../src/engine/engine-error.ts'
import { ExampleOperations, LOCAL, openAdmin } from './example-operations.ts'

async function opened(role: 'viewer' | 'operator' | 'admin' = 'operator') {
  const operations = new ExampleOperations()
  const { app, bearer, reported } = await openAdmin(operations)
  const headers = { ...(await bearer(role)) }
  const post = (url: string, payload: object) =>
    app.inject({ method: 'POST', url: `/api/v1${url}`, headers, payload })
  return { operations, engine: operations.engine, app, headers, post, reported }
}
const linesOf = (body: string) =>
  body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('what runs is told line by line, under the name of who asked', async () => {
  const { engine, app, post } = await opened()
  const { body, headers } = await post('/engine/issue', { names: ['a.example', '*.a.example'], ca: 'le' })
  expect(headers['content-type']).toBe('application/x-ndjson; charset=utf-8')
  expect(linesOf(body)).toEqual(issueExample)
  expect(linesOf((await post(`/reissue/plans/${planExample.id}/apply`, {})).body)).toEqual(applyExample)
  const [issued, applied] = engine.calls
  expect(issued!.slice(0, 2)).toEqual(['issue', { names: ['a.example', '*.a.example'], ca: 'le' }])
  expect(issued![2]).toMatchObject({ kind: 'token', name: 'operator' })
  expect(applied![2]).toMatchObject({ kind: 'token', name: 'operator' })
  await app.close()
})

test('what is refused at once has a status; what goes wrong later is the last line', async () => {
  const { engine, app, post, reported } = await opened()
  for (const [error, status] of [
    [new OperationRefused('there is no such certificate', 404), 404],
    [new EngineError('input', 'no solver'), 400],
    [new EngineError('problem', 'the CA refuses: \u202e'), 409],
    [new EngineError('network', 'no answer'), 502],
    [new EngineError('aborted', 'the server ends'), 503],
  ] as const) {
    engine.refusal = error
    const answer = await post('/engine/issue', { certificate: 'www' })
    expect([answer.statusCode, answer.json().detail]).toEqual([
      status,
      error.message.replace('\u202e', '\\u{202e}'),
    ])
  }
  engine.refusal = null
  engine.failure = new EngineError('problem', 'the CA refuses')
  const { statusCode, body } = await post('/engine/renew', {})
  expect([statusCode, linesOf(body).at(-1)]).toEqual([200, { kind: 'failed', detail: 'the CA refuses' }])
  expect(reported).toEqual([])
  await app.close()
})

test.each([
  [{}, /names: is missing/],
  [{ certificate: 'www', names: ['a.example'] }, /names: .*excludes certificate/],
  [{ certificate: '../x' }, /certificate/],
  [{ names: ['A.example'] }, /names\.0/],
  [{ names: ['a.example'], name: '..' }, /name/],
  [{ names: [] }, /names/],
  [{ names: Array.from({ length: 101 }, (_, n) => `h${n}.example`) }, /names/],
  [{ names: ['a.example'], contact: ['tel:1'] }, /contact\.0/],
  [{ csr: '-----BEGIN PRIVATE KEY-----' }, /csr: .*holds a private key/],
  [{ csr: 'x', keyType: 'ec256' }, /keyType/],
  [{ names: ['a.example'], keyType: 'ec999' }, /keyType/],
  [{ names: ['a.example'], key: 'x' }, /key: unknown/],
])('%j is refused by name, and nothing is asked', async (body, detail) => {
  const { engine, app, post } = await opened()
  const answer = await post('/engine/issue', body)
  expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringMatching(detail)])
  expect(engine.calls).toEqual([])
  await app.close()
})

test('a private key is taken on the control socket only, and is never repeated', async () => {
  const { engine, app, post } = await opened('admin')
  const key = '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----'
  for (const body of [
    { certificate: 'www', key },
    { certificate: key },
    { certificate: 'www', reason: 2, key },
  ]) {
    const answer = await post('/engine/revoke', body)
    expect(answer.statusCode).toBe(400)
    expect(answer.body).not.toContain('canary')
  }
  expect(engine.calls).toEqual([])
  expect(LOCAL.kind).toBe('local')
  await app.close()
})

test.each([
  ['/engine/issue', { certificate: 'www' }],
  ['/engine/renew', {}],
  ['/engine/revoke', { certificate: 'www' }],
  ['/engine/accounts', { ca: 'le' }],
  ['/engine/accounts/le/roll-over', {}],
  ['/engine/accounts/le/deactivate', {}],
  ['/engine/dns/registrations', {}],
  ['/reissue/plans', { where: 'overdue' }],
  [`/reissue/plans/${planExample.id}/apply`, {}],
])('viewers change nothing: %s', async (url, body) => {
  const { engine, app, post } = await opened('viewer')
  expect((await post(url, body)).statusCode).toBe(403)
  expect(engine.calls).toEqual([])
  await app.close()
})

test('a quiet stream shows that it is there, and its end ends the source', async () => {
  let ended = 0
  const late = Promise.withResolvers<void>()
  const source = async function* () {
    try {
      yield { kind: 'note' }
      await late.promise
      yield { kind: 'end' }
    } finally {
      ended += 1
    }
  }
  const { body } = await eventLines(source(), 5)
  const lines = (body as AsyncIterable<string>)[Symbol.asyncIterator]()
  expect((await lines.next()).value).toBe('{"kind":"note"}\n')
  expect((await lines.next()).value).toBe('\n')
  late.resolve()
  let next = await lines.next()
  while (next.value === '\n') next = await lines.next()
  expect(next.value).toBe('{"kind":"end"}\n')
  expect((await lines.next()).done).toBe(true)
  expect(ended).toBe(1)
})

test('who hangs up ends the watching', async () => {
  const { engine, app, headers } = await opened()
  engine.endless = true
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const text = JSON.stringify({ certificate: 'www' })
  const fields = { ...headers, 'content-type': 'application/json', 'content-length': String(text.length) }
  const call = request({
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: '/api/v1/engine/issue',
    headers: fields,
  })
  call.on('response', (answer) => {
    answer.on('error', () => undefined)
    answer.once('data', () => call.destroy())
  })
  call.on('error', () => undefined)
  call.end(text)
  await vi.waitFor(() => expect(engine.ended).toBe(1), { timeout: 20_000 })
  await app.close()
})
