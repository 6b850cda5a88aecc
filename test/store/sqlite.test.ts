import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { verifyChain } from '../../src/audit/chain.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { databaseFile } from '../../src/store/sqlite/folder.ts'
import { migrateDatabase } from '../../src/store/sqlite/migrate.ts'
import { MIGRATIONS } from '../../src/store/sqlite/migrations.ts'
import { backupSqlite, openSqliteReader, openSqliteStore } from '../../src/store/sqlite/open.ts'
import { restoreSqlite } from '../../src/store/sqlite/restore.ts'
import { entryOf, intentOf, outcomeOf, sha256, wholeExchange } from '../support/facts.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-sqlite-'))
})

afterEach(() => rm(folder, { recursive: true }))

function open(at = folder) {
  return openSqliteStore({ folder: at, now: 1, boot: newExchangeId(), software: 'test' })
}

/** The database as somebody else's tool would change it. */
function tamper(work: (db: Database.Database) => void): void {
  const db = new Database(databaseFile(folder))
  try {
    work(db)
  } finally {
    db.close()
  }
}

async function verify() {
  const reader = openSqliteReader(folder)
  try {
    return await verifyChain(reader)
  } finally {
    await reader.close()
  }
}

async function fill(exchanges: number): Promise<void> {
  const opened = await open()
  for (let n = 0; n < exchanges; n++) {
    const id = newExchangeId()
    await opened.store.append(
      entryOf([
        intentOf(id, {
          bodies: [{ bytes: Buffer.from(`payload ${n}`), repeats: false }],
          personal: [{ name: 'clientAddress', kind: 'address', value: Buffer.from(`192.0.2.${n}`) }],
        }),
        outcomeOf(id, { bodies: [{ bytes: Buffer.from('a directory'), repeats: true }] }),
      ]),
    )
  }
  await opened.close()
}

describe('files', () => {
  test('folder and files are for their owner alone', async () => {
    const inner = join(folder, 'data')
    const opened = await open(inner)
    await opened.store.append(wholeExchange().entry)
    expect(statSync(inner).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(inner)) expect(statSync(join(inner, name)).mode & 0o077, name).toBe(0)
    await opened.close()
  })

  test('equal bodies that repeat are stored once', async () => {
    await fill(20)
    tamper((db) => {
      expect(db.prepare('select count(*) from blobs').pluck().get()).toBe(1)
      expect(db.prepare('select count(*) from bodies').pluck().get()).toBe(20)
    })
    await fill(3)
    tamper((db) => expect(db.prepare('select count(*) from blobs').pluck().get()).toBe(1))
  })

  test('each boot is written down', async () => {
    await fill(1)
    await fill(1)
    tamper((db) => expect(db.prepare('select count(*) from boots').pluck().get()).toBe(2))
  })
})

describe('reading without a server', () => {
  test('a missing record, a foreign database and a file that is none are told apart', async () => {
    expect(() => openSqliteReader(folder)).toThrow(expect.objectContaining({ reason: 'missing' }))
    expect(existsSync(databaseFile(folder))).toBe(false)
    writeFileSync(databaseFile(folder), 'not a database at all, but long enough to have a header '.repeat(20))
    expect(() => openSqliteReader(folder)).toThrow(expect.objectContaining({ reason: 'foreign' }))
    await expect(open()).rejects.toMatchObject({ reason: 'foreign' })
    await rm(databaseFile(folder))
    tamper((db) => db.exec('create table other (a)'))
    expect(() => openSqliteReader(folder)).toThrow(expect.objectContaining({ reason: 'foreign' }))
    await expect(open()).rejects.toMatchObject({ reason: 'foreign' })
  })

  test('reads while a server writes, and repairs nothing', async () => {
    const opened = await open()
    const id = newExchangeId()
    await opened.store.append(entryOf([intentOf(id)]))
    const reader = openSqliteReader(folder)
    expect((await reader.exchange(id))?.outcome).toBeNull()
    await opened.store.append(entryOf([outcomeOf(id)]))
    expect((await reader.exchange(id))?.outcome?.status).toBe(201)
    await reader.close()
    await opened.close()
  })

  test('a search goes through a long record stretch by stretch', async () => {
    const opened = await open()
    const early = wholeExchange({ intent: { operation: 'keyChange' } })
    await opened.store.append(early.entry)
    await Promise.all(Array.from({ length: 2500 }, () => opened.store.append(wholeExchange().entry)))
    const late = wholeExchange({ intent: { operation: 'keyChange' } })
    await opened.store.append(late.entry)
    const found = async (after?: number) => {
      const filter = after === undefined ? {} : { after }
      return (await opened.reader.exchanges({ operation: 'keyChange', ...filter }, 5)).map(({ id }) => id)
    }
    expect(await found()).toEqual([late.id, early.id])
    expect(await found(0)).toEqual([early.id, late.id])
    expect(await opened.reader.exchanges({ operation: 'revokeCert' }, 5)).toEqual([])
    await opened.close()
  })
})

describe('migrations', () => {
  const next = { ...MIGRATIONS, '9999_next': { up: async () => undefined } }

  test('a newer schema is refused by name, by server and reader, and left as it is', async () => {
    await fill(1)
    await migrateDatabase(databaseFile(folder), { migrations: next })
    for (const refusal of [await open().catch((error) => error), catching(() => openSqliteReader(folder))]) {
      expect(refusal).toMatchObject({ name: 'StoreRefusal', reason: 'newerSchema' })
      expect(refusal.message).toContain('9999_next')
      expect(refusal.message).toContain(Object.keys(MIGRATIONS).at(-1))
    }
  })

  test('a database with content is copied before it is changed', async () => {
    await fill(2)
    const fresh = await open()
    expect(fresh.migration).toEqual({ applied: [], backup: null })
    await fresh.close()
    const { applied, backup } = await migrateDatabase(databaseFile(folder), { migrations: next })
    expect(applied).toEqual(['9999_next'])
    const copy = new Database(backup ?? '', { readonly: true })
    expect(copy.prepare('select count(*) from facts').pluck().get()).toBe(4)
    expect(copy.prepare('select name from kysely_migration').pluck().all()).not.toContain('9999_next')
    copy.close()
  })

  test('a migration that fails leaves nothing of itself behind', async () => {
    await fill(1)
    const broken = {
      ...MIGRATIONS,
      '9999_broken': {
        up: async (db: Parameters<(typeof MIGRATIONS)[string]['up']>[0]) => {
          await db.schema.createTable('half').addColumn('a', 'text').execute()
          throw new Error('half way')
        },
      },
    }
    await expect(migrateDatabase(databaseFile(folder), { migrations: broken })).rejects.toThrow('half way')
    tamper((db) => {
      expect(db.prepare("select count(*) from sqlite_schema where name = 'half'").pluck().get()).toBe(0)
    })
    await fill(1)
    expect(await verify()).toMatchObject({ facts: 4, firstBroken: null })
  })
})

describe('the chain', () => {
  const changed = (sql: string) => (db: Database.Database) => {
    expect(db.prepare(sql).run().changes).toBeGreaterThan(0)
  }
  const rehash = (db: Database.Database) => {
    const text = db.prepare('select text from facts where sequence = 5').pluck().get() as string
    const forged = text.replace('"mode":"relay"', '"mode":"broker"')
    expect(forged).not.toBe(text)
    db.prepare('update facts set text = ?, digest = ? where sequence = 5').run(
      forged,
      Buffer.from(sha256(forged), 'hex'),
    )
  }
  const kinds: [string, (db: Database.Database) => void, { sequence: number; kind: string }][] = [
    [
      'a text changed',
      changed("update facts set text = replace(text, 'relay', 'broker') where sequence = 5"),
      { sequence: 5, kind: 'digest' },
    ],
    [
      'a space added',
      changed("update facts set text = text || ' ' where sequence = 5"),
      { sequence: 5, kind: 'digest' },
    ],
    [
      'a digest changed',
      changed('update facts set digest = zeroblob(32) where sequence = 5'),
      { sequence: 5, kind: 'digest' },
    ],
    ['text and digest changed together', rehash, { sequence: 6, kind: 'previous' }],
    ['a fact taken out', changed('delete from facts where sequence = 5'), { sequence: 5, kind: 'gap' }],
    [
      'the first facts taken out',
      changed('delete from facts where sequence <= 2'),
      { sequence: 1, kind: 'gap' },
    ],
    [
      'two facts exchanged',
      (db) => {
        db.exec(
          'update facts set sequence = -1 where sequence = 5; update facts set sequence = 5 where sequence = 6; update facts set sequence = 6 where sequence = -1',
        )
      },
      { sequence: 5, kind: 'text' },
    ],
    [
      'a fact hidden from its exchange',
      changed('update facts set exchange = zeroblob(16) where sequence = 5'),
      { sequence: 5, kind: 'found' },
    ],
    [
      'a fact moved in time',
      changed('update facts set at = at + 1 where sequence = 5'),
      { sequence: 5, kind: 'found' },
    ],
    [
      'a digest of another type',
      changed('update facts set digest = 5 where sequence = 5'),
      { sequence: 5, kind: 'digest' },
    ],
    [
      'a fact put in',
      changed(
        "insert into facts select 11, x'00112233445566778899aabbccddeeff', kind, at, text, digest from facts where sequence = 9",
      ),
      { sequence: 11, kind: 'text' },
    ],
  ]
  for (const [what, work, firstBroken] of kinds) {
    test(`${what} is found, and where`, async () => {
      await fill(5)
      expect(await verify()).toMatchObject({ facts: 10, firstBroken: null, altered: [] })
      tamper(work)
      expect((await verify()).firstBroken).toEqual(firstBroken)
    })
  }

  test('facts cut off at the end show in the head alone', async () => {
    await fill(3)
    const { head } = await verify()
    tamper((db) => db.exec('delete from facts where sequence = 6'))
    const after = await verify()
    expect(after).toMatchObject({ facts: 5, firstBroken: null })
    expect(after.head).not.toBe(head)
  })

  test('a body or a personal value that was changed is found', async () => {
    await fill(3)
    tamper((db) => {
      db.exec("update personal set value = '203.0.113.1' where id = 2")
      db.exec("update bodies set data = substr(data, 1, length(data) - 1) || 'X' where sequence = 1")
    })
    const report = await verify()
    expect(report.firstBroken).toBeNull()
    expect(report.altered).toHaveLength(2)
  })

  test('personal values erased: the chain still verifies, the value is gone, a new one gets a new salt', async () => {
    const id = newExchangeId()
    const personal = [{ name: 'clientAddress', kind: 'address' as const, value: Buffer.from('192.0.2.7') }]
    const opened = await open()
    await opened.store.append(entryOf([intentOf(id, { personal })]))
    tamper((db) => expect(db.prepare('delete from personal').run().changes).toBe(1))
    expect((await opened.reader.exchange(id))?.personal).toEqual({})
    const later = newExchangeId()
    await opened.store.append(entryOf([intentOf(later, { personal })]))
    const [before, after] = [await opened.reader.exchange(id), await opened.reader.exchange(later)]
    expect(after?.personal).toEqual({ clientAddress: '192.0.2.7' })
    expect(after?.intent.personal.clientAddress).not.toBe(before?.intent.personal.clientAddress)
    await opened.close()
    expect(await verify()).toMatchObject({ facts: 2, firstBroken: null, altered: [] })
  })
})

describe('backup and restore', () => {
  test('a backup under load is whole, and restores into an empty folder', async () => {
    const opened = await open()
    await Promise.all(Array.from({ length: 300 }, () => opened.store.append(wholeExchange().entry)))
    let loading = true
    let appended = 300
    const load = Array.from({ length: 4 }, async () => {
      while (loading) {
        await opened.store.append(wholeExchange().entry)
        appended += 1
      }
    })
    const file = join(folder, 'copy.backup')
    const { bytes } = await opened.backup(file)
    loading = false
    await Promise.all(load)
    expect(appended).toBeGreaterThan(300)
    expect(statSync(file)).toMatchObject({ size: bytes })
    expect(statSync(file).mode & 0o077).toBe(0)
    await expect(opened.backup(file)).rejects.toMatchObject({ name: 'StoreRefusal' })
    await expect(restoreSqlite(file, folder, { force: true })).rejects.toMatchObject({ reason: 'inUse' })
    await opened.close()

    const elsewhere = join(folder, 'elsewhere')
    const { chain, movedAside } = await restoreSqlite(file, elsewhere)
    expect(movedAside).toBeNull()
    expect(chain.facts).toBeGreaterThanOrEqual(600)
    expect(chain.facts % 2).toBe(0)
    const restored = await open(elsewhere)
    expect(restored.stream).toBe(opened.stream)
    await restored.store.append(wholeExchange().entry)
    expect(await verifyChain(restored.reader)).toMatchObject({ facts: chain.facts + 2, firstBroken: null })
    await restored.close()
  })

  test('restore moves a present database aside only when told to', async () => {
    await fill(2)
    const file = join(folder, 'copy.backup')
    await backupSqlite(folder, file)
    await fill(1)
    await expect(restoreSqlite(file, folder)).rejects.toMatchObject({ reason: 'exists' })
    const { chain, movedAside } = await restoreSqlite(file, folder, { force: true })
    expect(chain.facts).toBe(4)
    expect(await verify()).toMatchObject({ facts: 4 })
    const aside = new Database(movedAside ?? '', { readonly: true })
    expect(aside.prepare('select max(sequence) from facts').pluck().get()).toBe(6)
    aside.close()
  })

  test('a damaged or tampered backup is refused and the folder left as it was', async () => {
    await fill(2)
    const good = join(folder, 'good.backup')
    await backupSqlite(folder, good)
    const forged = new Database(good)
    forged.exec("update facts set text = replace(text, 'relay', 'broker') where sequence = 1")
    forged.close()
    await expect(restoreSqlite(good, folder, { force: true })).rejects.toMatchObject({ reason: 'damaged' })
    const noise = join(folder, 'noise.backup')
    writeFileSync(noise, 'x'.repeat(10_000))
    await expect(restoreSqlite(noise, folder, { force: true })).rejects.toMatchObject({ reason: 'foreign' })
    await expect(restoreSqlite(join(folder, 'none'), folder)).rejects.toMatchObject({ reason: 'missing' })
    expect(await verify()).toMatchObject({ facts: 4, firstBroken: null })
    expect(readdirSync(folder).filter((name) => /restored|replaced|partial/.test(name))).toEqual([])
  })
})

function catching(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
