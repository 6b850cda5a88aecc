import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { StoreRefusal } from '../../refusal.ts'
import { createPrivateFile, syncFolderOf } from '../folder.ts'
import { applyMissing, type NamedMigration } from '../named-migrations.ts'
import { ENGINE_MIGRATIONS } from './schema.ts'

/** `PRAGMA application_id`: "acmn". */
const APPLICATION = 0x61636d6e
/** How long a lock of another connection is waited for, in ms. */
const BUSY_TIMEOUT = 2_000
const FULL = 2

/** What the engine keeps in a data folder, beside the record. */
export function engineFile(folder: string): string {
  return join(folder, 'engine.sqlite')
}

/**
 * Opens it to write, or makes an empty one; one of an older schema is first copied beside itself and brought up to date.
 * Throws SqliteError, and {@link StoreRefusal} `foreign`, `newerSchema`, `damaged` or `notDurable`.
 */
export function openEngineFile(
  file: string,
  migrations: readonly NamedMigration[] = ENGINE_MIGRATIONS,
): Database.Database {
  if (!existsSync(file)) {
    createPrivateFile(file)
    syncFolderOf(file)
  }
  const db = new Database(file, { timeout: BUSY_TIMEOUT })
  try {
    const applied = engineMigrationsOf(db, file, migrations)
    const journal = db.pragma('journal_mode = WAL', { simple: true })
    // After journal_mode: the build's default for WAL databases is NORMAL, which loses commits at power cuts.
    db.pragma('synchronous = FULL')
    const synchronous = db.pragma('synchronous', { simple: true })
    if (journal !== 'wal' || synchronous !== FULL) {
      throw new StoreRefusal(
        'notDurable',
        `SQLite does not keep ${file} durably (journal_mode=${journal}, synchronous=${synchronous}; wal and 2 are needed). Keep the data folder on a local file system.`,
      )
    }
    db.pragma('temp_store = MEMORY')
    // Keys that were replaced, and those sealed under a secret that is no longer in use, are overwritten.
    db.pragma('secure_delete = ON')
    applyMissing(db, { file, application: APPLICATION, applied, migrations })
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * Names of the migrations that made it; none for a new file. Throws {@link StoreRefusal} `foreign`, `newerSchema` or
 * `damaged`.
 */
export function engineMigrationsOf(
  db: Database.Database,
  file: string,
  migrations: readonly NamedMigration[] = ENGINE_MIGRATIONS,
): readonly string[] {
  const tables = tablesOf(db, file)
  if (tables.length === 0) return []
  if (db.pragma('application_id', { simple: true }) !== APPLICATION || !tables.includes('migrations')) {
    throw new StoreRefusal(
      'foreign',
      `${file} is a SQLite database, but not one of acmetap's engine. Move it away.`,
    )
  }
  const applied = db.prepare('select name from migrations order by name').pluck().all() as string[]
  if (applied.some((name) => !migrations.some((known) => known.name === name))) {
    throw new StoreRefusal(
      'newerSchema',
      `${file} has the schema ${applied.at(-1)}, and this acmetap knows schemas up to ${migrations.at(-1)?.name} only. Run the acmetap that wrote it or a newer one, or restore a backup from before the upgrade.`,
    )
  }
  return applied
}

function tablesOf(db: Database.Database, file: string): unknown[] {
  try {
    return db.prepare("select name from sqlite_schema where type = 'table'").pluck().all()
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (code === 'SQLITE_NOTADB')
      throw new StoreRefusal('foreign', `${file} is not a SQLite database.`, { cause: error })
    if (code.startsWith('SQLITE_CORRUPT'))
      throw new StoreRefusal('damaged', `${file} is damaged. Restore a backup.`, { cause: error })
    throw error
  }
}
