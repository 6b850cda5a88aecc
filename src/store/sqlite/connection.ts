import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { StoreRefusal } from '../refusal.ts'
import { identify } from './identity.ts'
import { MIGRATIONS } from './migrations.ts'

/** How long a lock of another connection is waited for, in ms: an answer is due within 2 s. */
const BUSY_TIMEOUT = 400
const FULL = 2

/** The one connection that writes. Throws {@link StoreRefusal} `notDurable` when SQLite would not sync each commit. */
export function openForWriting(file: string): Database.Database {
  const db = new Database(file, { fileMustExist: true, timeout: BUSY_TIMEOUT })
  try {
    identify(db, file)
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
    // The writer checkpoints by itself, after it has answered.
    db.pragma('wal_autocheckpoint = 0')
    db.pragma(`journal_size_limit = ${64 * 1024 * 1024}`)
    db.pragma('temp_store = MEMORY')
    // What is taken out of a page is overwritten in it, so that no copy of a personal value is left where a page was split.
    db.pragma('secure_delete = FAST')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** A connection that can't write. Throws {@link StoreRefusal}: `missing`, `foreign`, `olderSchema`, `newerSchema`. */
export function openForReading(file: string): Database.Database {
  if (!existsSync(file)) {
    throw new StoreRefusal(
      'missing',
      `there is no record at ${file}. Has \`acmetap serve\` run with this data folder?`,
    )
  }
  let db: Database.Database
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT })
  } catch (error) {
    throw new StoreRefusal('io', `can't open ${file}: ${(error as Error).message}`, { cause: error })
  }
  try {
    const { applied } = identify(db, file)
    if (applied.length === 0)
      throw new StoreRefusal('foreign', `${file} is empty: no record was ever begun in it.`)
    const newest = Object.keys(MIGRATIONS).at(-1)
    if (applied.at(-1) !== newest) {
      throw new StoreRefusal(
        'olderSchema',
        `${file} has the schema ${applied.at(-1)}, and this acmetap reads ${newest}. \`acmetap serve\` brings it up to date, after a backup.`,
      )
    }
    db.pragma('query_only = 1')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}
