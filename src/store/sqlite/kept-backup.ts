/**
 * What the engine and the broker keep goes into a backup as files of their own beside the record's; the secret that opens
 * what is sealed in them does not.
 */
import { existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { messageOf } from '../../exchange/message-of.ts'
import { StoreRefusal } from '../refusal.ts'
import { BROKER_DATABASE, brokerFile } from './broker/broker-file.ts'
import { ENGINE_DATABASE, engineFile } from './engine/engine-file.ts'
import { createPrivateFile, syncFolderOf } from './folder.ts'
import { migrationsOf, refusingDamage, type SmallDatabase } from './small-database.ts'

interface Kept {
  readonly database: SmallDatabase
  readonly fileIn: (folder: string) => string
  /** Of its backup's name, which begins as the record's. */
  readonly suffix: string
}

/**
 * In the order they are copied, before the record: what one refers to, or announces, is in what is copied after it. The broker
 * knows orders of the engine, and the engine exchanges of the record.
 */
const KEPT: readonly Kept[] = [
  { database: BROKER_DATABASE, fileIn: brokerFile, suffix: '.broker' },
  { database: ENGINE_DATABASE, fileIn: engineFile, suffix: '.engine' },
]

/** What was written, and where: to be removed where the record's copy does not come about. */
export interface KeptBackup {
  readonly bytes: number
  readonly files: readonly string[]
}

/**
 * Copies what a data folder keeps beside the record to files beside `target`, also while it is written to: each copy is as of
 * one moment. All or none. Throws {@link StoreRefusal} `exists`, `damaged`, `io` ….
 */
export function backUpKept(folder: string, target: string): KeptBackup {
  const present = KEPT.filter(({ fileIn }) => existsSync(fileIn(folder)))
  for (const { suffix } of present) refuseExisting(target + suffix)
  const made: string[] = []
  try {
    let bytes = 0
    for (const kept of present) {
      bytes += place(kept, kept.fileIn(folder), target + kept.suffix)
      made.push(target + kept.suffix)
    }
    return { bytes, files: made }
  } catch (error) {
    for (const file of made) rmSync(file, { force: true })
    throw error
  }
}

/**
 * Checks what a backup has beside the record's file, and puts copies beside the data folder's: `take` gives them their names,
 * and moves aside what had them. What the backup has not stays as it is. Throws {@link StoreRefusal}.
 */
export function prepareKeptRestore(backup: string, folder: string): { take(): void; forget(): void } {
  const prepared: { readonly file: string; readonly fresh: string }[] = []
  const forget = (): void => {
    for (const { fresh } of prepared) remove(fresh)
  }
  try {
    for (const kept of KEPT) {
      if (!existsSync(backup + kept.suffix)) continue
      const file = kept.fileIn(folder)
      const fresh = `${file}.restored-${process.pid}`
      remove(fresh)
      place(kept, backup + kept.suffix, fresh)
      prepared.push({ file, fresh })
    }
  } catch (error) {
    forget()
    throw error
  }
  return {
    take() {
      for (const { file, fresh } of prepared) {
        if (existsSync(file)) moveAside(file)
        renameSync(fresh, file)
        syncFolderOf(file)
      }
    },
    forget,
  }
}

function place({ database }: Kept, source: string, target: string): number {
  const partial = `${target}.partial-${process.pid}`
  remove(partial)
  createPrivateFile(partial)
  try {
    copyInto(source, partial, database)
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

function copyInto(source: string, partial: string, database: SmallDatabase): void {
  const db = new Database(source, { fileMustExist: true, timeout: 2_000 })
  try {
    refusingDamage(source, () => {
      if (migrationsOf(db, source, database).length === 0)
        throw new StoreRefusal('foreign', `${source} holds nothing of ${database.of}.`)
      const found = db.pragma('integrity_check(1)', { simple: true })
      if (found !== 'ok') throw new StoreRefusal('damaged', `${source} is damaged: ${String(found)}.`)
      db.prepare<[string]>('vacuum into ?').run(partial)
    })
  } finally {
    db.close()
  }
}

function moveAside(file: string): void {
  let target = `${file}.replaced`
  for (let n = 2; existsSync(target); n++) target = `${file}.replaced-${n}`
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, target + suffix)
  }
  renameSync(file, target)
}

function remove(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true })
}

function refuseExisting(target: string): void {
  if (existsSync(target)) {
    throw new StoreRefusal('exists', `${target} exists already; a backup never overwrites a file.`)
  }
}
