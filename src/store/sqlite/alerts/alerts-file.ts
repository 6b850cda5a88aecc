import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { StoreRefusal } from '../../refusal.ts'
import { syncFolderOf } from '../folder.ts'
import { FILES } from '../inventory/inventory-file.ts'
import type { NamedMigration } from '../named-migrations.ts'
import { migrationsOf, openSmallDatabase, type SmallDatabase } from '../small-database.ts'
import { ALERT_MIGRATIONS } from './schema.ts'

/** Bytes that are kept free in the file and its log. */
const RESERVE = 1024 * 1024

/** `alerts.sqlite`: "acma". */
const ALERTS: SmallDatabase = {
  application: 0x61636d61,
  of: "acmetap's alerts",
  migrations: ALERT_MIGRATIONS,
  busyTimeout: 400,
  // The same pages are written again and again: a longer log moves each into the file less often.
  pragmas: ['cache_size = -16000', 'wal_autocheckpoint = 4000'],
  ifForeign: 'Move it away; a new one is made then.',
  ifNewer: 'move the file away: alerts begin anew then.',
}

/** The alerts of a data folder, beside its record. */
export function alertsFile(folder: string): string {
  return join(folder, 'alerts.sqlite')
}

/**
 * Opens the alerts to write them, or makes an empty database; one of an older schema is first copied beside itself and
 * brought up to date. Throws SqliteError, and {@link StoreRefusal} `foreign`, `newerSchema` or `notDurable`.
 */
export function openAlertsFile(
  file: string,
  migrations: readonly NamedMigration[] = ALERT_MIGRATIONS,
): Database.Database {
  const db = openSmallDatabase(file, { ...ALERTS, migrations })
  try {
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
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: ALERTS.busyTimeout })
  try {
    const applied = migrationsOf(db, file, ALERTS)
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
