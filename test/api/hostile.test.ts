import { afterAll, beforeAll, expect, test } from 'vitest'
import type { z } from 'zod'
import { ROUTES } from '../../src/api/routes.ts'
import { type Admin, ExampleOperations, openAdmin } from './example-operations.ts'
import { HOSTILE, hostileQueries } from './hostile-values.ts'

let admin: Admin
let headers: Record<string, string>
beforeAll(async () => {
  admin = await openAdmin(new ExampleOperations(), { places: { exports: 4, feeds: 100, questions: 1e6 } })
  headers = { ...(await admin.bearer('admin')) }
})
afterAll(() => admin.app.close())

const FILTERED = ROUTES.filter(({ query, role }) => query !== undefined && role !== 'local')
const filters = FILTERED.flatMap((row) =>
  Object.keys((row.query as z.ZodObject).shape).map((name) => [row.path, name] as const),
)

test('there is enough of it', () => {
  expect(new Set(HOSTILE).size).toBeGreaterThan(1000)
  expect(filters.length).toBeGreaterThan(80)
})

test('every value in every filter is read or refused, and nothing throws', () => {
  for (const row of FILTERED) {
    const { shape } = row.query as z.ZodObject
    for (const name of Object.keys(shape)) {
      for (const value of HOSTILE) {
        const read = row.query!.safeParse({ [name]: value })
        expect(read.success || read.error.issues.length > 0).toBe(true)
      }
    }
  }
})

/** Each filter gets its share of the values, so that together every filter has had every kind, and all a thousand. */
test.each(filters.map(([path, name], index) => [path, name, index] as const))(
  '%s ?%s= takes hostile values as values or refuses them by name',
  async (path, name, index) => {
    const share = HOSTILE.filter((_, at) => (at + index) % 16 === 0)
    const queries = [
      ...share.map((value) => `${name}=${encodeURIComponent(Buffer.from(value).toString())}`),
      ...hostileQueries(name),
    ]
    for (const query of queries) {
      const calls = admin.operations.inventory.calls
      calls.length = 0
      const answer = await admin.app.inject({ url: `/api/v1${path}?${query}`, headers })
      expect([200, 400], `${query} ${answer.body.slice(0, 200)}`).toContain(answer.statusCode)
      if (answer.statusCode === 200) continue
      expect(calls, query).toEqual([])
      expect(answer.headers['content-type']).toContain('application/problem+json')
      expect(answer.body.length).toBeLessThan(6000)
      const { detail } = answer.json() as { detail: string }
      expect(detail).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    }
    expect(admin.reported).toEqual([])
    expect(Object.prototype).not.toHaveProperty(name)
  },
)

test.each(['ca', 'account', 'problem'])(
  'what ?%s= lets through reaches the inventory as it was written',
  async (name) => {
    const calls = admin.operations.inventory.calls
    let through = 0
    for (const value of HOSTILE) {
      calls.length = 0
      const answer = await admin.app.inject({
        url: `/api/v1/failures?${new URLSearchParams([[name, value]])}`,
        headers,
      })
      if (answer.statusCode !== 200) continue
      expect(calls[0]![1][name]).toBe(Buffer.from(value).toString())
      through += 1
    }
    expect(through).toBeGreaterThan(900)
  },
)

test('paths of every kind', async () => {
  for (const value of HOSTILE) {
    for (const path of [
      '/exchanges/',
      '/orders/',
      '/certificates/',
      '/exchanges/x/bodies/',
      '/tokens/',
      '/accounts/',
    ]) {
      const end = path === '/accounts/' ? '/unpause-link' : ''
      const answer = await admin.app.inject({
        method: path === '/tokens/' ? 'DELETE' : 'GET',
        url: `/api/v1${path}${encodeURIComponent(Buffer.from(value).toString())}${end}`,
        headers,
      })
      expect([400, 404], `${path}${value} ${answer.body.slice(0, 200)}`).toContain(answer.statusCode)
    }
  }
  expect(admin.reported).toEqual([])
})
