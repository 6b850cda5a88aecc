import { join } from 'node:path'
import type Database from 'better-sqlite3'
import { openSmallDatabase, refusingDamage, type SmallDatabase } from '../small-database.ts'
import { ENGINE_MIGRATIONS } from './schema.ts'

/** `engine.sqlite`: "acmn". */
export const ENGINE_DATABASE: SmallDatabase = {
  application: 0x61636d6e,
  of: "acmetap's engine",
  migrations: ENGINE_MIGRATIONS,
  busyTimeout: 2_000,
  // Keys that were replaced, and those sealed under a secret that is no longer in use, are overwritten.
  pragmas: ['secure_delete = ON'],
  ifForeign: 'Move it away.',
  ifNewer: 'restore a backup from before the upgrade.',
}

/** What the engine keeps in a data folder, beside the record. */
export function engineFile(folder: string): string {
  return join(folder, 'engine.sqlite')
}

/**
 * Opens it to write, or makes an empty one; one of an older schema is first copied beside itself and brought up to date.
 * Throws SqliteError, and StoreRefusal `foreign`, `newerSchema`, `damaged` or `notDurable`.
 */
export function openEngineFile(file: string, migrations = ENGINE_MIGRATIONS): Database.Database {
  return refusingDamage(file, () => openSmallDatabase(file, { ...ENGINE_DATABASE, migrations }))
}
