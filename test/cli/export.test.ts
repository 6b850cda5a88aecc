import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openControlSocket } from '../../src/api/control-socket.ts'
import type { Application } from '../../src/cli/application.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { openSqliteReader, openSqliteStore } from '../../src/store/sqlite/open.ts'
import { entryOf, intentOf, outcomeOf } from '../support/facts.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { runHere } from '../support/run-here.ts'

const START = Date.UTC(2026, 10, 22) * 1000
const ORDER = 'https://ca.example/order/1'

let folder: string
const ids: string[] = []

/** Exchange n happened at minute n, at one instance or the other. */
async function fill(name: string, instance: string, minutes: readonly number[]): Promise<void> {
  const place = path.join(folder, name)
  const { store, close } = await openSqliteStore({
    folder: place,
    now: 1,
    boot: newExchangeId(),
    software: 'test',
  })
  for (const minute of minutes) {
    const id = newExchangeId()
    ids[minute] = id
    const at = START + minute * 60_000_000
    const issuance = `${instance}-issuance`
    const personal = [{ name: 'clientAddress', kind: 'address', value: Buffer.from('192.0.2.7') }] as const
    const operation = minute === 0 ? 'newOrder' : 'order'
    const content = { instance, operation, issuance, order: minute === 0 ? null : ORDER }
    await store.append(entryOf([intentOf(id, { at, content, personal })]))
    if (minute === 9) continue
    await store.append(entryOf([outcomeOf(id, { at: at + 1000, content: { order: ORDER, issuance } })]))
  }
  await close()
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'export-'))
  await fill('data', 'one', [0, 2, 3, 6, 9])
  await fill('other', 'two', [1, 4, 5, 7, 8])
  writeFileSync(
    path.join(folder, 'acmetap.yaml'),
    'version: 1\ncas: { pebble: { directory: "https://ca.example:14000/dir" } }\n',
  )
})
afterAll(() => rmSync(folder, { recursive: true }))

const application = {
  async openOffline({ data }: { data: string }) {
    const reader = openSqliteReader(data)
    return {
      exchanges: reader.exchanges.bind(reader),
      exchange: reader.exchange.bind(reader),
      body: reader.body.bind(reader),
      accounts: () => reader.accountKeys(),
      backup: () => Promise.reject(new Error('not here')),
      close: () => reader.close(),
    }
  },
} as unknown as Application

const NOW = START + 60 * 60_000_000
const acmetap = (...words: string[]) => runHere(words, folder, { now: NOW, application, columns: 200 })
const lines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
const both = ['--data', 'data', '--data', 'other']

test('the configured record, oldest first, numbered; what still runs is counted', async () => {
  const { code, out, err } = await acmetap('export')
  expect(code).toBe(0)
  expect(lines(out).map(({ exchange, sent }) => [exchange, sent.line])).toEqual(
    [0, 2, 3, 6].map((minute, index) => [ids[minute], index + 1]),
  )
  expect(err).toBe('1 exchanges without an outcome were left out: they still ran\n')
})

test('several instances as one stream, by time, each line with its instance', async () => {
  const { out } = await acmetap('export', ...both)
  expect(lines(out).map(({ exchange }) => exchange)).toEqual(ids.slice(0, 9))
  expect(lines(out).map(({ instance }) => instance)).toEqual([
    'one',
    'two',
    'one',
    'one',
    'two',
    'two',
    'one',
    'two',
    'two',
  ])
  const twice = await acmetap('export', ...both, '--data', './data')
  expect(twice.out).toBe(out)
})

test('a span of time, as Amp lines, into a file for its owner alone', async () => {
  const span = ['--since', '2026-11-22T00:01', '--until', '2026-11-22T00:04', '--format', 'amp']
  const { code, out, err } = await acmetap(
    'export',
    ...both,
    '--config',
    'acmetap.yaml',
    ...span,
    '--output',
    'x.json',
  )
  expect([code, out, err]).toEqual([0, '', `${folder}/x.json: 4 lines\n`])
  const file = path.join(folder, 'x.json')
  expect(
    lines(readFileSync(file, 'utf8')).map(({ id, time, params }) => [id, time, params.server, params.client]),
  ).toEqual([1, 2, 3, 4].map((n) => [n, `2026-11-22 00:0${n}:00`, 'ca.example', '192.0.2.7']))
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const again = await acmetap('export', '--output', 'x.json')
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('x.json exists already')])
  const nowhere = await acmetap('export', '--output', 'no/x.json')
  expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining("no/x.json can't be written")])
  expect(existsSync(path.join(folder, 'no'))).toBe(false)
})

test('a folder without a record, and a time that is none, are named', async () => {
  const missing = await acmetap('export', '--data', 'data', '--data', 'nowhere')
  expect([missing.code, missing.out, missing.err]).toEqual([
    1,
    '',
    expect.stringContaining(`${folder}/nowhere`),
  ])
  const wrong = await acmetap('export', '--until', 'tomorrow')
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('--until "tomorrow" is not a time')])
  expect((await acmetap('export', '--help')).out).toMatch(/Examples:\n +acmetap export > record.jsonl/)
})

test('exchanges of several instances: a column says whose; without --data or with one there is none', async () => {
  const merged = await acmetap('exchanges', ...both, '--limit', '4', '--utc')
  expect(merged.code).toBe(0)
  const rows = merged.out.trimEnd().split('\n')
  expect(rows[0]).toMatch(/^TIME +INSTANCE +CA /)
  expect(rows.slice(1).map((row) => row.split(/ {2,}/).slice(0, 2))).toEqual(
    [9, 8, 7, 6].map((n) => [`2026-11-22T00:0${n}:00.000000Z`, n === 9 || n === 6 ? 'one' : 'two']),
  )
  expect((await acmetap('exchanges', '--data', 'other')).out).not.toContain('INSTANCE')
  expect((await acmetap('exchanges')).out).not.toContain('INSTANCE')
  const shown = await acmetap('exchanges', 'show', ids[4]!, ...both)
  expect(shown.out).toContain(`exchange ${ids[4]}  order  201`)
})

test('an issuance that went on at another instance is one issuance', async () => {
  const { out } = await acmetap('exchanges', ...both, '--timeline')
  const headings = out.split('\n').filter((line) => line.startsWith('2026-'))
  expect(headings).toHaveLength(1)
  expect(headings[0]).toContain('one.example')
})

test('a running server notes what was taken out of its record', async () => {
  const operations = new FakeOperations()
  const socket = await openControlSocket(operations, path.join(folder, 'data'), () => undefined)
  try {
    const { code } = await runHere(['export', '--mode', 'relay', '--format', 'amp+'], folder, {
      application: application as unknown as Application,
    })
    expect(code).toBe(0)
    const what = { event: 'exported', what: 'exchanges', filter: { format: 'amp+', mode: 'relay' }, rows: 4 }
    expect(operations.noted).toEqual([{ actor: { kind: 'local', token: null, name: null }, what }])
  } finally {
    await socket.close()
  }
})
