import { renameSync, rmSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { ExchangeRows } from './exchange-rows.ts'
import { openInventoryFile, removeInventory } from './inventory-file.ts'
import { objectKey } from './object-key.ts'
import type { RecordFacts } from './record-facts.ts'
import { State } from './state.ts'
import type { InventoryTables } from './tables.ts'

const HOUR = 3_600_000_000

/**
 * Puts an inventory in the place of `old` that knows only what the facts that are left can't tell any more: objects
 * first seen before the first of them, and counts that were kept. Closes `old`. Rows keep their numbers, so that what
 * refers to them still does. All facts are to be taken in again then. Throws SqliteError; then `file` is as it was.
 */
export function beginAnew(old: Database.Database, file: string, facts: RecordFacts): void {
  const made = `${file}.new`
  removeInventory(made)
  const first = facts.first() ?? 1
  const keepBelow = Math.max(first, firstWithBodies(old, facts))
  countGone(old, first - 1)
  const bodiesBefore = new State(old).bodiesBefore()
  const until = new State(old).position().sequence
  const db = openInventoryFile(made, facts)
  try {
    const state = new State(db)
    if (keepBelow > 1) {
      keepRows(db, file, keepBelow)
      // Of objects that were kept, facts taken in again can't tell what they showed first.
      state.setHappeningsUntil(Math.max(until, new State(old).happeningsUntil()))
    }
    if (bodiesBefore > 0) state.bodiesPruned(bodiesBefore)
    state.setRebuildUntil(facts.last())
  } finally {
    // One file without a log, as it is renamed.
    db.pragma('journal_mode = DELETE')
    db.close()
  }
  // Nothing of the old one may be left in a log that would be taken for the new one's.
  old.pragma('wal_checkpoint(TRUNCATE)')
  old.close()
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true })
  renameSync(made, file)
}

/** Facts before this one may have lost their bodies, which told more than the facts do. */
function firstWithBodies(old: Database.Database, facts: RecordFacts): number {
  const before = new State(old).bodiesBefore()
  if (before === 0) return 1
  const next = old
    .prepare<[number], { first: number | null }>('select min(first) as first from hours where hour >= ?')
    .get(Math.ceil(before / HOUR))
  return next?.first ?? facts.last() + 1
}

/** Exchanges whose facts are gone, though nothing has told so yet. */
function countGone(old: Database.Database, last: number): void {
  const rows = new ExchangeRows(old)
  const prune = old.transaction(() => rows.prune(last))
  while (prune()) {
    // some hundred rows a time
  }
}

function keepRows(db: Database.Database, file: string, keepBelow: number): void {
  db.prepare('attach ? as old').run(file)
  try {
    db.transaction(() => {
      for (const table of WHOLE) db.exec(`insert into ${table} select * from old.${table}`)
      for (const table of SEEN) {
        db.prepare(`insert into ${table} select * from old.${table} where first_sequence < ?`).run(keepBelow)
      }
      for (const table of ['failures', 'rate_limits']) {
        db.prepare(`insert into ${table} select * from old.${table} where sequence < ?`).run(keepBelow)
      }
      db.exec('insert into summary select * from old.summary where kept = 1')
      db.exec('insert into happenings select * from old.happenings')
      db.exec('insert into order_authorizations select * from old.order_authorizations')
      db.exec('insert into certificate_downloads select * from old.certificate_downloads')
      // From there on the facts say it again; those before it that are left say less than is known.
      for (const table of SEEN) {
        db.prepare(`update ${table} set last_sequence = min(last_sequence, ?)`).run(keepBelow - 1)
      }
      countRequestsAgain(db)
      db.exec('delete from order_authorizations where order_id not in (select id from orders)')
      db.exec('delete from order_authorizations where authorization not in (select id from authorizations)')
      db.exec('delete from certificate_downloads where certificate not in (select id from certificates)')
      for (const [table, column, of] of REFERENCES) {
        db.exec(
          `update ${table} set ${column} = null where ${column} is not null and ${column} not in (select id from ${of})`,
        )
      }
      orphanClients(db)
    })()
  } finally {
    db.exec('detach old')
  }
}

/** Those among the exchanges that are taken in again would count twice. */
function countRequestsAgain(db: Database.Database): void {
  db.exec(
    `update orders set requests = max(0, requests - (
       select count(*) from old.exchanges as x where x.order_id = orders.id and x.ended is not null
       and x.operation = (select id from words where word = 'newOrder')
       and x.outcome = (select id from words where word = 'response') and x.status between 200 and 299))`,
  )
}

/** The account that took a client over is still to be seen: until then it stands without one. */
function orphanClients(db: Database.Database): void {
  const rows = db
    .prepare<[], { id: number; source: string | null; label: string | null; program: string | null }>(
      'select id, source, label, program from clients where account is null',
    )
    .all()
  const rename = db.prepare('update or ignore clients set key = ? where id = ?')
  for (const { id, source, label, program } of rows) {
    rename.run(objectKey('client', null, source, program, label), id)
  }
}

const WHOLE = ['words', 'names', 'name_sets', 'name_set_members', 'hours'] as const
const SEEN = ['accounts', 'clients', 'orders', 'authorizations', 'challenges', 'certificates'] as const
const REFERENCES: readonly (readonly [
  table: keyof InventoryTables,
  column: string,
  of: keyof InventoryTables,
])[] = [
  ['clients', 'account', 'accounts'],
  ['orders', 'account', 'accounts'],
  ['orders', 'client', 'clients'],
  ['orders', 'certificate', 'certificates'],
  ['authorizations', 'account', 'accounts'],
  ['challenges', 'account', 'accounts'],
  ['challenges', 'authorization', 'authorizations'],
  ['certificates', 'order_id', 'orders'],
  ['certificates', 'account', 'accounts'],
  ['certificates', 'client', 'clients'],
  ['certificates', 'replaces', 'certificates'],
  ['certificates', 'replaced_by', 'certificates'],
  ['certificate_downloads', 'account', 'accounts'],
  ['failures', 'account', 'accounts'],
  ['failures', 'client', 'clients'],
  ['failures', 'challenge', 'challenges'],
  ['failures', 'order_id', 'orders'],
  ['rate_limits', 'account', 'accounts'],
  ['rate_limits', 'client', 'clients'],
  ['happenings', 'account', 'accounts'],
  ['happenings', 'client', 'clients'],
  ['happenings', 'order_id', 'orders'],
]
