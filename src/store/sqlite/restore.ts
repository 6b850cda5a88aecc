import { existsSync, renameSync, rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { type ChainReport, verifyChain } from '../../audit/chain.ts'
import { StoreRefusal } from '../refusal.ts'
import { copyDatabase } from './backup.ts'
import { openForReading } from './connection.ts'
import { createFolder, databaseFile, syncFolderOf } from './folder.ts'
import { identify } from './identity.ts'
import { prepareKeptRestore } from './kept-backup.ts'
import { lockFolder } from './lock.ts'
import { migrateDatabase } from './migrate.ts'
import { Queries } from './queries.ts'
import { readerOf } from './sqlite-record-reader.ts'

export interface RestoreReport {
  readonly chain: ChainReport
  /** Where the database that was there has gone; null when there was none. */
  readonly movedAside: string | null
}

/**
 * Put a backup in the place of a data folder's database, and of what engine and broker keep where the backup has
 * that too. The copies are checked, files and chain, before anything of the folder is touched. Rejects with {@link StoreRefusal}: `inUse` while a server runs, `exists` unless
 * `force` lets the present database be moved aside, `damaged`, `missing`, `foreign`, `newerSchema`.
 */
export async function restoreSqlite(
  backupFile: string,
  folder: string,
  { force = false }: { readonly force?: boolean } = {},
): Promise<RestoreReport> {
  if (!existsSync(backupFile)) throw new StoreRefusal('missing', `there is no backup at ${backupFile}.`)
  createFolder(folder)
  const lock = lockFolder(folder)
  const file = databaseFile(folder)
  const fresh = `${file}.restored-${process.pid}`
  let kept: ReturnType<typeof prepareKeptRestore> | null = null
  try {
    if (existsSync(file) && !force) {
      throw new StoreRefusal(
        'exists',
        `${file} exists. Restore into an empty folder, or use --force, which moves the present database aside.`,
      )
    }
    rmSync(fresh, { force: true })
    await copyBackup(backupFile, fresh)
    const chain = await checkCopy(fresh, backupFile)
    kept = prepareKeptRestore(backupFile, folder)
    const movedAside = existsSync(file) ? moveAside(file) : null
    renameSync(fresh, file)
    syncFolderOf(file)
    kept?.take()
    return { chain, movedAside }
  } finally {
    kept?.forget()
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(fresh + suffix, { force: true })
    lock.release()
  }
}

async function copyBackup(backupFile: string, target: string): Promise<void> {
  const source = new Database(backupFile, { readonly: true, fileMustExist: true })
  try {
    const { applied } = identify(source, backupFile)
    if (applied.length === 0) throw new StoreRefusal('foreign', `${backupFile} holds no record.`)
    const found = source.pragma('integrity_check(1)', { simple: true })
    if (found !== 'ok') throw damaged(backupFile, String(found))
    await copyDatabase(source, target)
  } catch (error) {
    if (error instanceof StoreRefusal) throw error
    const { code, message } = error as { code?: string; message: string }
    if (code?.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') throw damaged(backupFile, message)
    throw new StoreRefusal('io', `can't restore ${backupFile}: ${message}`, { cause: error })
  } finally {
    source.close()
  }
}

/** Brings an older schema up to date first: the copy is ours to change. */
async function checkCopy(copy: string, backupFile: string): Promise<ChainReport> {
  await migrateDatabase(copy, { backUp: false })
  const reader = readerOf(new Queries(openForReading(copy)))
  try {
    const chain = await verifyChain(reader)
    if (chain.firstBroken) {
      const { sequence, kind } = chain.firstBroken
      throw damaged(backupFile, `the chain of facts is broken at ${sequence} (${kind})`)
    }
    if (chain.altered.length > 0) {
      throw damaged(backupFile, `${chain.altered.length} bodies or values are not what the record says`)
    }
    return chain
  } finally {
    await reader.close()
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

function damaged(file: string, what: string): StoreRefusal {
  return new StoreRefusal('damaged', `${file} is damaged and was not restored: ${what}.`)
}
