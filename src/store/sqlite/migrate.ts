import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { type DialectAdapter, Kysely, SqliteAdapter, SqliteDialect } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { messageOf } from '../../exchange/message-of.ts'
import { StoreRefusal } from '../refusal.ts'
import { copyDatabase } from './backup.ts'
import { createPrivateFile } from './folder.ts'
import { identify, markOurs } from './identity.ts'
import { MIGRATIONS } from './migrations.ts'

/** SQLite's DDL is transactional; Kysely's dialect does not use that. With it, a migration is applied or is not. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class TransactionalDialect extends SqliteDialect {
  override createAdapter(): DialectAdapter {
    return new TransactionalAdapter()
  }
}

export interface MigrationOptions {
  readonly migrations?: Readonly<Record<string, Migration>>
  /** False for a database that is itself a copy. */
  readonly backUp?: boolean
}

export interface MigrationReport {
  readonly applied: readonly string[]
  /** The copy made before a database with content was changed. */
  readonly backup: string | null
}

/**
 * Bring the database to the newest schema, or create it. An existing one is first copied beside itself; where
 * that fails, nothing is changed. Rejects with {@link StoreRefusal}. The caller holds the folder's lock.
 */
export async function migrateDatabase(
  file: string,
  { migrations = MIGRATIONS, backUp = true }: MigrationOptions = {},
): Promise<MigrationReport> {
  if (!existsSync(file)) createPrivateFile(file)
  const known = Object.keys(migrations).sort()
  const database = new Database(file, { timeout: 500 })
  try {
    const { applied } = identify(database, file, known)
    if (applied.length === known.length) return { applied: [], backup: null }
    const backup =
      applied.length === 0 || !backUp ? null : await backUpBefore(database, file, applied.at(-1)!)
    if (applied.length === 0) markOurs(database)
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    return { applied: await migrate(database, file, migrations), backup }
  } finally {
    if (database.open) database.close()
  }
}

async function migrate(
  database: Database.Database,
  file: string,
  migrations: Readonly<Record<string, Migration>>,
): Promise<string[]> {
  // A migration may change the schema's own text where making a table anew would take too long.
  database.unsafeMode(true)
  const kysely = new Kysely<unknown>({ dialect: new TransactionalDialect({ database }) })
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: async () => ({ ...migrations }) },
  })
  try {
    const { error, results } = await migrator.migrateToLatest()
    if (error) {
      throw new StoreRefusal('io', `can't bring ${file} to this version's schema: ${messageOf(error)}`, {
        cause: error,
      })
    }
    return (results ?? []).map(({ migrationName }) => migrationName)
  } finally {
    await kysely.destroy()
  }
}

async function backUpBefore(database: Database.Database, file: string, schema: string): Promise<string> {
  let target = `${file}.${schema}.backup`
  for (let n = 2; existsSync(target); n++) target = `${file}.${schema}.backup-${n}`
  try {
    await copyDatabase(database, target)
  } catch (error) {
    throw new StoreRefusal(
      'io',
      `can't back ${file} up before bringing it to this version's schema, so it was left as it is: ${messageOf(error)}`,
      { cause: error },
    )
  }
  return target
}
