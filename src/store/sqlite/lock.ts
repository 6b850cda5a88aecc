import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { StoreRefusal } from '../refusal.ts'
import { createPrivateFile, lockFile } from './folder.ts'

export interface FolderLock {
  release(): void
}

/**
 * One process, one writer. An exclusive transaction on a database of its own is held for life: the operating
 * system ends it with the process, however it dies. Throws {@link StoreRefusal} `inUse`.
 */
export function lockFolder(folder: string): FolderLock {
  const file = lockFile(folder)
  let database: Database.Database | undefined
  try {
    if (!existsSync(file)) createPrivateFile(file)
    database = new Database(file, { timeout: 0 })
    database.pragma('journal_mode = DELETE')
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (isBusy(error)) {
      throw new StoreRefusal(
        'inUse',
        `another acmetap is using the data folder ${folder}. Stop it first, or give this one a data folder of its own (\`data:\` in the configuration).`,
      )
    }
    throw new StoreRefusal('io', `can't lock the data folder ${folder}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  const held = database
  return {
    release() {
      if (held.open) held.close()
    },
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code)
}
