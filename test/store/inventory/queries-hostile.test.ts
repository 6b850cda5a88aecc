import { afterAll, beforeAll, expect, test } from 'vitest'
import { exchangeFilter } from '../../../src/audit/inventory/exchange-filter.ts'
import { FilterRefused } from '../../../src/audit/inventory/values.ts'
import { InventoryQueries } from '../../../src/store/sqlite/inventory/queries/inventory-queries.ts'
import { random } from '../../soak/soak.ts'
import { type RandomInventory, randomInventory } from '../../support/random-inventory.ts'

let given: RandomInventory
let queries: InventoryQueries

beforeAll(async () => {
  given = await randomInventory(9, 60)
  queries = new InventoryQueries(given.inventory, given.record, { now: () => given.now })
})
afterAll(() => given.close())

const PARTS = [
  "'",
  '"',
  '`',
  ';',
  '--',
  '/*',
  '*/',
  ')',
  '(',
  ' or 1=1',
  ' union select * from words',
  '\0',
  '\n',
  '%',
  '_',
  '\\',
  '?',
  ':x',
  '@x',
  '$x',
  '[]',
  '{}',
  '\u{1f600}',
  '\ud800',
  'é',
  '0x41',
  '1e9',
  'null',
  'drop table orders',
  'relay',
  "alpha'",
  'x'.repeat(300),
]

function hostile(seed: number): string[] {
  const draw = random(seed)
  return Array.from({ length: 1000 }, () =>
    Array.from({ length: 1 + Math.floor(draw() * 4) }, () => PARTS[Math.floor(draw() * PARTS.length)]!).join(
      '',
    ),
  )
}

/** Past the schemas, as a caller that has none would: the store must not rely on them. */
const FILTERS = {
  exchanges: [
    'ca',
    'account',
    'client',
    'mode',
    'operation',
    'outcome',
    'status',
    'problem',
    'diagnosis',
    'issuance',
    'order',
    'cursor',
  ],
  accounts: ['ca', 'account', 'status', 'cursor'],
  clients: ['ca', 'account', 'source', 'label', 'program', 'cursor'],
  orders: ['ca', 'account', 'client', 'status', 'diagnosis', 'profile', 'cursor'],
  challenges: ['ca', 'account', 'client', 'type', 'status', 'problem', 'diagnosis', 'cursor'],
  certificates: ['ca', 'account', 'client', 'serial', 'issuer', 'source', 'expires_before', 'cursor'],
  failures: ['ca', 'account', 'client', 'mode', 'operation', 'problem', 'diagnosis', 'cursor'],
  rateLimits: ['ca', 'account', 'client', 'limit_name', 'cursor'],
} as const

const cases = Object.entries(FILTERS).flatMap(([list, names]) => names.map((name) => [list, name] as const))

test.for(cases)('%s: 1,000 hostile values of %s are refused or match nothing', async ([list, name]) => {
  const before = given.inventory.prepare('select count(*) from orders').pluck().get()
  const ask = queries[list as 'orders'].bind(queries)
  for (const value of hostile(name.length + list.length)) {
    // A word that the inventory has.
    if (value === 'relay' && name === 'mode') continue
    try {
      const page = await ask({ limit: 5, [name]: value } as never)
      expect(page, `${name}=${JSON.stringify(value)}`).toEqual({ items: [], next: null })
    } catch (error) {
      expect(error, `${name}=${JSON.stringify(value)}`).toBeInstanceOf(FilterRefused)
      expect((error as Error).message).toMatch(new RegExp(`^${name}: `))
    }
  }
  expect(given.inventory.prepare('select count(*) from orders').pluck().get()).toBe(before)
})

test('1,000 hostile names are refused by the schema or match nothing', async () => {
  let asked = 0
  for (const value of hostile(3)) {
    const filter = exchangeFilter.safeParse({ name: value })
    if (!filter.success) continue
    asked += 1
    for (const list of [
      'exchanges',
      'clients',
      'orders',
      'challenges',
      'certificates',
      'failures',
      'rateLimits',
    ] as const)
      expect(await queries[list](filter.data as never)).toEqual({ items: [], next: null })
  }
  expect(asked).toBeGreaterThan(0)
})

test('1,000 hostile ids of orders and certificates lead to none', async () => {
  for (const value of hostile(4)) {
    expect(await queries.order(value)).toBeNull()
    expect(await queries.certificate(value)).toBeNull()
    expect(await queries.certificatePem(value)).toBeNull()
  }
})
