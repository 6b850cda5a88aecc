import { join } from 'node:path'
import type Database from 'better-sqlite3'
import { openSmallDatabase, refusingDamage, type SmallDatabase } from '../small-database.ts'
import { BROKER_MIGRATIONS } from './schema.ts'

/** `broker.sqlite`: "acmb". */
export const BROKER_DATABASE: SmallDatabase = {
  application: 0x61636d62,
  of: "acmetap's broker",
  migrations: BROKER_MIGRATIONS,
  busyTimeout: 2_000,
  // Keys of teams that were taken out, and those sealed under a secret that is no longer in use, are overwritten.
  pragmas: ['secure_delete = FAST', 'cache_size = -16000'],
  ifForeign: 'Move it away.',
  ifNewer: 'restore a backup from before the upgrade.',
}

/** What the broker and the local CAs keep in a data folder, beside the record. */
export function brokerFile(folder: string): string {
  return join(folder, 'broker.sqlite')
}

/**
 * Opens it to write, or makes an empty one; one of an older schema is first copied beside itself and brought up to date.
 * Throws SqliteError, and StoreRefusal `foreign`, `newerSchema`, `damaged` or `notDurable`.
 */
export function openBrokerFile(file: string, migrations = BROKER_MIGRATIONS): Database.Database {
  return refusingDamage(file, () => openSmallDatabase(file, { ...BROKER_DATABASE, migrations }))
}
