import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createColors } from 'picocolors'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openControlSocket } from '../../src/api/control-socket.ts'
import { outcomeFact } from '../../src/audit/outcome.ts'
import { KEEP_ALL } from '../../src/audit/privacy.ts'
import { FRAME_LIMIT, Spill } from '../../src/audit/spill.ts'
import { run } from '../../src/cli/program.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { NOTHING_LEARNED } from '../../src/exchange/resource.ts'
import { openSqliteStore } from '../../src/store/sqlite/open.ts'
import { decided, inspection, response, taught } from '../support/exchanges.ts'
import { entryOf, intentOf } from '../support/facts.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { runHere } from '../support/run-here.ts'

const VALUE = 'jane.doe@example.org'

let folder: string
let data: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'acmetap-forget-'))
  data = join(folder, 'data')
  writeFileSync(
    join(folder, 'acmetap.yaml'),
    'version: 1\ncas: { pebble: { preset: pebble } }\nrelay: [{ host: "localhost:8443", ca: pebble }]\n',
  )
})
afterEach(() => rmSync(folder, { recursive: true }))

const acmetap = (...words: string[]) => runHere(words, folder)

/** An account request in the record, its answer in the spill file. */
async function fill(): Promise<void> {
  const contact = [`mailto:${VALUE}`]
  const signed = inspection({ contact })
  const opened = await openSqliteStore({ folder: data, now: 1, boot: newExchangeId(), software: 'test' })
  const exchange = decided('newAccount', { inspection: signed })
  await opened.store.append(
    entryOf([
      intentOf(exchange.id, {
        personal: [
          { name: 'payload', kind: 'body', value: signed.jws.payloadBytes },
          { name: 'contact.0', kind: 'contact', value: Buffer.from(contact[0]!) },
        ],
      }),
    ]),
  )
  await opened.close()
  const spill = await Spill.open(join(data, 'spill'), 4 * FRAME_LIMIT)
  const completed = {
    ...taught(exchange, response(201, { status: 'valid', contact })),
    completedAt: { wall: 1_700_000_000_000_000, monotonic: 9 },
  }
  await spill.write({ facts: [outcomeFact(completed, KEEP_ALL)], learned: NOTHING_LEARNED })
  await spill.close()
}

const hits = () =>
  readdirSync(data).filter((name) => {
    const bytes = readFileSync(join(data, name))
    return (
      bytes.includes(VALUE) || bytes.includes(Buffer.from(`mailto:${VALUE}`).toString('base64').slice(2, 24))
    )
  })

test('without a server: counts, refuses without --yes where nobody can be asked, then erases from every file', async () => {
  await fill()
  const dry = await acmetap('forget', VALUE, '--dry-run')
  expect(dry).toMatchObject({ code: 0 })
  expect(dry.out).toContain(`${VALUE}: 1 value (contact) and 1 body would be erased`)
  const unasked = await acmetap('forget', VALUE)
  expect(unasked).toMatchObject({ code: 2 })
  expect(unasked.err).toContain('--yes')
  expect(hits()).not.toEqual([])
  const done = await acmetap('forget', VALUE, '--yes', '--json')
  expect(JSON.parse(done.out)).toEqual({
    values: 1,
    bodies: 2,
    kinds: ['body', 'contact'],
    dryRun: false,
    copies: [],
  })
  expect(hits()).toEqual([])
  expect(await acmetap('record', 'verify')).toMatchObject({ code: 0 })
  for (const words of [['--yes'], ['--dry-run'], []]) {
    const again = await acmetap('forget', VALUE, ...words)
    expect(again).toMatchObject({ code: 0, err: '' })
    expect(again.out).toContain(`${VALUE}: nothing of it is in the record\n`)
    expect(again.out).not.toContain('erased')
  }
})

test('copies that upgrades left in the folder are named', async () => {
  await fill()
  const copy = join(data, 'acmetap.sqlite.0002_sink_positions.backup')
  writeFileSync(copy, 'an older record')
  expect((await acmetap('forget', VALUE, '--yes')).out).toContain(copy)
})

test('asks on a terminal, and takes nothing but yes', async () => {
  await fill()
  const answering = async (answer: string) => {
    let out = ''
    let err = ''
    const code = await run(['forget', VALUE], {
      env: {},
      columns: 120,
      colors: createColors(false),
      folder,
      now: () => 1,
      write: (text) => {
        out += text
      },
      warn: (line) => {
        err += line
      },
      ask: async () => answer,
    })
    return { code, out, err }
  }
  for (const answer of ['', 'y', 'no']) {
    expect(await answering(answer)).toMatchObject({ code: 1, err: 'error: nothing was erased' })
  }
  expect(hits()).not.toEqual([])
  expect((await answering('yes')).out).toContain('1 value (contact) and 2 bodies erased')
  expect(hits()).toEqual([])
})

test('a server is asked where one runs', async () => {
  const operations = new FakeOperations()
  const asked: unknown[] = []
  operations.forget = async (...given) => {
    asked.push(given)
    return { values: 3, bodies: 2, kinds: ['address', 'body', 'query'] }
  }
  const socket = await openControlSocket(operations, data, () => undefined)
  try {
    const { code, out } = await acmetap('forget', '192.0.2.7', '--yes')
    expect(code).toBe(0)
    expect(out).toContain('192.0.2.7: 3 values (address, search) and 2 bodies erased')
    expect(asked).toMatchObject([['192.0.2.7', { kind: 'local' }, false]])
  } finally {
    await socket.close()
  }
})

test('where there is no record none is made', async () => {
  const { code, err } = await acmetap('forget', VALUE, '--yes')
  expect(code).toBe(1)
  expect(err).toContain('there is no record')
  expect(() => readdirSync(data)).toThrow()
  expect(await acmetap('forget', ' ', '--yes')).toMatchObject({ code: 2 })
})

test('record verify: whole, and where it is broken', async () => {
  await fill()
  const whole = await acmetap('record', 'verify')
  expect(whole).toMatchObject({ code: 0, err: '' })
  expect(whole.out).toMatch(/1 facts, 2 bodies and personal values\n {2}the chain is whole.*[0-9a-f]{64}/)
  const file = join(data, 'acmetap.sqlite')
  const db = new Database(file)
  db.exec("update facts set text = replace(text, 'relay', 'broker')")
  db.exec("update personal set value = 'x' where kind = 'contact'")
  db.close()
  const broken = await acmetap('record', 'verify', '--data', data)
  expect(broken.code).toBe(1)
  expect(broken.out).toContain('BROKEN at fact 1: its text is not what its digest was made of')
  expect(broken.out).toMatch(/CHANGED: [0-9a-f]{64}/)
  const json = await acmetap('record', 'verify', '--data', file, '--json')
  expect(json.code).toBe(1)
  expect(JSON.parse(json.out)).toMatchObject({
    place: file,
    ok: false,
    firstBroken: { sequence: 1, kind: 'digest' },
    altered: [expect.any(String)],
  })
  expect(await acmetap('record', 'verify', '--data', join(folder, 'none'))).toMatchObject({ code: 1 })
})
