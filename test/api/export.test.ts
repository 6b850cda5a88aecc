import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { csvRecord } from '../../src/api/csv.ts'
import { certificateExample } from '../../src/api/examples.ts'
import { REGISTER_COLUMNS, registerRow } from '../../src/api/register-columns.ts'
import { StoreUnavailable } from '../../src/audit/record-store.ts'
import { ExampleOperations, openAdmin } from './example-operations.ts'

const URL = '/api/v1/export/certificates'

function many(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    ...certificateExample,
    fingerprint: index.toString(16).padStart(64, '0'),
  }))
}

test('the register as CSV: every certificate of every page, each column under its name', async () => {
  const operations = new ExampleOperations()
  operations.inventory.certificateList = many(2501)
  const { app, bearer } = await openAdmin(operations)
  const answer = await app.inject({ url: URL, headers: await bearer('operator') })
  expect(answer.headers['content-type']).toContain('text/csv')
  expect(answer.headers['content-disposition']).toBe('attachment; filename="certificates.csv"')
  const rows = parse(answer.body, { columns: true }) as Record<string, string>[]
  expect(rows.map(({ fingerprint }) => fingerprint)).toEqual(
    operations.inventory.certificateList.map(({ fingerprint }) => fingerprint),
  )
  expect(Object.keys(rows[0]!)).toEqual(REGISTER_COLUMNS.map(({ name }) => name))
  expect(rows[0]).toMatchObject({
    identifiers: 'www.example.com',
    account: certificateExample.account!.url,
    unmanaged: '',
  })
  expect(operations.inventory.calls.map(([what]) => what)).toEqual([
    'certificates',
    'certificates',
    'certificates',
  ])
  expect(operations.noted.map(({ actor, what }) => [actor.kind, what])).toEqual([
    ['token', { event: 'searched', what: 'export/certificates', filter: {} }],
    ['token', { event: 'exported', what: 'certificates', filter: {}, rows: 2501 }],
  ])
})

test('the register as JSON Lines, with filters; exports are noted however often', async () => {
  const operations = new ExampleOperations()
  operations.inventory.certificateList = many(3)
  const { app, bearer } = await openAdmin(operations)
  const headers = await bearer('operator')
  for (let count = 0; count < 2; count += 1) {
    const answer = await app.inject({ url: `${URL}?format=jsonl&ca=pebble&name=.example.com`, headers })
    expect(
      answer.body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(many(3))
  }
  expect(operations.inventory.calls[0]![1]).toMatchObject({
    ca: 'pebble',
    name: { kind: 'below', value: 'example.com' },
    limit: 1000,
  })
  const filter = { format: 'jsonl', ca: 'pebble', name: '.example.com' }
  expect(operations.noted.map(({ what }) => what)).toEqual([
    { event: 'searched', what: 'export/certificates', filter },
    { event: 'exported', what: 'certificates', filter, rows: 3 },
    { event: 'exported', what: 'certificates', filter, rows: 3 },
  ])
})

test.each([
  ['?limit=3', /limit: unknown/],
  ['?cursor=x', /cursor: unknown/],
  ['?format=xlsx', /must be one of csv, jsonl/],
])('%s is refused', async (query, says) => {
  const { app, bearer } = await openAdmin()
  const answer = await app.inject({ url: `${URL}${query}`, headers: await bearer('operator') })
  expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringMatching(says)])
})

test('an export that cannot be recorded does not begin, or does not end well', async () => {
  class Full extends ExampleOperations {
    left = 0
    override async note(...given: Parameters<ExampleOperations['note']>) {
      if (this.left-- <= 0) throw new StoreUnavailable('full', 'the disk is full')
      await super.note(...given)
    }
  }
  const operations = new Full()
  const { app, bearer } = await openAdmin(operations)
  const headers = await bearer('operator')
  expect((await app.inject({ url: URL, headers })).statusCode).toBe(503)
  operations.left = 1
  await expect(app.inject({ url: URL, headers })).rejects.toThrow()
})

test('no more exports at once than there are places', async () => {
  const operations = new ExampleOperations()
  const gate = Promise.withResolvers<void>()
  const { certificates } = operations.inventory
  let asked = 0
  operations.inventory.certificates = async (filter) => {
    asked += 1
    await gate.promise
    return certificates.call(operations.inventory, filter)
  }
  const { app, bearer } = await openAdmin(operations, { places: { exports: 2, feeds: 1 } })
  const headers = await bearer('operator')
  const running = [app.inject({ url: URL, headers }), app.inject({ url: URL, headers })]
  await expect.poll(() => asked).toBe(2)
  expect((await app.inject({ url: URL, headers })).statusCode).toBe(429)
  gate.resolve()
  for (const answer of await Promise.all(running)) expect(answer.statusCode).toBe(200)
  expect((await app.inject({ url: URL, headers })).statusCode).toBe(200)
})

test.each([
  '=cmd|calc!A1',
  '+1+1',
  '-1+1',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  '\n=1',
  '  =1',
  '＝1+1',
  '＋1',
  '－1',
  '＠SUM(1)',
  '=HYPERLINK("https://evil.example","x")',
  '"=1',
])('a cell %j is text to every spreadsheet', (text) => {
  const [[cell]] = parse(csvRecord([text])) as [[string]]
  expect(cell).toMatch(/^['"]/)
  expect(cell!.endsWith(text)).toBe(true)
  const hostile = {
    ...certificateExample,
    issuer: text,
    commonName: text,
    profile: text,
    identifiers: [{ type: 'dns', value: text }],
  }
  const cells = (parse(registerRow(hostile, '2026-11-22T00:00:00.000Z')) as [string[]])[0]
  for (const one of cells) expect(one).not.toMatch(/^ *[=+\-@\t\r\n＝＋－＠]/)
})

test.each(['www.example.com', '*.example.com', 'CN="a,b"', "it's", 'a\nb', '…', ''])(
  'a cell %j comes back as it was',
  (text) => {
    expect(parse(csvRecord([text, 7, null, true]))).toEqual([[text, '7', '', 'true']])
  },
)

test.each([
  [{}, 'valid'],
  [{ notAfter: '2026-11-22T00:00:00.000Z' }, 'expired'],
  [{ replacedBy: 'f'.repeat(64) }, 'replaced'],
  [{ revokedAt: '2026-11-23T00:00:00.000Z', replacedBy: 'f'.repeat(64) }, 'revoked'],
])('state of %j', (parts, state) => {
  const cells = (
    parse(registerRow({ ...certificateExample, ...parts }, '2026-12-01T00:00:00.000Z')) as [string[]]
  )[0]
  expect(cells[REGISTER_COLUMNS.findIndex(({ name }) => name === 'state')]).toBe(state)
})
