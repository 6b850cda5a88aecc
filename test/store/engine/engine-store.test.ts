import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EngineError } from '../../../src/engine/engine-error.ts'
import { engineFile, openEngineFile } from '../../../src/store/sqlite/engine/engine-file.ts'
import {
  type EngineStoreOptions,
  openEngineStore,
} from '../../../src/store/sqlite/engine/open-engine-store.ts'
import { ENGINE_MIGRATIONS } from '../../../src/store/sqlite/engine/schema.ts'
import { type Fault, StoreFaults } from '../../../src/store/sqlite/faults.ts'
import { type EngineStoreUnderTest, engineStoreContract } from '../../contract/engine-store.contract.ts'
import { engineAccount, engineJob, keptCertificate, reissueLine } from '../../support/engine/engine-values.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-engine-store-'))
})
afterEach(() => rm(folder, { recursive: true }))

for (const where of ['thread', 'here'] as const) {
  engineStoreContract(`SQLite (${where})`, async () => {
    const open = async (): Promise<EngineStoreUnderTest> => {
      const store = await openEngineStore({ folder, where })
      const close = () => store.close()
      return {
        store,
        close,
        reopen: async () => {
          await close()
          return await open()
        },
      }
    }
    return await open()
  })
}

describe('the database of the engine', () => {
  const opened = async (options: Partial<EngineStoreOptions> = {}) =>
    await openEngineStore({ folder, ...options })

  test('is for its owner alone, and syncs every commit', async () => {
    const store = await opened()
    await store.putAccount(engineAccount())
    for (const suffix of ['', '-wal', '-shm'])
      expect((await stat(engineFile(folder) + suffix)).mode & 0o777, suffix).toBe(0o600)
    await store.close()
    const db = openEngineFile(engineFile(folder))
    expect(db.pragma('synchronous', { simple: true })).toBe(2)
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    db.close()
  })

  test('accounts and jobs of before there were tenants stay what they were', async () => {
    const older = openEngineFile(engineFile(folder), ENGINE_MIGRATIONS.slice(0, 2))
    const { key, nextKey: _, tenant, lostAt, ...account } = engineAccount()
    expect([tenant, lostAt]).toEqual([null, null])
    older
      .prepare('insert into accounts (id, key, next_key, body) values (?, ?, null, ?)')
      .run(account.id, key, JSON.stringify(account))
    const job = engineJob()
    const { key: jobKey, ...body } = job
    older
      .prepare('insert into jobs (id, certificate, plan, ended, key, body) values (?, ?, null, 0, ?, ?)')
      .run(job.id, job.certificate, jobKey, JSON.stringify(body))
    older.close()
    const store = await opened({ where: 'here' })
    expect(await store.accounts()).toEqual([engineAccount()])
    expect((await store.openJobs()).map(({ id }) => id)).toEqual([job.id])
    await store.close()
  })

  test.each(['full', 'locked', 'io'] satisfies Fault[])(
    'what was not committed (%s) rejects, is not there, and does not hinder what follows',
    async (fault) => {
      const faults = new StoreFaults()
      const store = await opened({ faults })
      const job = engineJob()
      await store.addJob(job)
      faults.failCommits(fault)
      await expect(store.putJob({ ...job, step: 'ordering' })).rejects.not.toBeInstanceOf(EngineError)
      await expect(store.putIssued({ ...job, step: 'issued' }, keptCertificate())).rejects.toThrow()
      await expect(store.putLines('p1', [reissueLine()])).rejects.toThrow()
      expect(await store.job(job.id)).toEqual(job)
      expect(await store.certificates()).toEqual([])
      expect(await store.lines('p1')).toEqual([])
      faults.failCommits('none')
      await store.putJob({ ...job, step: 'ordering' })
      expect((await store.job(job.id))?.step).toBe('ordering')
      await store.close()
    },
  )

  test('a closed store rejects', async () => {
    for (const where of ['thread', 'here'] as const) {
      const store = await opened({ where })
      await store.close()
      await store.close()
      await expect(store.accounts()).rejects.toThrow('closed')
    }
  })

  test('of a newer schema, of another program, or no database at all is refused as such', async () => {
    const file = engineFile(folder)
    const newer = openEngineFile(file, [
      ...ENGINE_MIGRATIONS,
      { name: '9999_later', sql: 'create table x (y)' },
    ])
    newer.close()
    await expect(opened()).rejects.toMatchObject({ name: 'StoreRefusal', reason: 'newerSchema' })
    await rm(file)
    const foreign = new Database(file)
    foreign.exec('create table accounts (id)')
    foreign.close()
    await expect(opened()).rejects.toMatchObject({ name: 'StoreRefusal', reason: 'foreign' })
    await rm(file)
    await promisify(execFile)('sh', ['-c', 'head -c 8192 /dev/urandom > "$0"', file])
    await expect(opened({ where: 'here' })).rejects.toMatchObject({ name: 'StoreRefusal', reason: 'foreign' })
  })

  test('of an older schema is copied, then brought up to date', async () => {
    const store = await opened()
    await store.putAccount(engineAccount())
    await store.close()
    const file = engineFile(folder)
    const backup = `${file}.${ENGINE_MIGRATIONS.at(-1)?.name}.backup`
    openEngineFile(file, [...ENGINE_MIGRATIONS, { name: '9999_later', sql: 'create table x (y)' }]).close()
    const [copy, current] = [new Database(backup), new Database(file)]
    const tables = (db: Database.Database) =>
      db.prepare("select name from sqlite_schema where type = 'table'").pluck().all()
    expect(tables(copy)).not.toContain('x')
    expect(tables(current)).toContain('x')
    expect(copy.prepare('select count(*) from accounts').pluck().get()).toBe(1)
    expect((await stat(backup)).mode & 0o777).toBe(0o600)
    for (const db of [copy, current]) db.close()
  })

  test('what replaced keys were is in no file any more', async () => {
    const store = await opened()
    const old = `v1.${'OLDCIPHERTEXT'.repeat(20)}` as never
    await store.putAccount(engineAccount({ key: old }))
    await store.reseal([
      { place: { table: 'account', id: 'a1', column: 'key' }, from: old, to: 'v1.new' as never },
    ])
    for (const suffix of ['', '-wal'])
      expect((await readFile(engineFile(folder) + suffix)).includes('OLDCIPHERTEXT'), suffix).toBe(false)
    await store.close()
  })
})
