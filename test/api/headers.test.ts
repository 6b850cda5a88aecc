import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROUTES } from '../../src/api/routes.ts'
import { type Admin, ExampleOperations, openAdmin } from './example-operations.ts'

let admin: Admin
let headers: Record<string, string>
beforeAll(async () => {
  admin = await openAdmin(new ExampleOperations())
  headers = { ...(await admin.bearer('admin')), host: 'localhost:9080' }
})
afterAll(() => admin.app.close())

const CHANGING = ROUTES.filter(({ method, role }) => method !== 'GET' && role !== 'local')
const FOREIGN: readonly (readonly [string, Record<string, string>])[] = [
  ['another origin', { origin: 'https://evil.example' }],
  ['the null origin', { origin: 'null' }],
  ['another port', { origin: 'http://localhost:8080' }],
  ['another scheme', { origin: 'https://localhost:9080' }],
  ['an origin that begins alike', { origin: 'http://localhost:9080.evil.example' }],
  ['an empty origin', { origin: '' }],
  ['a cross-site fetch', { 'sec-fetch-site': 'cross-site' }],
  ['a same-site fetch', { 'sec-fetch-site': 'same-site' }],
]

describe('a page of another origin changes nothing', () => {
  const cells = CHANGING.flatMap((row) =>
    FOREIGN.map(([name, fields]) => [row.id, name, row, fields] as const),
  )
  test.each(cells)('%s from %s', async (_id, _name, { method, path, bodyExample }, fields) => {
    const before = admin.operations.calls.length
    const answer = await admin.app.inject({
      method,
      url: `/api/v1${path.replace('{id}', '0a1b2c3d')}`,
      headers: { ...headers, ...fields },
      ...(bodyExample === undefined ? {} : { payload: bodyExample as object }),
    })
    expect(answer.statusCode).toBe(403)
    expect(admin.operations.calls.length).toBe(before)
  })
})

test('its own pages and programs without an origin may', async () => {
  for (const fields of [
    {},
    { origin: 'http://localhost:9080', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
  ]) {
    const answer = await admin.app.inject({
      method: 'POST',
      url: '/api/v1/config/reload',
      headers: { ...headers, ...fields },
    })
    expect(answer.statusCode).toBe(200)
  }
})

describe('bodies are JSON', () => {
  const withBody = CHANGING.filter(({ bodyExample }) => bodyExample !== undefined)
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'text/plain; application/json',
    'application/jsonx',
    'application/json\tx',
  ]
  test.each(withBody.flatMap((row) => types.map((type) => [row.id, type, row] as const)))(
    '%s with %s',
    async (_id, type, { method, path, bodyExample }) => {
      const before = admin.operations.calls.length
      const answer = await admin.app.inject({
        method,
        url: `/api/v1${path}`,
        headers: { ...headers, 'content-type': type },
        payload: JSON.stringify(bodyExample),
      })
      expect([400, 415]).toContain(answer.statusCode)
      expect(admin.operations.calls.length).toBe(before)
    },
  )

  test.each(withBody.map((row) => [row.id, row] as const))(
    '%s: broken, deep, poisoned and huge ones',
    async (_id, row) => {
      const url = `/api/v1${row.path}`
      const send = async (payload: string) =>
        (
          await admin.app.inject({
            method: row.method,
            url,
            headers: { ...headers, 'content-type': 'application/json' },
            payload,
          })
        ).statusCode
      for (const payload of [
        '',
        '{',
        '[]',
        'null',
        '"x"',
        '1',
        '{"__proto__":{"role":"admin"}}',
        '{"constructor":{"prototype":{}}}',
        '['.repeat(50_000),
      ]) {
        if (row.id === 'probeCas' && payload === 'x') continue
        expect(await send(payload), payload.slice(0, 40)).toBe(400)
      }
      expect(await send(`{"x":"${'y'.repeat(row.bodyLimit ?? 64 << 10)}"}`)).toBe(413)
    },
  )
})

test.each([
  '/healthz',
  '/readyz',
  '/metrics',
  '/api/v1/openapi.json',
  '/api/v1/orders',
  '/api/v1/tokens',
  '/api/v1/events',
  '/api/v1/export/certificates',
  `/api/v1/certificates/${'e'.repeat(64)}/pem`,
  '/api/v1/orders?x=1',
  '/api/v1/%zz',
  '/nothing',
])('%s is kept by nobody, framed by nobody, read by no other origin', async (url) => {
  const answer = await admin.app.inject({ url, headers: { ...headers, origin: 'https://evil.example' } })
  expect(answer.headers).toMatchObject({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  })
  expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  expect(answer.headers['content-type']).not.toContain('html')
  expect(answer.headers['strict-transport-security']).toBeUndefined()
})

test.each(['OPTIONS', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const)('%s is no way in', async (method) => {
  const answer = await admin.app.inject({
    method,
    url: '/api/v1/orders',
    headers: { ...headers, origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  })
  expect(answer.statusCode).toBe(404)
})

test.each(['X-HTTP-Method-Override', 'X-Method-Override', 'X-HTTP-Method'])(
  '%s overrides nothing',
  async (name) => {
    const before = admin.operations.calls.length
    const answer = await admin.app.inject({
      url: '/api/v1/tokens?_method=DELETE',
      headers: { ...headers, [name]: 'DELETE' },
    })
    expect(answer.statusCode).toBe(400)
    expect(admin.operations.calls.length).toBe(before)
  },
)

describe('a token in a URL is refused and not repeated', () => {
  test.each([
    ['?token=', 'secret'],
    ['?access_token=', 'secret'],
    ['?Authorization=', 'Bearer secret'],
    ['?api_key=', 'secret'],
    ['?name=', `acmetap_0a1b2c3d_${'A'.repeat(43)}`],
    ['?x=1&bearer=', 'secret'],
  ])('%s', async (query, text) => {
    for (const fields of [{}, headers]) {
      const answer = await admin.app.inject({
        url: `/api/v1/orders${query}${encodeURIComponent(text)}`,
        headers: fields,
      })
      expect(answer.statusCode).toBe(400)
      expect(answer.json().detail).toMatch(/token must not stand in a URL/)
      expect(answer.body).not.toContain(text)
    }
  })
})

test.each([
  '',
  'Bearer',
  'Bearer ',
  'bearer  x',
  'Token x',
  `Bearer ${'x'.repeat(1000)}`,
  'Bearer a b',
  'Bearer null',
  'Bearer undefined',
  'Bearer __proto__',
  'Basic Og==',
])('Authorization %j is no token', async (authorization) => {
  const answer = await admin.app.inject({ url: '/api/v1/orders', headers: { authorization } })
  expect(answer.statusCode).toBe(401)
  expect(answer.headers['www-authenticate']).toContain('Bearer realm="acmetap"')
})
