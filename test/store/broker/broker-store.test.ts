import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BrokerStore } from '../../../src/broker/broker-store.ts'
import type { LocalCaStore } from '../../../src/broker/local-ca/local-ca-store.ts'
import { EngineError } from '../../../src/engine/engine-error.ts'
import { brokerFile, openBrokerFile } from '../../../src/store/sqlite/broker/broker-file.ts'
import {
  type BrokerStoreOptions,
  openBrokerStore,
} from '../../../src/store/sqlite/broker/open-broker-store.ts'
import { BROKER_MIGRATIONS } from '../../../src/store/sqlite/broker/schema.ts'
import { type Fault, StoreFaults } from '../../../src/store/sqlite/faults.ts'
import { type BrokerStoreUnderTest, brokerStoreContract } from '../../contract/broker-store.contract.ts'
import { localCaStoreContract } from '../../contract/local-ca-store.contract.ts'
import {
  brokerAccount,
  brokerAuthorization,
  brokerCertificate,
  brokerOrder,
  eabKey,
} from '../../support/broker/broker-values.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-broker-store-'))
})
afterEach(() => rm(folder, { recursive: true }))

const opened = (options: Partial<BrokerStoreOptions> = {}) => openBrokerStore({ folder, ...options })

for (const where of ['thread', 'here'] as const) {
  const open = async (): Promise<BrokerStoreUnderTest<BrokerStore & LocalCaStore>> => {
    const store = await opened({ where })
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
  brokerStoreContract(`SQLite (${where})`, open)
  localCaStoreContract(`SQLite (${where})`, open)
}

/** Frames of the write-ahead log that end a transaction: those that hold the database's size. */
async function commits(): Promise<number> {
  const log = await readFile(`${brokerFile(folder)}-wal`)
  const frame = 24 + log.readUInt32BE(8)
  let count = 0
  for (let at = 32; at + frame <= log.length; at += frame) if (log.readUInt32BE(at + 4) > 0) count++
  return count
}

describe('the database of the broker', () => {
  test('is for its owner alone, and syncs every commit', async () => {
    const store = await opened()
    await store.addAccount(brokerAccount())
    for (const suffix of ['', '-wal', '-shm'])
      expect((await stat(brokerFile(folder) + suffix)).mode & 0o777, suffix).toBe(0o600)
    await store.close()
    const db = openBrokerFile(brokerFile(folder))
    expect(db.pragma('synchronous', { simple: true })).toBe(2)
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    db.close()
  })

  test.each(['full', 'locked', 'io'] satisfies Fault[])(
    'what was not committed (%s) rejects, is not there, and does not hinder what follows',
    async (fault) => {
      const faults = new StoreFaults()
      const store = await opened({ faults })
      const order = brokerOrder({ status: 'processing' })
      await store.addOrder(order, [])
      faults.failCommits(fault)
      const ended = { ...order, status: 'valid' } as const
      const writes = await Promise.allSettled([
        store.putOrder(ended, order),
        store.addCertificate(brokerCertificate(), ended),
        store.addOrder(brokerOrder(), [brokerAuthorization({ id: 'lost' })]),
        store.addAccount(brokerAccount()),
      ])
      for (const each of writes) {
        expect(each.status).toBe('rejected')
        if (each.status === 'rejected') expect(each.reason).not.toBeInstanceOf(EngineError)
      }
      expect(await store.orders({ limit: 9 })).toEqual([order])
      expect(await store.accounts({ limit: 9 })).toEqual([])
      expect(await store.authorization(order, 'lost')).toBeNull()
      faults.failCommits('none')
      expect(await store.putOrder(ended, order)).toBe(true)
      expect((await store.anyOrder(order.id))?.status).toBe('valid')
      await store.close()
    },
  )

  test('writes that come while another is being committed share the next commit', async () => {
    const faults = new StoreFaults()
    const store = await opened({ faults })
    const [first, ...rest] = Array.from({ length: 101 }, () => brokerOrder())
    const before = await commits()
    faults.delayCommits(300)
    const begun = store.addOrder(first!, [])
    await new Promise((resolve) => setTimeout(resolve, 50))
    const waiting = Promise.all(rest.map((order) => store.addOrder(order, [])))
    faults.delayCommits(0)
    await Promise.all([begun, waiting])
    expect(await store.orders({ limit: 1000 })).toHaveLength(101)
    expect((await commits()) - before).toBe(2)
    await store.close()
  })

  test('a closed store rejects, and has written what was asked before', async () => {
    for (const where of ['thread', 'here'] as const) {
      const store = await opened({ where })
      const order = brokerOrder()
      const adding = store.addOrder(order, [])
      await store.close()
      await store.close()
      await adding
      await expect(store.openOrders()).rejects.toThrow('closed')
      await expect(store.addOrder(brokerOrder(), [])).rejects.toThrow('closed')
      const again = await opened({ where })
      expect(await again.anyOrder(order.id)).toEqual(order)
      await again.close()
    }
  })

  test('of a newer schema, of another program, or damaged is refused as such', async () => {
    const file = brokerFile(folder)
    const later = { name: '9999_later', sql: 'create table x (y)' }
    openBrokerFile(file, [...BROKER_MIGRATIONS, later]).close()
    await expect(opened()).rejects.toMatchObject({ name: 'StoreRefusal', reason: 'newerSchema' })
    await rm(file)
    const foreign = new Database(file)
    foreign.exec('create table accounts (id)')
    foreign.close()
    await expect(opened({ where: 'here' })).rejects.toMatchObject({ reason: 'foreign' })
  })

  test('of an older schema is copied, then brought up to date', async () => {
    const store = await opened()
    await store.addAccount(brokerAccount())
    await store.close()
    const file = brokerFile(folder)
    const later = { name: '9999_later', sql: 'create table x (y)' }
    openBrokerFile(file, [...BROKER_MIGRATIONS, later]).close()
    const backup = `${file}.${BROKER_MIGRATIONS.at(-1)?.name}.backup`
    const copy = new Database(backup)
    expect(copy.prepare('select count(*) from accounts').pluck().get()).toBe(1)
    copy.close()
    expect((await stat(backup)).mode & 0o777).toBe(0o600)
  })

  test('what replaced keys were is in no file any more', async () => {
    const store = await opened()
    const old = `v1.${'OLDCIPHERTEXT'.repeat(20)}` as never
    const key = eabKey({ mac: old })
    await store.addEabKey(key)
    const place = { table: 'eab', id: key.id, column: 'key' } as const
    await store.reseal([{ place, from: old, to: 'v1.new' as never }])
    for (const suffix of ['', '-wal'])
      expect((await readFile(brokerFile(folder) + suffix)).includes('OLDCIPHERTEXT'), suffix).toBe(false)
    await store.close()
  })
})
