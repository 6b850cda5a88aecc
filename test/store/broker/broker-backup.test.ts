import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { rewrapFolder } from '../../../src/app/engine/rewrap-folder.ts'
import type { BrokerStore } from '../../../src/broker/broker-store.ts'
import { createSealing } from '../../../src/engine/create-sealing.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { openBrokerStore } from '../../../src/store/sqlite/broker/open-broker-store.ts'
import { openEngineStore } from '../../../src/store/sqlite/engine/open-engine-store.ts'
import { backupSqlite, openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { restoreSqlite } from '../../../src/store/sqlite/restore.ts'
import { brokerAccount, eabKey } from '../../support/broker/broker-values.ts'
import { engineAccount } from '../../support/engine/engine-values.ts'

let root: string
let folder: string
let backup: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'acmetap-broker-backup-'))
  folder = join(root, 'data')
  backup = join(root, 'backup.db')
})
afterEach(() => rm(root, { recursive: true }))

const openRecord = () => openSqliteStore({ folder, now: 1, boot: newExchangeId(), software: 'test' })

async function withStore<T>(use: (store: BrokerStore) => Promise<T>): Promise<T> {
  const store = await openBrokerStore({ folder, where: 'here' })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

test('a backup takes along what engine and broker keep, while they are in use and without a server', async () => {
  const record = await openRecord()
  const [store, engine] = [await openBrokerStore({ folder }), await openEngineStore({ folder })]
  const account = brokerAccount()
  await store.addAccount(account)
  await engine.putAccount(engineAccount())
  const { bytes } = await record.backup(backup)
  const files = [backup, `${backup}.broker`, `${backup}.engine`]
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size))
  expect(bytes).toBe(sizes.reduce((sum, size) => sum + size))
  expect((await stat(`${backup}.broker`)).mode & 0o777).toBe(0o600)
  await expect(record.backup(backup)).rejects.toMatchObject({ name: 'StoreRefusal', reason: 'exists' })
  await store.addAccount(brokerAccount())
  for (const each of [store, engine, record]) await each.close()
  await backupSqlite(folder, join(root, 'second.db'))

  await restoreSqlite(backup, folder, { force: true })
  expect(await withStore((restored) => restored.accounts({ limit: 9 }))).toEqual([account])
  expect(await readdir(folder)).toEqual(
    expect.arrayContaining(['broker.sqlite.replaced', 'engine.sqlite.replaced']),
  )
  await restoreSqlite(join(root, 'second.db'), folder, { force: true })
  expect(await withStore((restored) => restored.accounts({ limit: 9 }))).toHaveLength(2)
  expect((await readdir(folder)).filter((name) => /restored-|partial/.test(name))).toEqual([])
})

test('one that is damaged changes nothing, of the engine neither', async () => {
  await (await openRecord()).close()
  await withStore((store) => store.addAccount(brokerAccount()))
  const engine = await openEngineStore({ folder, where: 'here' })
  await engine.close()
  await backupSqlite(folder, backup)
  const before = (await readdir(folder)).sort()
  await writeFile(`${backup}.engine`, randomBytes(8192))
  await expect(restoreSqlite(backup, folder, { force: true })).rejects.toMatchObject({ reason: 'foreign' })
  expect((await readdir(folder)).sort()).toEqual(before)
  expect(await withStore((store) => store.accounts({ limit: 9 }))).toHaveLength(1)
})

test('where the record can not be copied nothing is left, and what was there before stays', async () => {
  await withStore((store) => store.addAccount(brokerAccount()))
  await (await openRecord()).close()
  await writeFile(backup, 'taken')
  await writeFile(`${backup}.engine`, 'of another')
  await expect(backupSqlite(folder, backup)).rejects.toMatchObject({ reason: 'exists' })
  expect((await readdir(root)).sort()).toEqual(['backup.db', 'backup.db.engine', 'data'])
})

test('another secret: EAB keys are sealed anew with the engine’s, both or neither', async () => {
  const [old, next] = [randomBytes(32), randomBytes(32)]
  const file = join(root, 'old.key')
  await writeFile(file, `${old.toString('base64')}\n`, { mode: 0o600 })
  const key = eabKey()
  const place = { table: 'eab', id: key.id, column: 'key' } as const
  const accountPlace = { table: 'account', id: 'a1', column: 'key' } as const
  await withStore((store) => store.addEabKey({ ...key, mac: createSealing(old).seal('the mac', place) }))
  const putAccount = async (secret: Buffer) => {
    const engine = await openEngineStore({ folder, where: 'here' })
    await engine.putAccount(engineAccount({ key: createSealing(secret).seal('the key', accountPlace) }))
    await engine.close()
  }
  const config = {
    data: folder,
    engine: { secret: next.toString('base64') },
  } as Parameters<typeof rewrapFolder>[0]
  const mac = async () => (await withStore((store) => store.eabKey(key.id)))!.mac
  const before = await mac()
  await putAccount(randomBytes(32))
  await expect(rewrapFolder(config, file)).rejects.toThrow('in engine.sqlite is opened neither')
  expect(await mac()).toBe(before)
  await putAccount(old)
  expect(await rewrapFolder(config, file)).toEqual({ sealed: 2, under: 'engine.secret' })
  expect(createSealing(next).open(await mac(), place)).toBe('the mac')
  expect((await rewrapFolder(config, file)).sealed).toBe(0)
})
