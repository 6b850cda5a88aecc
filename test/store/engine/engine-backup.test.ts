import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSealing } from '../../../src/engine/create-sealing.ts'
import type { EngineStore } from '../../../src/engine/engine-store.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { engineFile } from '../../../src/store/sqlite/engine/engine-file.ts'
import { openEngineStore } from '../../../src/store/sqlite/engine/open-engine-store.ts'
import { backupSqlite, openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { restoreSqlite } from '../../../src/store/sqlite/restore.ts'
import { engineAccount, engineJob, keptCertificate } from '../../support/engine/engine-values.ts'

let root: string
let folder: string
let backup: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'acmetap-engine-backup-'))
  folder = join(root, 'data')
  backup = join(root, 'backup.db')
})
afterEach(() => rm(root, { recursive: true }))

const openRecord = () => openSqliteStore({ folder, now: 1, boot: newExchangeId(), software: 'test' })

async function withStore(use: (store: EngineStore) => Promise<void>): Promise<void> {
  const store = await openEngineStore({ folder, where: 'here' })
  await use(store)
  await store.close()
}

test('a backup takes along what the engine keeps, while both are in use and without a server; restore puts it back', async () => {
  const record = await openRecord()
  const store = await openEngineStore({ folder })
  await store.putAccount(engineAccount())
  const { bytes } = await record.backup(backup)
  const sizes = await Promise.all([backup, `${backup}.engine`].map(async (file) => (await stat(file)).size))
  expect(bytes).toBe(sizes[0]! + sizes[1]!)
  expect((await stat(`${backup}.engine`)).mode & 0o777).toBe(0o600)
  await expect(record.backup(backup)).rejects.toMatchObject({ reason: 'exists' })
  await store.putAccount(engineAccount({ id: 'later' }))
  await store.close()
  await record.close()
  await backupSqlite(folder, join(root, 'second.db'))

  await restoreSqlite(backup, folder, { force: true })
  await withStore(async (restored) => expect(await restored.accounts()).toEqual([engineAccount()]))
  expect(await readdir(folder)).toContain('engine.sqlite.replaced')
  await restoreSqlite(join(root, 'second.db'), folder, { force: true })
  await withStore(async (restored) => expect(await restored.accounts()).toHaveLength(2))
  expect((await readdir(folder)).filter((name) => /restored-|partial/.test(name))).toEqual([])
})

test('a backup without it leaves it as it is; a damaged one changes nothing', async () => {
  await (await openRecord()).close()
  await backupSqlite(folder, backup)
  expect((await readdir(root)).sort()).toEqual(['backup.db', 'data'])
  await withStore((store) => store.putAccount(engineAccount()))
  await restoreSqlite(backup, folder, { force: true })
  await withStore(async (kept) => expect(await kept.accounts()).toHaveLength(1))
  const before = (await readdir(folder)).sort()
  await writeFile(`${backup}.engine`, randomBytes(8192))
  await expect(restoreSqlite(backup, folder, { force: true })).rejects.toMatchObject({ reason: 'foreign' })
  expect((await readdir(folder)).sort()).toEqual(before)
  await withStore(async (kept) => expect(await kept.accounts()).toHaveLength(1))
})

test('where the record can not be copied, nothing is left of the engine either', async () => {
  await withStore((store) => store.putAccount(engineAccount()))
  await (await openRecord()).close()
  await writeFile(backup, 'taken')
  await expect(backupSqlite(folder, backup)).rejects.toMatchObject({ reason: 'exists' })
  expect((await readdir(root)).sort()).toEqual(['backup.db', 'data'])
})

test('keys are in no file and no dump; two that were swapped are refused', async () => {
  const sealing = createSealing(randomBytes(32))
  const canary = (n: number) => `-----BEGIN PRIVATE KEY-----CANARY${n}X${'k'.repeat(100)}`
  await (await openRecord()).close()
  const store = await openEngineStore({ folder })
  for (let n = 0; n < 30; n++) {
    const id = `a${n}`
    await store.putAccount(
      engineAccount({ id, key: sealing.seal(canary(n), { table: 'account', id, column: 'key' }) }),
    )
    const job = engineJob({ certificate: `c${n}` })
    const place = { table: 'certificate', id: `c${n}`, column: 'key' } as const
    await store.addJob({ ...job, key: sealing.seal(canary(n), { table: 'job', id: job.id, column: 'key' }) })
    const kept = keptCertificate({ certificate: `c${n}`, key: sealing.seal(canary(n), place) })
    await store.putIssued({ ...job, step: 'done', key: null }, kept)
  }
  await backupSqlite(folder, backup)
  const files = [backup, `${backup}.engine`, ...(await readdir(folder)).map((name) => join(folder, name))]
  expect(files.some((file) => file.endsWith('engine.sqlite-wal'))).toBe(true)
  for (const file of files) {
    const bytes = await readFile(file)
    expect(bytes.includes('CANARY') || bytes.includes('PRIVATE KEY'), file).toBe(false)
    expect(bytes.includes(Buffer.from('PRIVATE KEY').toString('base64url').slice(0, 12)), file).toBe(false)
  }
  await store.close()

  const db = new Database(engineFile(folder))
  const [one, other] = db
    .prepare("select key from accounts where id in ('a1', 'a2') order by id")
    .pluck()
    .all()
  db.prepare("update accounts set key = ? where id = 'a1'").run(other)
  db.prepare("update accounts set key = ? where id = 'a2'").run(one)
  db.close()
  await withStore(async (swapped) => {
    for (const { id, key } of await swapped.accounts()) {
      const open = () => sealing.open(key, { table: 'account', id, column: 'key' })
      if (id === 'a1' || id === 'a2') expect(open).toThrow('it was changed, or belongs elsewhere')
      else expect(open()).toContain('CANARY')
    }
  })
})
