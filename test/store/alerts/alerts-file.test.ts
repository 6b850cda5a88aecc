import { readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  alertsFile,
  openAlertsFile,
  openAlertsForReading,
} from '../../../src/store/sqlite/alerts/alerts-file.ts'
import { ALERT_MIGRATIONS } from '../../../src/store/sqlite/alerts/schema.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-alerts-'))
})
afterEach(() => rm(folder, { recursive: true }))

const NEXT = { name: '0999_next', sql: 'create table next (x integer)' }

test('is for its owner alone, durable, and has room left for when the disk is full', () => {
  const db = openAlertsFile(alertsFile(folder))
  expect(statSync(alertsFile(folder)).mode & 0o777).toBe(0o600)
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
  expect(db.pragma('synchronous', { simple: true })).toBe(2)
  const free = db.pragma('freelist_count', { simple: true }) as number
  expect(free * (db.pragma('page_size', { simple: true }) as number)).toBeGreaterThanOrEqual(1024 * 1024)
  // No page beyond those it has: as on a disk that is full.
  db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`)
  db.prepare("insert into state (name, value) values ('x', ?)").run('x'.repeat(500_000))
  db.close()
})

test('of an older schema is copied before it is changed', () => {
  const older = openAlertsFile(alertsFile(folder))
  older.prepare("insert into state (name, value) values ('x', 'kept')").run()
  older.close()
  const db = openAlertsFile(alertsFile(folder), [...ALERT_MIGRATIONS, NEXT])
  expect(db.prepare('select count(*) from next').pluck().get()).toBe(0)
  expect(db.prepare("select value from state where name = 'x'").pluck().get()).toBe('kept')
  db.close()
  const [copy] = readdirSync(folder).filter((name) => name.endsWith('.backup'))
  const copied = new Database(join(folder, copy!), { readonly: true })
  expect(copied.prepare("select value from state where name = 'x'").pluck().get()).toBe('kept')
  copied.close()
})

test('that failed half-way to a schema is as it was', () => {
  openAlertsFile(alertsFile(folder)).close()
  const broken = [...ALERT_MIGRATIONS, { name: '0999_broken', sql: 'create table next (x); create nonsense' }]
  expect(() => openAlertsFile(alertsFile(folder), broken)).toThrow(/syntax/)
  const db = openAlertsFile(alertsFile(folder), [...ALERT_MIGRATIONS, NEXT])
  expect(db.prepare('select count(*) from next').pluck().get()).toBe(0)
  db.close()
})

test('of another program is left as it is', () => {
  const other = new Database(alertsFile(folder))
  other.exec('create table theirs (x)')
  other.close()
  expect(() => openAlertsFile(alertsFile(folder))).toThrow(/not one of acmetap/)
  expect(() => openAlertsForReading(alertsFile(folder))).toThrow(/not one of acmetap/)
  expect(() => openAlertsForReading(join(folder, 'none.sqlite'))).toThrow(/no alerts/)
})
