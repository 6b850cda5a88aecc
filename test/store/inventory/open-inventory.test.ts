import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FilterRefused } from '../../../src/audit/inventory/values.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { databaseFile, lockFile } from '../../../src/store/sqlite/folder.ts'
import { inventoryFile } from '../../../src/store/sqlite/inventory/inventory-file.ts'
import { openInventory, openInventoryOffline } from '../../../src/store/sqlite/inventory/open-inventory.ts'
import { backupSqlite, openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { ORIGIN, Story, type Told } from '../../support/acme-story.ts'
import { dumpInventory } from '../../support/inventory-dump.ts'
import { createAccount, entriesOf, interleaved, life, randomOf } from '../../support/story-scripts.ts'
import { inventoried, keeperOf, makeFolder, record, takeIn } from './inventory-world.ts'

const CLIENT = { address: '192.0.2.9', userAgent: 'lego/4' }
const PAGE = { limit: 100 }
let world: Awaited<ReturnType<typeof makeFolder>>
let story: Story

beforeEach(async () => {
  world = await makeFolder()
  story = new Story()
})

afterEach(() => world.remove())

function factsOf(...steps: Told[]) {
  return steps.flatMap((told) => {
    const { intent, outcome } = story.exchange(CLIENT, told)
    return [intent, outcome]
  })
}

function account(name: string): Told {
  return createAccount(`${ORIGIN}/acct/${name}`, [])
}

function some(orders: number) {
  const random = randomOf(3)
  return interleaved(story, [{ client: CLIENT, steps: life(story, 'c', random, orders) }], random)
}

function tamper(file: string, sql: string): void {
  const db = new Database(file)
  db.exec(sql)
  db.close()
}

async function upToDate(): Promise<void> {
  const keeper = keeperOf(world.folder)
  takeIn(keeper)
  keeper.close()
}

test('in its thread: an answer knows what was recorded before the question; a refused filter stays one', async () => {
  const store = await openSqliteStore({
    folder: world.folder,
    now: 1,
    boot: newExchangeId(),
    software: 'test',
  })
  const opened = await openInventory({ folder: world.folder })
  try {
    for (const name of ['1', '2', '3']) {
      for (const entry of entriesOf(factsOf(account(name)), 10)) await store.store.append(entry)
      for (let n = 0; n < 100; n++) opened.wake()
      const { items } = await opened.reader.accounts(PAGE)
      expect(items).toHaveLength(Number(name))
    }
    const refused = opened.reader.accounts({ ...PAGE, ca: 'nobody' })
    await expect(refused).rejects.toBeInstanceOf(FilterRefused)
    await expect(refused).rejects.toThrow(/^ca: nothing is known of a CA "nobody"/)
    await opened.rebuild()
    expect((await opened.reader.accounts(PAGE)).items).toHaveLength(3)
    expect(await opened.reader.progress()).toMatchObject({ projected: 6, recorded: 6, fault: null })
  } finally {
    await opened.close()
    await store.close()
  }
})

test('a foreign or damaged file is set aside and made again; one of another schema is made again', async () => {
  await record(world.folder, some(3))
  const wanted = inventoried(world.folder)
  const file = inventoryFile(world.folder)
  writeFileSync(file, 'this is no database, but it is somebody’s '.repeat(200))
  await upToDate()
  expect(dumpInventory(file)).toEqual(wanted)
  expect(existsSync(`${file}.damaged`)).toBe(true)
  tamper(file, "update state set value = 'older' where name = 'schema'; delete from orders")
  await upToDate()
  expect(dumpInventory(file)).toEqual(wanted)
})

test('an inventory ahead of a restored record, or of another record, is made again', async () => {
  await record(world.folder, factsOf(account('1')))
  const backup = join(world.folder, 'backup.sqlite')
  await backupSqlite(world.folder, backup)
  await record(world.folder, factsOf(account('2')))
  await upToDate()
  for (const suffix of ['', '-wal', '-shm']) await rm(databaseFile(world.folder) + suffix, { force: true })
  await cp(backup, databaseFile(world.folder))
  await upToDate()
  expect(dumpInventory(inventoryFile(world.folder)).accounts).toHaveLength(1)
  // The same number of facts, of another history.
  await record(world.folder, factsOf(account('3')))
  const keeper = keeperOf(world.folder)
  takeIn(keeper)
  expect(keeper.progress()).toMatchObject({ projected: 4, fault: null })
  keeper.close()
  const other = await makeFolder()
  await record(other.folder, factsOf(account('4')))
  await cp(inventoryFile(world.folder), inventoryFile(other.folder))
  const second = keeperOf(other.folder)
  takeIn(second)
  second.close()
  expect(dumpInventory(inventoryFile(other.folder)).accounts).toEqual([expect.stringContaining('/acct/4')])
  await other.remove()
})

test('a fault is told, what was taken in stays, and it goes on when the fault is gone', async () => {
  await record(world.folder, some(4))
  vi.useFakeTimers({ toFake: ['performance'] })
  const keeper = keeperOf(world.folder)
  try {
    keeper.step()
    const blocker = new Database(inventoryFile(world.folder))
    blocker.exec('begin immediate')
    await record(world.folder, factsOf(account('late')))
    expect(keeper.step()).toBe(false)
    expect(keeper.progress().fault).toMatch(/locked/)
    const first = keeper.pause!
    vi.advanceTimersByTime(first + 1)
    expect(keeper.step()).toBe(false)
    expect(keeper.pause).toBeGreaterThan(first)
    blocker.exec('rollback')
    blocker.close()
    vi.advanceTimersByTime(keeper.pause! + 1)
    takeIn(keeper)
  } finally {
    vi.useRealTimers()
    keeper.close()
  }
  expect(dumpInventory(inventoryFile(world.folder))).toEqual(inventoried(world.folder))
})

test('a fact that can not be read is left out and told; the others are taken in', async () => {
  await record(world.folder, factsOf(account('1'), account('2')))
  const db = new Database(databaseFile(world.folder))
  db.prepare('update facts set text = \'{"kind":\' where sequence = 2').run()
  db.close()
  const keeper = keeperOf(world.folder)
  while (keeper.step()) {
    // until nothing is left
  }
  expect(keeper.progress()).toMatchObject({ projected: 4, recorded: 4 })
  expect(keeper.progress().fault).toMatch(/^1 facts could not be read .* first fact 2: /)
  keeper.close()
  expect(dumpInventory(inventoryFile(world.folder)).accounts).toHaveLength(1)
})

test('offline: a folder is brought up to date, a served one read as it stands, a backup read from a temporary file', async () => {
  await record(world.folder, some(2))
  const backup = join(world.folder, 'backup.sqlite')
  await backupSqlite(world.folder, backup)
  const fromBackup = await openInventoryOffline(backup)
  const { items } = await fromBackup.reader.orders(PAGE)
  await fromBackup.close()
  expect(items.length).toBeGreaterThan(0)
  expect(existsSync(inventoryFile(world.folder))).toBe(false)

  const offline = await openInventoryOffline(world.folder)
  expect((await offline.reader.orders(PAGE)).items).toEqual(items)
  await expect(offline.reader.orders({ ...PAGE, ca: 'nobody' })).rejects.toBeInstanceOf(FilterRefused)
  await offline.close()

  const store = await openSqliteStore({
    folder: world.folder,
    now: 1,
    boot: newExchangeId(),
    software: 'test',
  })
  for (const entry of entriesOf(factsOf(account('later')), 10)) await store.store.append(entry)
  const served = await openInventoryOffline(world.folder)
  expect((await served.reader.orders(PAGE)).items).toEqual(items)
  const { projected, recorded } = await served.reader.progress()
  expect(recorded - projected).toBe(2)
  await expect(served.rebuild()).rejects.toMatchObject({ reason: 'inUse' })
  await served.close()
  await store.close()
})

test('offline: a folder that can not be locked for want of rights or space is read', async () => {
  await record(world.folder, some(1))
  await rm(lockFile(world.folder))
  await mkdir(lockFile(world.folder))
  const opened = await openInventoryOffline(world.folder)
  expect((await opened.reader.clients(PAGE)).items.length).toBeGreaterThan(0)
  await opened.close()
  expect(readdirSync(world.folder)).not.toContain('inventory.sqlite')
})
