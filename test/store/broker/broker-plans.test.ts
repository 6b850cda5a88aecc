import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AccountRows } from '../../../src/store/sqlite/broker/account-rows.ts'
import { openBrokerFile } from '../../../src/store/sqlite/broker/broker-file.ts'
import { CertificateRows } from '../../../src/store/sqlite/broker/certificate-rows.ts'
import { LocalCaRows } from '../../../src/store/sqlite/broker/local-ca-rows.ts'
import { OrderRows } from '../../../src/store/sqlite/broker/order-rows.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-broker-plans-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Whole tables that are small, and what people ask for: those end at their limit, in the order of the table. */
const SCANNED = [
  'select mac, used, body from eab_keys order by number desc',
  'select id, mac from eab_keys',
  'select body from accounts order by number desc limit ?',
  'select body from orders order by number desc limit ?',
]

test('no statement walks through a table or sorts what it finds', () => {
  const db = openBrokerFile(join(folder, 'broker.sqlite'))
  const prepared: string[] = []
  const watched = new Proxy(db, {
    get(target, name) {
      if (name !== 'prepare') return Reflect.get(target, name)
      return (sql: string) => {
        prepared.push(sql)
        return target.prepare(sql)
      }
    },
  }) as Database.Database
  for (const Rows of [AccountRows, OrderRows, CertificateRows, LocalCaRows]) new Rows(watched)
  expect(prepared.length).toBeGreaterThan(50)
  for (const sql of prepared) {
    if (SCANNED.includes(sql)) continue
    const parameters = sql.includes('@')
      ? [Object.fromEntries([...sql.matchAll(/@(\w+)/g)].map(([, name]) => [name, null]))]
      : Array.from(sql.matchAll(/\?/g), () => null)
    const plan = db.prepare(`explain query plan ${sql}`).all(...parameters) as { detail: string }[]
    for (const { detail } of plan) {
      const isWalk =
        /^SCAN/.test(detail) && !/INDEX (orders_open|authorizations_validating|\w+_issued)/.test(detail)
      expect(isWalk || /TEMP B-TREE/.test(detail), `${sql}\n${detail}`).toBe(false)
    }
  }
  db.close()
})
