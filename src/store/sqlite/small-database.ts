/** How the databases that stand beside the record (engine, broker, alerts) are recognised, opened and brought up to date. */
import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { StoreRefusal } from '../refusal.ts'
import { createPrivateFile, syncFolderOf } from './folder.ts'
import { applyMissing, type NamedMigration } from './named-migrations.ts'

/** What SQLite takes for a database without a file. */
export const IN_MEMORY = ':memory:'
const FULL = 2

export interface SmallDatabase {
  /** `PRAGMA application_id`. */
  readonly application: number
  /** Whose it is, for people. */
  readonly of: string
  readonly migrations: readonly NamedMigration[]
  /** How long a lock of another connection is waited for, in ms. */
  readonly busyTimeout: number
  /** Beside those that make it durable. */
  readonly pragmas: readonly string[]
  /** What to do with a file of another program. */
  readonly ifForeign: string
  /** What else can be done with one that a newer acmetap wrote. */
  readonly ifNewer: string
}

/**
 * Opens it to write, or makes an empty one; one of an older schema is first copied beside itself and brought up to date.
 * Throws SqliteError, and {@link StoreRefusal} `foreign`, `newerSchema` or `notDurable`.
 */
export function openSmallDatabase(file: string, kind: SmallDatabase): Database.Database {
  if (file !== IN_MEMORY && !existsSync(file)) {
    createPrivateFile(file)
    syncFolderOf(file)
  }
  const db = new Database(file, { timeout: kind.busyTimeout })
  try {
    const applied = migrationsOf(db, file, kind)
    const journal = db.pragma('journal_mode = WAL', { simple: true })
    // After journal_mode: the build's default for WAL databases is NORMAL, which loses commits at power cuts.
    db.pragma('synchronous = FULL')
    const synchronous = db.pragma('synchronous', { simple: true })
    if (file !== IN_MEMORY && (journal !== 'wal' || synchronous !== FULL)) {
      throw new StoreRefusal(
        'notDurable',
        `SQLite does not keep ${file} durably (journal_mode=${journal}, synchronous=${synchronous}; wal and 2 are needed). Keep the data folder on a local file system.`,
      )
    }
    db.pragma('temp_store = MEMORY')
    for (const pragma of kind.pragmas) db.pragma(pragma)
    applyMissing(db, { file, application: kind.application, applied, migrations: kind.migrations })
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * Names of the migrations that made it; none for a new file. Throws SqliteError, and {@link StoreRefusal} `foreign` or
 * `newerSchema`.
 */
export function migrationsOf(db: Database.Database, file: string, kind: SmallDatabase): readonly string[] {
  const tables = db.prepare("select name from sqlite_schema where type = 'table'").pluck().all()
  if (tables.length === 0) return []
  if (db.pragma('application_id', { simple: true }) !== kind.application || !tables.includes('migrations')) {
    throw new StoreRefusal(
      'foreign',
      `${file} is a SQLite database, but not one of ${kind.of}. ${kind.ifForeign}`,
    )
  }
  const applied = db.prepare('select name from migrations order by name').pluck().all() as string[]
  if (applied.some((name) => !kind.migrations.some((known) => known.name === name))) {
    throw new StoreRefusal(
      'newerSchema',
      `${file} has the schema ${applied.at(-1)}, and this acmetap knows schemas up to ${kind.migrations.at(-1)?.name} only. Run the acmetap that wrote it or a newer one, or ${kind.ifNewer}`,
    )
  }
  return applied
}

/** For what can't be made again: a file that SQLite can't read becomes {@link StoreRefusal} `foreign` or `damaged`. */
export function refusingDamage<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (code === 'SQLITE_NOTADB')
      throw new StoreRefusal('foreign', `${file} is not a SQLite database.`, { cause: error })
    if (code.startsWith('SQLITE_CORRUPT'))
      throw new StoreRefusal('damaged', `${file} is damaged. Restore a backup.`, { cause: error })
    throw error
  }
}
