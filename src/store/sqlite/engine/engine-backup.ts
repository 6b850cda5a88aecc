/** What the engine keeps goes into a backup as a file of its own beside the record's; the secret that opens it does not. */
import { existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { messageOf } from '../../../exchange/message-of.ts'
import { StoreRefusal } from '../../refusal.ts'
import { createPrivateFile, syncFolderOf } from '../folder.ts'
import { migrationsOf, refusingDamage } from '../small-database.ts'
import { ENGINE_DATABASE, engineFile } from './engine-file.ts'

/** Beside the backup of the record. */
export function engineBackupFile(backup: string): string {
  return `${backup}.engine`
}

/**
 * Copies what the engine of a data folder keeps to `target`, also while it is written to: the copy is as of one moment.
 * Returns its bytes; null where the engine keeps nothing. Throws {@link StoreRefusal} `exists`, `damaged`, `io` ….
 */
export function backUpEngine(folder: string, target: string): number | null {
  const file = engineFile(folder)
  if (!existsSync(file)) return null
  refuseExisting(target)
  return place(file, target)
}

/**
 * Checks the engine's part of a backup, if it has one, and puts it beside the data folder's: `take` gives it its name.
 * Null where there is none. Throws {@link StoreRefusal}.
 */
export function prepareEngineRestore(
  backup: string,
  folder: string,
): { take(): string | null; forget(): void } | null {
  const source = engineBackupFile(backup)
  if (!existsSync(source)) return null
  const file = engineFile(folder)
  const fresh = `${file}.restored-${process.pid}`
  remove(fresh)
  place(source, fresh)
  return {
    take() {
      const aside = existsSync(file) ? moveAside(file) : null
      renameSync(fresh, file)
      syncFolderOf(file)
      return aside
    },
    forget: () => remove(fresh),
  }
}

function place(source: string, target: string): number {
  const partial = `${target}.partial-${process.pid}`
  remove(partial)
  createPrivateFile(partial)
  try {
    copyInto(source, partial)
    try {
      linkSync(partial, target)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') refuseExisting(target)
      throw error
    }
  } catch (error) {
    if (error instanceof StoreRefusal) throw error
    throw new StoreRefusal('io', `can't copy ${source} to ${target}: ${messageOf(error)}`, { cause: error })
  } finally {
    remove(partial)
  }
  syncFolderOf(target)
  return statSync(target).size
}

function copyInto(source: string, partial: string): void {
  const db = new Database(source, { fileMustExist: true, timeout: 2_000 })
  try {
    if (refusingDamage(source, () => migrationsOf(db, source, ENGINE_DATABASE)).length === 0)
      throw new StoreRefusal('foreign', `${source} holds nothing of acmetap's engine.`)
    const found = db.pragma('integrity_check(1)', { simple: true })
    if (found !== 'ok') throw new StoreRefusal('damaged', `${source} is damaged: ${String(found)}.`)
    db.prepare<[string]>('vacuum into ?').run(partial)
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (code.startsWith('SQLITE_CORRUPT'))
      throw new StoreRefusal('damaged', `${source} is damaged: ${messageOf(error)}.`, { cause: error })
    throw error
  } finally {
    db.close()
  }
}

function moveAside(file: string): string {
  let target = `${file}.replaced`
  for (let n = 2; existsSync(target); n++) target = `${file}.replaced-${n}`
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, target + suffix)
  }
  renameSync(file, target)
  return target
}

function remove(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true })
}

function refuseExisting(target: string): void {
  if (existsSync(target)) {
    throw new StoreRefusal('exists', `${target} exists already; a backup never overwrites a file.`)
  }
}
