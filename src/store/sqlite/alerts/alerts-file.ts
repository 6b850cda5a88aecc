import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { StoreRefusal } from '../../refusal.ts'
import { createPrivateFile, syncFolderOf } from '../folder.ts'
import { FILES } from '../inventory/inventory-file.ts'
import { applyMissing, type NamedMigration } from '../named-migrations.ts'
import { ALERT_MIGRATIONS } from './schema.ts'

/** `PRAGMA application_id`: "acma". */
const APPLICATION = 0x61636d61
/** How long a lock of another connection is waited for, in ms. */
const BUSY_TIMEOUT = 400
/** What SQLite takes for a database without a file. */
export const IN_MEMORY = ':memory:'
/** Bytes that are kept free in the file and its log. */
const RESERVE = 1024 * 1024

/** The alerts of a data folder, beside its record. */
export function alertsFile(folder: string): string {
  return join(folder, 'alerts.sqlite')
}

/**
 * Opens the alerts to write them, or makes an empty database; one of an older schema is first copied beside itself and
 * brought up to date. Throws SqliteError, and {@link StoreRefusal} `foreign` or `newerSchema`.
 */
export function openAlertsFile(
  file: string,
  migrations: readonly NamedMigration[] = ALERT_MIGRATIONS,
): Database.Database {
  if (!existsSync(file) && file !== IN_MEMORY) {
    createPrivateFile(file)
    syncFolderOf(file)
  }
  const db = new Database(file, { timeout: BUSY_TIMEOUT })
  try {
    const applied = appliedTo(db, file, migrations)
    db.pragma('journal_mode = WAL')
    // After journal_mode: the build's default for WAL databases is NORMAL, which loses commits at power cuts.
    db.pragma('synchronous = FULL')
    db.pragma('temp_store = MEMORY')
    db.pragma('cache_size = -16000')
    // The same pages are written again and again: a longer log moves each into the file less often.
    db.pragma('wal_autocheckpoint = 4000')
    applyMissing(db, { file, application: APPLICATION, applied, migrations })
    reserve(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Opens them as they are. Throws SqliteError, and {@link StoreRefusal} `missing`, `foreign`, `olderSchema`, `newerSchema`. */
export function openAlertsForReading(file: string): Database.Database {
  if (!existsSync(file)) throw new StoreRefusal('missing', `there are no alerts at ${file}.`)
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT })
  try {
    const applied = appliedTo(db, file, ALERT_MIGRATIONS)
    if (applied.length < ALERT_MIGRATIONS.length) {
      throw new StoreRefusal(
        'olderSchema',
        `${file} has the schema ${applied.at(-1) ?? 'of no acmetap'}, and this acmetap reads ${ALERT_MIGRATIONS.at(-1)?.name}. \`acmetap serve\` brings it up to date, after a backup.`,
      )
    }
    db.pragma('query_only = 1')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Out of the way, so that it can be looked at: nothing that is there already is replaced. Returns where it is. */
export function setAlertsAside(file: string): string {
  let target = `${file}.damaged`
  for (let n = 2; existsSync(target); n++) target = `${file}.damaged-${n}`
  // The database last: while it has its name, nothing that was moved is mistaken for another's.
  for (const suffix of [...FILES].reverse()) {
    if (existsSync(file + suffix)) renameSync(file + suffix, target + suffix)
  }
  syncFolderOf(file)
  return target
}

function appliedTo(db: Database.Database, file: string, migrations: readonly NamedMigration[]): string[] {
  const tables = db.prepare("select name from sqlite_schema where type = 'table'").pluck().all()
  if (tables.length === 0) return []
  if (db.pragma('application_id', { simple: true }) !== APPLICATION || !tables.includes('migrations')) {
    throw new StoreRefusal(
      'foreign',
      `${file} is a SQLite database, but not one of acmetap's alerts. Move it away; a new one is made then.`,
    )
  }
  const applied = db.prepare('select name from migrations order by name').pluck().all() as string[]
  const unknown = applied.filter((name) => !migrations.some((known) => known.name === name))
  if (unknown.length > 0) {
    throw new StoreRefusal(
      'newerSchema',
      `${file} has the schema ${applied.at(-1)}, and this acmetap knows schemas up to ${migrations.at(-1)?.name} only. Run the acmetap that wrote it or a newer one, or move the file away: alerts begin anew then.`,
    )
  }
  return applied
}

/**
 * A full disk is the very thing somebody must be told of: pages that are allocated already, in the file and in its log,
 * let the alert about it be written all the same.
 */
function reserve(db: Database.Database): void {
  const pageSize = db.pragma('page_size', { simple: true }) as number
  if ((db.pragma('freelist_count', { simple: true }) as number) * pageSize >= RESERVE) return
  try {
    db.transaction(() => {
      db.exec('create table reserve (bytes blob)')
      db.prepare<[number]>('insert into reserve values (zeroblob(?))').run(RESERVE + 8 * pageSize)
    })()
    db.exec('drop table reserve')
  } catch (error) {
    // Full already: what is free in it has to do.
    if ((error as { code?: unknown }).code !== 'SQLITE_FULL') throw error
    db.exec('drop table if exists reserve')
  }
}
