import { existsSync, linkSync, rmSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { messageOf } from '../../exchange/message-of.ts'
import { StoreRefusal } from '../refusal.ts'
import { createPrivateFile, syncFolderOf } from './folder.ts'
import { identify } from './identity.ts'

/**
 * Copy a database that is in use into a new file, some pages at a time: between two steps the thread does its
 * other work. `source` should be the connection that writes: SQLite carries its own connection's writes into
 * the copy, and begins anew after another's.
 *
 * The copy is one file (no WAL), readable by its owner alone, opened once to see that it can be, and appears
 * under its name only when it is whole. Returns its bytes. Throws {@link StoreRefusal} `exists`.
 */
export async function copyDatabase(source: Database.Database, target: string): Promise<number> {
  refuseExisting(target)
  const partial = `${target}.partial-${process.pid}`
  rmSync(partial, { force: true })
  createPrivateFile(partial)
  try {
    await source.backup(partial, { progress: () => 256 })
    settle(partial)
    try {
      linkSync(partial, target)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') refuseExisting(target)
      throw error
    }
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(partial + suffix, { force: true })
  }
  syncFolderOf(target)
  return statSync(target).size
}

/** Any error of a backup as what the operator is told. */
export function backupRefusal(target: string, error: unknown): StoreRefusal {
  if (error instanceof StoreRefusal) return error
  const message = messageOf(error)
  return new StoreRefusal('io', `can't back up to ${target}: ${message}`, { cause: error })
}

/** One self-contained file, checked to be a database of ours. */
function settle(file: string): void {
  const copy = new Database(file)
  try {
    copy.pragma('synchronous = FULL')
    copy.pragma('journal_mode = DELETE')
    identify(copy, file)
    copy.prepare('select max(sequence) from facts').get()
  } finally {
    copy.close()
  }
}

function refuseExisting(target: string): void {
  if (existsSync(target)) {
    throw new StoreRefusal('exists', `${target} exists already; a backup never overwrites a file.`)
  }
}
