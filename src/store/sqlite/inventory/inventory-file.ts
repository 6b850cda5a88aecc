import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createPrivateFile } from '../folder.ts'
import type { RecordFacts } from './record-facts.ts'
import { createInventory } from './schema.ts'
import { State } from './state.ts'

/** `PRAGMA application_id`: "acmi". */
const APPLICATION = 0x61636d69
/** How long a lock of another connection is waited for, in ms. */
const BUSY_TIMEOUT = 400

/** The inventory of a data folder, beside its record. */
export function inventoryFile(folder: string): string {
  return join(folder, 'inventory.sqlite')
}

/** A file that is no inventory of this schema, or not of this record: to be made again. */
export class NotThisInventory extends Error {
  /** An inventory of acmetap at least: nothing is lost with it. */
  readonly isOurs: boolean
  constructor(message: string, isOurs = true) {
    super(message)
    this.name = 'NotThisInventory'
    this.isOurs = isOurs
  }
}

/** Opens an inventory that was made from this record, or makes an empty one. Throws SqliteError and NotThisInventory. */
export function openInventoryFile(file: string, facts: RecordFacts): Database.Database {
  const isNew = !existsSync(file)
  if (isNew) createPrivateFile(file)
  const db = new Database(file, { fileMustExist: true, timeout: BUSY_TIMEOUT })
  try {
    db.pragma('journal_mode = WAL')
    // A power cut may cost the last commits, never the order: what is lost is taken in again.
    db.pragma('synchronous = NORMAL')
    db.pragma('temp_store = MEMORY')
    db.pragma('cache_size = -16000')
    // The same pages are written again and again: a longer log moves each into the file less often.
    db.pragma('wal_autocheckpoint = 4000')
    db.pragma(`journal_size_limit = ${16 * 1024 * 1024}`)
    if (db.pragma('schema_version', { simple: true }) === 0) makeTables(db)
    requireFit(db, facts)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Opens one to read it as it is, whoever writes it. Throws SqliteError and NotThisInventory. */
export function openInventoryForReading(file: string, facts: RecordFacts): Database.Database {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT })
  try {
    db.pragma('query_only = 1')
    requireFit(db, facts)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** SQLite could not make sense of the file. */
export function isDamage(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^SQLITE_(CORRUPT|NOTADB)/.test(code)
}

/** Out of the way, so that it can be looked at; one that was put there before is gone then. */
export function setAside(file: string): void {
  for (const suffix of FILES) {
    rmSync(`${file}.damaged${suffix}`, { force: true })
    if (existsSync(file + suffix)) renameSync(file + suffix, `${file}.damaged${suffix}`)
  }
}

export function removeInventory(file: string): void {
  for (const suffix of FILES) rmSync(file + suffix, { force: true })
}

/** An inventory takes its write-ahead log with it. */
export const FILES = ['', '-wal', '-shm'] as const

function makeTables(db: Database.Database): void {
  db.transaction(() => {
    db.pragma(`application_id = ${APPLICATION}`)
    createInventory(db)
  })()
}

/** Throws for one of another schema or record, or one that is ahead of a record that was restored. */
function requireFit(db: Database.Database, facts: RecordFacts): void {
  if (db.pragma('application_id', { simple: true }) !== APPLICATION) {
    throw new NotThisInventory('not an inventory of acmetap', false)
  }
  const state = new State(db)
  if (!state.isOfSchema()) throw new NotThisInventory('of another schema')
  const stream = state.stream()
  if (stream !== null && stream !== facts.stream()) throw new NotThisInventory('of another record')
  const { sequence, digest } = state.position()
  if (sequence === 0) return
  const there = facts.digestOf(sequence)
  if (there === digest) return
  const first = facts.first()
  // The fact may be gone for its age, together with all before it.
  if (there === null && first !== null && sequence < first) return
  throw new NotThisInventory('of a record that went another way')
}
