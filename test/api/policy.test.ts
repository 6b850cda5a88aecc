import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test, vi } from 'vitest'
import { OperationRefused } from '../../src/api/operations.ts'
import { bundleExample, replayExample } from '../../src/api/policy-examples.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import { ExampleOperations, openAdmin } from './example-operations.ts'

const REPLAY = { policy: bundleExample, since: '2026-11-01T00:00:00Z', until: '2026-12-01T00:00:00Z' }

async function opened() {
  const operations = new ExampleOperations()
  const { app, bearer } = await openAdmin(operations)
  const headers = { ...(await bearer('operator')) }
  const post = (url: string, payload: object) =>
    app.inject({ method: 'POST', url: `/api/v1${url}`, headers, payload })
  return { operations, app, headers, post }
}

test('a replay comes line by line, and is asked as it was written', async () => {
  const { operations, app, post } = await opened()
  const { body, headers } = await post('/policy/replay', REPLAY)
  expect(headers['content-type']).toBe('application/x-ndjson; charset=utf-8')
  expect(
    body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(replayExample)
  const range = { since: Date.parse(REPLAY.since), until: Date.parse(REPLAY.until) }
  expect(operations.policies.calls).toEqual([['replay', bundleExample, range]])
  await app.close()
})

test('what is wrong with a candidate is a problem with its place; what goes wrong later is the last line', async () => {
  const { operations, app, post } = await opened()
  const { policies } = operations
  const problem = {
    file: 'internal.yaml',
    line: 3,
    column: 7,
    path: 'rules[0].when',
    message: 'is missing',
    instead: null,
  }
  policies.refusal = new ConfigError(Array.from({ length: 7 }, () => problem))
  for (const [url, body] of [
    ['/policy/replay', REPLAY],
    ['/policy/explain', { policy: bundleExample, request: { ca: 'a' } }],
    ['/policy/test', { policy: bundleExample, cases: [{ file: 'a', text: '' }] }],
  ] as const) {
    const answer = await post(url, body)
    expect(answer.statusCode).toBe(400)
    expect(answer.json().detail).toMatch(
      /^internal\.yaml:3:7: rules\[0\]\.when: is missing; .* \(and 2 more\)$/,
    )
  }
  policies.refusal = null
  policies.replay = async function* () {
    yield replayExample[0]!
    throw new OperationRefused('the record is away', 409)
  }
  const { statusCode, body } = await post('/policy/replay', REPLAY)
  expect(statusCode).toBe(200)
  expect(JSON.parse(body.trimEnd().split('\n').at(-1)!)).toEqual({
    kind: 'failed',
    detail: 'the record is away',
  })
  await app.close()
})

test('a caller that hangs up ends its replay, and gives its place back', async () => {
  const { operations, app, headers } = await opened()
  operations.policies.endless = true
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const text = JSON.stringify(REPLAY)
  for (let round = 1; round <= 6; round += 1) {
    await new Promise<void>((resolve, reject) => {
      const call = request(
        {
          ...{ host: '127.0.0.1', port, method: 'POST', path: '/api/v1/policy/replay', agent: false },
          headers: {
            ...headers,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
          },
        },
        (answer) => {
          if (answer.statusCode !== 200) reject(new Error(`answered ${answer.statusCode}`))
          answer.once('data', () => {
            call.destroy()
            resolve()
          })
          answer.on('error', () => undefined)
        },
      )
      call.on('error', () => undefined)
      call.end(text)
    })
    await vi.waitFor(() => expect(operations.policies.ended).toBe(round), { timeout: 20_000 })
  }
  await app.close()
})

test.each([
  [{ policy: { ...bundleExample, path: '/etc/shadow' }, since: '1d' }, /policy\.path/],
  [{ policy: bundleExample, since: 'yesterday' }, /since/],
  [{ policy: bundleExample, since: '1d', until: '2d' }, /until: must be later/],
  [{ policy: { text: 'x'.repeat((1 << 20) + 1) }, since: '1d' }, /policy\.text/],
])('a body that says too much or too little is refused by name', async (body, says) => {
  const { operations, app, post } = await opened()
  const answer = await post('/policy/replay', body)
  expect([answer.statusCode, operations.policies.calls]).toEqual([400, []])
  expect(answer.json().detail).toMatch(says)
  await app.close()
})

test('without a policy there is none to show', async () => {
  const { operations, app, headers } = await opened()
  operations.policies.shown = null
  const answer = await app.inject({ url: '/api/v1/policy', headers })
  expect([answer.statusCode, answer.json().detail]).toEqual([404, 'no policy is configured'])
  await app.close()
})
