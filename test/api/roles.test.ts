import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { ROUTES } from '../../src/api/routes.ts'
import { ROLES } from '../../src/audit/token.ts'
import { ExampleOperations, openAdmin } from './example-operations.ts'

/** Everything the router has, whoever put it there. */
function routedPaths(tree: string): string[] {
  const stack: string[] = []
  return tree.split('\n').flatMap((line) => {
    const row = /^([│ ]*)[├└]── (.+?)(?: \(([A-Z, ]+)\))?$/.exec(line)
    if (row === null) return []
    const depth = row[1]!.length / 4
    stack.length = depth
    stack.push(row[2]!)
    return row[3] === undefined ? [] : row[3].split(', ').map((method) => `${method} ${stack.join('')}`)
  })
}

const OPEN = ['GET /healthz', 'GET /readyz', 'GET /metrics', 'GET /crl/:file', 'GET /api/v1/openapi.json']
const ROWS = ROUTES.filter(({ role }) => role !== 'local')
const CALLERS = ['none', 'bad', 'basic', 'expired', ...ROLES] as const
type Caller = (typeof CALLERS)[number]

test('the router has the table, what is open to all, and nothing else', async () => {
  const { app } = await openAdmin()
  const routed = routedPaths(app.printRoutes({ commonPrefix: false })).filter(
    (one) => !one.startsWith('HEAD'),
  )
  const table = ROWS.map(({ method, path }) => `${method} /api/v1${path.replaceAll(/\{(\w+)\}/g, ':$1')}`)
  expect(routed.sort()).toEqual([...table, ...OPEN].sort())
})

const cells = ROWS.flatMap((row) => CALLERS.map((caller) => [row.id, caller] as const))

test.each(cells)('%s asked with %s', async (id, caller) => {
  const row = ROWS.find((one) => one.id === id)!
  const { app, bearer, operations } = await openAdmin(new ExampleOperations())
  const tokens: Record<Caller, () => Promise<Record<string, string>>> = {
    none: async () => ({}),
    bad: async () => ({ authorization: `Bearer acmetap_00000000_${'B'.repeat(43)}` }),
    basic: async () => ({ authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` }),
    // What has expired is not known any more to those who authenticate.
    expired: async () => {
      const fields = await bearer('admin')
      operations.bearers.clear()
      return { ...fields }
    },
    viewer: async () => ({ ...(await bearer('viewer')) }),
    operator: async () => ({ ...(await bearer('operator')) }),
    admin: async () => ({ ...(await bearer('admin')) }),
  }
  const examples: Record<string, string> = {
    id: 'x'.repeat(8),
    digest: 'a'.repeat(64),
    fingerprint: 'e'.repeat(64),
  }
  const document = app.swagger() as {
    paths: Record<string, Record<string, { parameters?: { name: string; in: string; example?: unknown }[] }>>
  }
  for (const { in: place, name, example } of document.paths[`/api/v1${row.path}`]![row.method.toLowerCase()]!
    .parameters ?? []) {
    if (place === 'path') examples[name] = String(example)
  }
  const before = operations.calls.length
  const answer = await app.inject({
    method: row.method,
    url: `/api/v1${row.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(examples[name]!))}`,
    headers: await tokens[caller](),
    ...(row.bodyExample === undefined ? {} : { payload: row.bodyExample as object }),
  })
  const rank = ROLES.indexOf(caller as never)
  const needed = ROLES.indexOf(row.role as never)
  const expected = rank < 0 ? 401 : rank < needed ? 403 : (row.status ?? 200)
  expect(answer.statusCode, answer.body.slice(0, 200)).toBe(expected)
  if (expected === 401) expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="acmetap"/)
  if (expected === 403) expect(answer.json().detail).toContain(`role ${row.role}`)
  if (expected >= 400) {
    const done = operations.calls.slice(before).filter(([what]) => what !== 'createToken')
    expect([done, operations.inventory.calls, operations.noted]).toEqual([[], [], []])
  }
})

test('what is for the socket alone is not there', async () => {
  const { app, bearer } = await openAdmin()
  const headers = await bearer('admin')
  const local = ROUTES.filter(({ role }) => role === 'local')
  expect(local.length).toBeGreaterThan(2)
  for (const { method, path, bodyExample } of local) {
    const payload = bodyExample === undefined ? {} : { payload: bodyExample as object }
    expect((await app.inject({ method, url: `/api/v1${path}`, headers, ...payload })).statusCode).toBe(404)
  }
})

test('tokens that cannot be looked up open no door', async () => {
  class Gone extends ExampleOperations {
    override async authenticate(): Promise<never> {
      throw new Error('gone')
    }
  }
  const { app, bearer } = await openAdmin(new Gone())
  const answer = await app.inject({ url: '/api/v1/orders', headers: await bearer('admin') })
  expect(answer.statusCode).toBe(500)
  expect(answer.body).not.toContain('gone')
})

test('a token in the URL is refused however it is escaped, and so are two fields', async () => {
  const { app, bearer } = await openAdmin(new ExampleOperations())
  const headers = await bearer('viewer')
  const escaped = `acmetap%5f0a1b2c3d%5F${'A'.repeat(43)}`
  for (const url of [`/api/v1/orders?name=${escaped}`, `/api/v1/orders/${escaped}`]) {
    const answer = await app.inject({ url, headers })
    expect(answer.statusCode).toBe(400)
    expect(answer.body).toMatch(/token must not stand in a URL/)
  }
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const asked = request({
    port,
    path: '/api/v1/status',
    headers: ['Host', 'x', 'Authorization', headers.authorization!, 'authorization', 'Bearer other'],
  }).end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  expect(answer.statusCode).toBe(400)
  answer.resume()
  await app.close()
})
