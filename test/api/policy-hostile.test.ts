import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { bundleExample } from '../../src/api/policy-examples.ts'
import { policyOperations } from '../../src/app/policy-operations.ts'
import { IssuanceHistory } from '../../src/policy/issuance-history.ts'
import { type Admin, ExampleOperations, openAdmin } from './example-operations.ts'

/** What reads policies is the server's own; replays are counted and wait for their end. */
let admin: Admin
let headers: Record<string, string>
let port: number
const operations = new ExampleOperations()
const replays = operations.policies
beforeAll(async () => {
  const real = policyOperations({
    reader: {} as never,
    config: () => ({ data: '/nowhere', cas: {} }) as never,
    loaded: () => null,
    since: () => new Date(0),
    history: new IssuanceHistory(),
  })
  replays.endless = true
  Object.assign(operations, { policies: { ...real, replay: replays.replay.bind(replays) } })
  admin = await openAdmin(operations)
  headers = { ...(await admin.bearer('operator')) }
  await admin.app.listen({ port: 0, host: '127.0.0.1' })
  port = (admin.app.server.address() as AddressInfo).port
})
afterAll(() => admin.app.close())

const post = (url: string, payload: object, as = headers) =>
  admin.app.inject({ method: 'POST', url: `/api/v1${url}`, headers: as, payload })

const RULES = 'rules:\n  - { name: a, when: always, effect: allow }\n'
const many = (most: number, each: (n: number) => string) =>
  Array.from({ length: most }, (_, n) => each(n)).join('')
const bomb = `a: &a0 [x]\n${many(30, (n) => `b${n}: &a${n + 1} [${`*a${n},`.repeat(3)}]\n`)}`

const BUNDLES: readonly (readonly [
  string,
  { text: string; files?: Record<string, string>; file?: string },
])[] = [
  ['deep', { text: '['.repeat(300_000) }],
  ['deep and closed', { text: `a: ${'{a: '.repeat(3_000)}${'}'.repeat(3_000)}` }],
  ['many keys', { text: many(30_000, (n) => `k${n}: 1\n`) }],
  ['many mistakes', { text: `version: 1\nrules: [${'{},'.repeat(5_000)}]\n` }],
  ['NUL', { text: `version: 1\0\n${RULES}` }],
  ['alias bomb', { text: bomb }],
  ['alone in its surrogate', { text: `version: 1\nmessage: "\ud800"\n${RULES}x: 1\n` }],
  ['__proto__', { text: `version: 1\n__proto__: { polluted: yes }\n${RULES}` }],
  ['constructor', { text: `version: 1\nconstructor: { prototype: { polluted: yes } }\n${RULES}` }],
  [
    'a list that was not sent',
    { text: `version: 1\nlists: { a: { file: ../../../../etc/passwd } }\n${RULES}` },
  ],
  ['a list of a prototype', { text: `version: 1\nlists: { a: { file: toString } }\n${RULES}` }],
  [
    'thousands of lists',
    { text: `version: 1\nlists:\n${many(3_000, (n) => `  l${n}: { file: f${n} }\n`)}${RULES}` },
  ],
  [
    'a list without end',
    { text: `version: 1\nlists: { a: { file: a } }\n${RULES}`, files: { a: 'x\n'.repeat(1_000_001) } },
  ],
  ['a tag', { text: `version: !!js/function 'function(){}'\n${RULES}` }],
  ['documents', { text: '---\n'.repeat(20_000) }],
]

test.each(BUNDLES)(
  'a bundle that is evil is refused with its place: %s',
  async (_, bundle) => {
    const check = await post('/policy/check', { policy: bundle })
    expect([check.statusCode, check.body.slice(0, 300)]).toEqual([200, expect.stringContaining('"ok":false')])
    const { problems } = check.json() as { problems: { line: number; message: string }[] }
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.length).toBeLessThanOrEqual(101)
    for (const { line } of problems) expect(line).toBeGreaterThan(0)
    expect(check.body).not.toMatch(/root:|node_modules|src\/policy/)
    const explained = await post('/policy/explain', {
      policy: bundle,
      request: { ca: 'a', names: ['a.example'] },
    })
    expect(explained.statusCode).toBe(400)
    const { detail } = explained.json() as { detail: string }
    expect(detail).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u)
    expect(detail.length).toBeLessThan(6_000)
    expect(admin.reported).toEqual([])
    expect(Object.prototype).not.toHaveProperty('polluted')
  },
  120_000,
)

test('files that no list names are never opened, and thousands of them are only text', async () => {
  const files = Object.fromEntries(
    [...Array.from({ length: 5_000 }, (_, n) => `../../${n}`), '/etc/shadow', 'constructor'].map((name) => [
      name,
      'x',
    ]),
  )
  const answer = await post('/policy/check', { policy: { text: `version: 1\n${RULES}`, files } })
  expect([answer.statusCode, answer.json().ok]).toEqual([200, true])
}, 60_000)

test('what is larger than a body may be is refused before it is read', async () => {
  const text = 'x'.repeat((1 << 20) + 1)
  expect((await post('/policy/check', { policy: { text } })).statusCode).toBe(400)
  const files = { a: 'x'.repeat(24 << 20) }
  expect((await post('/policy/check', { policy: { text: '', files } })).statusCode).toBe(413)
})

const asked = (request: object) => ({ policy: bundleExample, request: { ca: 'a', ...request } })
test.each([
  ['10,000 names', { names: Array.from({ length: 10_000 }, (_, n) => `h${n}.example`) }],
  ['a name without end', { names: ['x'.repeat(10_000)] }],
  ['a CSR that is no base64', { operation: 'finalize', csr: '\0\0' }],
  ['a CSR that is garbage', { operation: 'finalize', csr: Buffer.alloc(3_000, 0x30).toString('base64') }],
  [
    'a CSR whose length lies',
    { operation: 'finalize', csr: Buffer.from('3084ffffffff02', 'hex').toString('base64') },
  ],
  ['a CSR without end', { operation: 'finalize', csr: Buffer.alloc(1 << 20).toString('base64') }],
  ['an operation that is none', { operation: '__proto__' }],
  ['more than is known', { names: ['a.example'], admin: true }],
])('an explanation is refused by name: %s', async (_, request) => {
  const answer = await post('/policy/explain', asked(request))
  expect(answer.statusCode).toBe(400)
  expect(answer.headers['content-type']).toContain('application/problem+json')
  expect(answer.body.length).toBeLessThan(6_000)
  expect(admin.reported).toEqual([])
})

test('a thousand names, most of them evil, are explained', async () => {
  const evil = [
    'a\0b.example',
    '*.*.example',
    '..',
    '%00.example',
    '__proto__',
    'xn--a.example',
    '１.example',
  ]
  const names = Array.from({ length: 1_000 }, (_, n) => (n % 8 === 7 ? `h${n}.example` : evil[n % 8]!))
  const answer = await post('/policy/explain', asked({ names }))
  expect([answer.statusCode, answer.json().decided?.effect]).toEqual([200, 'deny'])
}, 60_000)

test.each(['/policy/check', '/policy/explain', '/policy/test', '/policy/replay'])(
  '%s is for operators',
  async (url) => {
    const viewer = { ...(await admin.bearer('viewer')) }
    expect((await post(url, {}, viewer)).statusCode).toBe(403)
    expect((await post(url, {}, {} as never)).statusCode).toBe(401)
  },
)

test('of many at once some are read and the others are told to wait; the server answers meanwhile', async () => {
  const text = `version: 1\n${many(20_000, (n) => `k${n}: 1\n`)}`
  const checks = Promise.all(Array.from({ length: 20 }, () => post('/policy/check', { policy: { text } })))
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
  const statuses = (await checks).map(({ statusCode }) => statusCode)
  expect(statuses.filter((status) => status === 200)).toHaveLength(4)
  expect(statuses.filter((status) => status === 429)).toHaveLength(16)
}, 120_000)

test('of 20 replays at once four run; those that hang up in the middle give their places back', async () => {
  const text = JSON.stringify({ policy: bundleExample, since: '2026-11-01T00:00:00Z' })
  for (const ended of [4, 8]) {
    const calls = Array.from({ length: 20 }, () => replay(text))
    const statuses = await Promise.all(calls.map(({ status }) => status))
    expect(statuses.filter((status) => status === 200)).toHaveLength(4)
    expect(statuses.filter((status) => status === 429)).toHaveLength(16)
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
    for (const { hangUp } of calls) hangUp()
    await vi.waitFor(() => expect(replays.ended).toBe(ended), { timeout: 20_000 })
  }
}, 60_000)

function replay(text: string) {
  const { promise: status, resolve, reject } = Promise.withResolvers<number>()
  const call = request({
    ...{ host: '127.0.0.1', port, method: 'POST', path: '/api/v1/policy/replay', agent: false },
    headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
  })
  call.on('response', (answer) => {
    answer.on('error', () => undefined)
    answer.once('data', () => resolve(answer.statusCode!))
  })
  call.on('error', reject)
  call.end(text)
  return { status, hangUp: () => call.destroy() }
}
