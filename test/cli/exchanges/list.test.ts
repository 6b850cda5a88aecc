import { afterEach, beforeEach, expect, test } from 'vitest'
import { passes } from '../../../src/cli/exchanges/passes.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { recorded } from '../../support/recorded-exchange.ts'
import { type Over, runOver } from '../../support/run-over.ts'

const NOW = recorded({ sequence: 61, operation: 'order' }).intent.at
const URN = 'urn:ietf:params:acme:error:'

let operations: FakeOperations
let over: Over
beforeEach(() => {
  operations = new FakeOperations()
  over = runOver(operations, NOW)
})
afterEach(() => over.end())

const limited = recorded({
  sequence: 3,
  operation: 'newOrder',
  intent: {
    identifiers: [{ type: 'dns', value: 'WWW.example.com' }],
    account: 'https://ca.test/1',
    issuance: 'i',
  },
  outcome: { status: 429, problem: { type: `${URN}rateLimited`, detail: 'too many', subproblems: [] } },
})

test('one record is asked through its inventory, page by page', async () => {
  operations.inventory.recordedExchanges = [limited, recorded({ sequence: 1, operation: 'directory' })]
  operations.inventory.pageSize = 1
  const { out } = await over.run(['exchanges', '--all', '--json', '--diagnosis', 'rate-limit'])
  expect(JSON.parse(out)).toEqual(operations.inventory.recordedExchanges)
  expect(
    operations.inventory.calls.map(([, { limit, cursor, diagnosis }]) => [limit, cursor, diagnosis]),
  ).toEqual([
    [1000, undefined, 'rate-limit'],
    [1000, '1', 'rate-limit'],
  ])
  const cut = await over.run(['exchanges', '--limit', '1', '--timeline'])
  expect([cut.out, cut.err]).toEqual([expect.stringContaining('429 rateLimited'), 'more: --limit or --all\n'])
})

test('several records are read as one, with what a record can be asked', async () => {
  operations.found = [limited]
  const places = ['--data', 'a', '--data', 'b']
  const { code, out, err } = await over.run([
    'exchanges',
    ...places,
    '--name',
    'www.example.com',
    '--since',
    '1h',
    '--all',
  ])
  expect([code, err]).toEqual([0, ''])
  expect(out.split('\n')[0]).toMatch(/^TIME +INSTANCE/)
  const asked = operations.calls.filter(([what]) => what === 'exchanges')
  expect(asked[0]).toEqual(['exchanges', { name: 'www.example.com', since: NOW - 3_600_000_000 }, 1000])
  expect(operations.inventory.calls).toEqual([])
})

test.each([
  ['--diagnosis nxdomain', '--diagnosis'],
  ['--status 429 --name .example.com', '--status, --name'],
  ['--account 0123456789abcdef --outcome running', '--account, --outcome'],
])('several records with %s: refused by name', async (words, says) => {
  const { code, err } = await over.run(['exchanges', '--data', 'a', '--data', 'b', ...words.split(' ')])
  expect([code, err]).toEqual([
    2,
    expect.stringContaining(`${says} can't be asked of several records at once`),
  ])
})

test('exchanges show has the diagnosis', async () => {
  operations.found = [limited]
  const { out } = await over.run(['exchanges', 'show', limited.id])
  expect(out).toMatch(/\ndiagnosis\n {2}└ why [\s\S]*\(rate-limit\)\n[\s\S]* who /)
  expect(JSON.parse((await over.run(['exchanges', 'show', limited.id, '--json'])).out)).toMatchObject({
    id: limited.id,
    diagnosis: { class: 'rate-limit' },
  })
  operations.found = [recorded({ sequence: 1, operation: 'directory' })]
  expect((await over.run(['exchanges', 'show', operations.found[0]!.id])).out).not.toContain('diagnosis')
})

test.each([
  [{ ca: 'pebble' }, { ca: 'other' }],
  [{ mode: 'relay' }, { mode: 'intercept' }],
  [{ operation: 'newOrder' }, { operation: 'order' }],
  [{ outcome: 'response' }, { outcome: 'running' }],
  [{ status: 429 }, { status: 200 }],
  [{ problem: 'rateLimited' }, { problem: 'badNonce' }],
  [{ problem: `${URN}rateLimited` }, { problem: `${URN}badNonce` }],
  [{ diagnosis: 'rate-limit' }, { diagnosis: 'nxdomain' }],
  [{ account: 'https://ca.test/1' }, { account: 'https://ca.test/2' }],
  [{ issuance: 'i' }, { issuance: 'j' }],
  [{ name: { kind: 'exact', value: 'www.example.com' } }, { name: { kind: 'exact', value: 'example.com' } }],
  [{ name: { kind: 'below', value: 'example.com' } }, { name: { kind: 'below', value: 'ample.com' } }],
] as const)('what a tail shows: %j, not %j', (meets, misses) => {
  expect(passes(limited, meets)).toBe(true)
  expect(passes(limited, misses)).toBe(false)
  expect(passes(limited, { ...meets, ...misses })).toBe(false)
})
