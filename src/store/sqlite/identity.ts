import Database from 'better-sqlite3'
import { StoreRefusal } from '../refusal.ts'
import { MIGRATIONS } from './migrations.ts'

/** `PRAGMA application_id`: "acme". */
const APPLICATION = 0x61636d65

export interface Identity {
  /** Names of the migrations that made the database, in order; empty for a new file. */
  readonly applied: readonly string[]
}

/**
 * Whose database this is and by which code it was made. Throws {@link StoreRefusal}: `foreign`, `damaged`, or
 * `newerSchema` when it holds a migration that `known` does not.
 */
export function identify(
  db: Database.Database,
  file: string,
  known: readonly string[] = Object.keys(MIGRATIONS),
): Identity {
  const tables = readTables(db, file)
  if (tables.length === 0) return { applied: [] }
  if (db.pragma('application_id', { simple: true }) !== APPLICATION || !tables.includes('kysely_migration')) {
    throw new StoreRefusal('foreign', `${file} is a SQLite database, but not one of acmetap's.`)
  }
  const rows = db.prepare('select name from kysely_migration order by name').pluck().all() as string[]
  const unknown = rows.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    throw new StoreRefusal(
      'newerSchema',
      `${file} has the schema ${rows.at(-1)}, and this acmetap knows schemas up to ${known.at(-1)} only. Run the acmetap that wrote it or a newer one, or restore a backup from before the upgrade.`,
    )
  }
  return { applied: rows }
}

export function markOurs(db: Database.Database): void {
  db.pragma(`application_id = ${APPLICATION}`)
}

function readTables(db: Database.Database, file: string): string[] {
  try {
    return db.prepare("select name from sqlite_schema where type = 'table'").pluck().all() as string[]
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_NOTADB') {
      throw new StoreRefusal('foreign', `${file} is not a SQLite database.`, { cause: error })
    }
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CORRUPT')) {
      throw new StoreRefusal('damaged', `${file} is damaged: ${error.message}. Restore a backup.`, {
        cause: error,
      })
    }
    throw error
  }
}
