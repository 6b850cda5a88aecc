import { hash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { verifyChain } from '../../src/audit/chain.ts'
import { ACMETAP } from '../../src/audit/event.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { exchangeKey } from '../../src/store/exchange-key.ts'
import { factDigest, factText, fixedMembers, NO_PREVIOUS } from '../../src/store/fact-text.ts'
import { databaseFile } from '../../src/store/sqlite/folder.ts'
import { migrateDatabase } from '../../src/store/sqlite/migrate.ts'
import { MIGRATIONS } from '../../src/store/sqlite/migrations.ts'
import { openSqliteStore } from '../../src/store/sqlite/open.ts'
import { stillClock } from '../support/exchanges.ts'
import { entryOf, eventOf, intentContent, intentOf, outcomeContent } from '../support/facts.ts'

/** The schemas that were released before there were events. */
const RELEASED = Object.fromEntries(
  Object.entries(MIGRATIONS).filter(([name]) => ['0001_record', '0002_sink_positions'].includes(name)),
)
const AT = 1_700_000_000_000_000
const CONTACT = 'mailto:jane.doe@example.org'
const EXCHANGES = 50

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-older-'))
})
afterEach(() => rm(folder, { recursive: true }))

const open = () => openSqliteStore({ folder, now: AT, boot: newExchangeId(), software: 'test' })

function on<T>(work: (db: Database.Database) => T): T {
  const db = new Database(databaseFile(folder))
  try {
    return work(db)
  } finally {
    db.close()
  }
}

/** A record as the released versions wrote it: exchanges, the first of them an account with its contact. */
async function writeOlder(): Promise<void> {
  expect(Object.keys(RELEASED)).toHaveLength(2)
  await migrateDatabase(databaseFile(folder), { migrations: RELEASED })
  on((db) => {
    const stream = newExchangeId()
    db.prepare("insert into meta values ('stream', ?)").run(stream)
    const fixed = fixedMembers(stream, newExchangeId())
    const addFact = db.prepare('insert into facts values (?, ?, ?, ?, ?, ?)')
    const addPersonal = db.prepare('insert into personal (digest, kind, salt, value) values (?, ?, ?, ?)')
    let [sequence, previous] = [0, NO_PREVIOUS]
    const keep = (kind: string, value: Buffer) => {
      const salt = randomBytes(16)
      const digest = hash('sha256', Buffer.concat([salt, value]))
      addPersonal.run(Buffer.from(digest, 'hex'), kind, salt, value)
      return digest
    }
    const add = (kind: 'intent' | 'outcome', id: string, content: object, personal: object) => {
      sequence += 1
      const text = factText(
        fixed,
        sequence,
        kind,
        id,
        AT + sequence,
        sequence,
        JSON.stringify(personal),
        previous,
        JSON.stringify(content),
      )
      previous = factDigest(text)
      addFact.run(
        sequence,
        exchangeKey(id),
        kind === 'intent' ? 1 : 2,
        AT + sequence,
        text,
        Buffer.from(previous, 'hex'),
      )
    }
    const body = Buffer.from(JSON.stringify({ contact: [CONTACT] }))
    for (let n = 0; n < EXCHANGES; n++) {
      const id = newExchangeId()
      const personal =
        n > 0
          ? { clientAddress: keep('address', Buffer.from(`192.0.2.${n}`)) }
          : {
              payload: keep('body', body),
              signature: keep('body', Buffer.alloc(64, 0x91)),
              'contact.0': keep('contact', Buffer.from(CONTACT)),
            }
      add('intent', id, intentContent({ operation: 'newAccount' }), personal)
      add('outcome', id, outcomeContent(), n === 0 ? { responseBody: keep('body', body) } : {})
    }
    const blob = Buffer.from('a certificate of before')
    db.prepare('insert into blobs (digest, codec, size, data) values (?, 0, ?, ?)').run(
      hash('sha256', blob, 'buffer'),
      blob.length,
      blob,
    )
  })
}

/** Everything of the schema but where the tables lie. */
const schemaOf = (db: Database.Database) =>
  db.prepare('select type, name, tbl_name, sql from sqlite_schema where sql is not null order by name').all()

test('a record of the released schemas is brought up to date in place, and goes on', async () => {
  await writeOlder()
  const root = () =>
    on((db) => db.prepare("select rootpage from sqlite_schema where name = 'facts'").pluck().get())
  const before = root()
  const opened = await open()
  expect(opened.migration.applied).toEqual(['0003_events'])
  expect(opened.migration.backup).toContain('0002_sink_positions')
  // The table of facts was not made anew: that would take as long as the record is.
  expect(root()).toBe(before)
  expect(await opened.reader.tally()).toEqual({ sequence: 2 * EXCHANGES, outcomes: EXCHANGES })
  const id = newExchangeId()
  await opened.store.append(entryOf([eventOf(), intentOf(id)]))
  expect(await opened.reader.tally()).toEqual({ sequence: 2 * EXCHANGES + 2, outcomes: EXCHANGES })
  expect(await verifyChain(opened.reader)).toMatchObject({
    facts: 102,
    begins: 1,
    firstBroken: null,
    altered: [],
  })
  await opened.close()
  on((db) => {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    expect(() => db.exec("insert into facts values (999, x'00', 4, 0, '', x'00')")).toThrow('CHECK')
    expect(() =>
      db.exec('insert into facts select 999, exchange, kind, at, text, digest from facts limit 1'),
    ).toThrow('UNIQUE')
  })
  await migrateDatabase(join(folder, 'fresh.sqlite'))
  const fresh = new Database(join(folder, 'fresh.sqlite'))
  expect(on(schemaOf)).toEqual(schemaOf(fresh))
  fresh.close()
})

test('persons and ages of before the upgrade are found: nothing of them is known to be older than it', async () => {
  await writeOlder()
  const opened = await open()
  await rm(opened.migration.backup!)
  const clock = stillClock()
  clock.wall = AT + 86_400_000_000
  const keeping = opened.keeping({ clock, instance: 'acmetap', pseudonym: () => null })
  expect(await keeping.forget('jane.doe@example.org', ACMETAP, false)).toEqual({
    values: 1,
    // Payload, the signature over it, and the answer.
    bodies: 3,
    kinds: ['body', 'contact'],
  })
  for (const name of await readdir(folder)) {
    expect((await readFile(join(folder, name))).includes('jane.doe'), name).toBe(false)
  }
  const ages = { exchanges: null, bodies: null, personal: AT }
  const { signal } = new AbortController()
  expect(await keeping.prune(ages, 1000, signal)).toEqual([{ kind: 'personal', removed: 0 }])
  const later = { ...ages, personal: AT + 2 * 86_400_000_000 }
  expect(await keeping.prune(later, 1000, signal)).toEqual([{ kind: 'personal', removed: EXCHANGES - 1 }])
  expect(await keeping.prune({ ...ages, exchanges: AT + 1000, personal: null }, 1000, signal)).toEqual([
    { kind: 'exchanges', removed: 2 * EXCHANGES },
  ])
  expect(await verifyChain(opened.reader)).toMatchObject({
    facts: 3,
    begins: 101,
    firstBroken: null,
    altered: [],
  })
  await opened.close()
})
