import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accountFilter } from '../../../src/audit/inventory/account.ts'
import { certificateFilter } from '../../../src/audit/inventory/certificate.ts'
import { challengeFilter } from '../../../src/audit/inventory/challenge.ts'
import { clientFilter } from '../../../src/audit/inventory/client.ts'
import { exchangeFilter } from '../../../src/audit/inventory/exchange-filter.ts'
import { failureFilter, rateLimitFilter } from '../../../src/audit/inventory/failure.ts'
import { orderFilter } from '../../../src/audit/inventory/order.ts'
import { summaryFilter } from '../../../src/audit/inventory/summary.ts'
import { InventoryQueries } from '../../../src/store/sqlite/inventory/queries/inventory-queries.ts'
import { NAMES, type RandomInventory, randomInventory } from '../../support/random-inventory.ts'

/** Tables that stay small: as many rows as there are programs that ask, not as many as they ask. */
const SMALL = /\bSCAN (accounts|clients|a|k)\b(?! USING)/
/** What is put together for one question. */
const TRANSIENT = /\bSCAN (json_each VIRTUAL TABLE|\(subquery-\d+\)|CONSTANT ROW|asked)/

let given: RandomInventory
const asked: string[] = []
let watched: Database.Database

beforeAll(async () => {
  given = await randomInventory(5, 200)
  watched = new Database(given.inventory.name, {
    readonly: true,
    verbose: (sql) => {
      asked.push(String(sql))
    },
  })
})
afterAll(async () => {
  watched.close()
  await given.close()
})

/** Each statement once, whatever the values. */
function statements(): string[] {
  const different = new Map(asked.map((sql) => [sql.replace(/'[^']*'|\b\d+(\.\d+)?\b/g, '?'), sql]))
  asked.length = 0
  return [...different.values()]
}

function planOf(sql: string): string[] {
  return given.inventory
    .prepare(`explain query plan ${sql}`)
    .all()
    .map((row) => (row as { detail: string }).detail)
}

const LISTS = {
  exchanges: exchangeFilter,
  accounts: accountFilter,
  clients: clientFilter,
  orders: orderFilter,
  challenges: challengeFilter,
  certificates: certificateFilter,
  failures: failureFilter,
  rateLimits: rateLimitFilter,
} as const

function filters(list: keyof typeof LISTS): Record<string, string>[] {
  const id = (table: string) =>
    given.inventory.prepare(`select key from ${table} limit 1`).pluck().get() as string
  const values: Record<string, readonly string[]> = {
    ca: ['alpha'],
    account: [id('accounts'), 'shared-key'],
    client: [id('clients')],
    name: [NAMES[0]!, '.example.com'],
    since: ['2023-11-14T23:00:00Z'],
    until: ['2023-11-20T00:00:00Z'],
    mode: ['relay'],
    operation: ['newOrder'],
    outcome: ['running', 'response'],
    status: list === 'exchanges' ? ['400'] : ['valid', ...(list === 'orders' ? ['pending'] : [])],
    problem: ['dns'],
    diagnosis: ['servfail', 'challenge-not-answered', 'certificate-not-downloaded'],
    order: [id('orders')],
    type: ['http-01'],
    profile: ['classic'],
    source: [list === 'certificates' ? 'imported' : '192.0.2.1'],
    label: ['web-1'],
    program: ['lego'],
    state: ['valid', 'expired', 'revoked', 'replaced'],
    serial: ['05'],
    issuer: ['alpha'],
    unmanaged: ['true'],
    expires_before: ['3d'],
    limit_name: ['unknown'],
  }
  const alone = Object.keys(LISTS[list].shape).flatMap((name) =>
    (values[name] ?? []).map((value) => ({ [name]: value })),
  )
  const pairs = alone.flatMap((one) => alone.map((other) => ({ ...one, ...other })))
  return [{}, ...pairs]
}

test.for(Object.keys(LISTS) as (keyof typeof LISTS)[])(
  '%s: every pair of filters is led by an index, and nothing large is read whole or sorted whole',
  async (list) => {
    const seen = new Set<string>()
    for (const limits of [{ few: 0, nameSets: 0 }, { few: 3, stretch: 5 }, { few: 1000 }, {}]) {
      const queries = new InventoryQueries(watched, given.record, { limits, now: () => given.now })
      for (const filter of filters(list)) await queries[list](LISTS[list].parse(filter) as never)
      for (const sql of statements()) {
        const plan = planOf(sql)
        for (const step of plan) {
          seen.add(step)
          if (
            /^SCAN/.test(step) &&
            !SMALL.test(step) &&
            !TRANSIENT.test(step) &&
            !/COVERING INDEX/.test(step)
          )
            expect.fail(`${step}\n${sql}`)
          if (/TEMP B-TREE FOR (ORDER BY|LAST)/.test(step)) {
            // Of several values, or of another index: of few rows, as was counted before.
            expect(sql).toMatch(/json_each|certificates_(serial|expiry|current)|downloads/)
          }
        }
      }
    }
    expect([...seen].some((step) => step.startsWith('SEARCH'))).toBe(true)
  },
)

test('the summary reads hours, and indexes alone for its totals', async () => {
  const queries = new InventoryQueries(watched, given.record, { now: () => given.now })
  for (const ca of [undefined, 'alpha'])
    await queries.summary(
      summaryFilter.parse({ since: '2023-11-14T00:00:00Z', by: 'ca,operation', ...(ca && { ca }) }),
    )
  for (const sql of statements())
    for (const step of planOf(sql))
      if (/^SCAN/.test(step))
        expect(step, sql).toMatch(
          /COVERING INDEX|SCAN (accounts|clients|a|summary USING PRIMARY KEY|CONSTANT ROW)|UNION/,
        )
})

test('a call examines no more rows than it may, whatever matches', async () => {
  const limits = { few: 0, nameSets: 0, stretch: 10, rows: 20 }
  const queries = new InventoryQueries(watched, given.record, { limits, now: () => given.now })
  const page = await queries.exchanges(exchangeFilter.parse({ status: '599' }))
  expect(page.items).toEqual([])
  const next = Number(Buffer.from(page.next!, 'base64url').toString().split(' ')[1])
  const passed = given.inventory
    .prepare('select count(*) from exchanges where sequence >= ?')
    .pluck()
    .get(next) as number
  expect(passed).toBeGreaterThan(0)
  // Stretches grow, so the last may reach beyond by its own length.
  expect(passed).toBeLessThanOrEqual(limits.rows + 40)
})
