import { existsSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { createPrivateFile, syncFolderOf } from './folder.ts'

/** One step of the schema of a database beside the record. Released ones are never edited. */
export interface NamedMigration {
  readonly name: string
  readonly sql: string
}

export interface MigratedDatabase {
  readonly file: string
  /** `PRAGMA application_id`. */
  readonly application: number
  /** Names of those that it has. */
  readonly applied: readonly string[]
  readonly migrations: readonly NamedMigration[]
}

/** Brings it up to date in one transaction; one with a schema is first copied beside itself. Throws SqliteError. */
export function applyMissing(
  db: Database.Database,
  { file, application, applied, migrations }: MigratedDatabase,
): void {
  const missing = migrations.filter(({ name }) => !applied.includes(name))
  if (missing.length === 0) return
  if (applied.length > 0) backUpBefore(db, file, applied.at(-1)!)
  db.transaction(() => {
    if (applied.length === 0) {
      db.pragma(`application_id = ${application}`)
      db.exec('create table migrations (name text primary key) without rowid')
    }
    const done = db.prepare<[string]>('insert into migrations (name) values (?)')
    for (const { name, sql } of missing) {
      db.exec(sql)
      done.run(name)
    }
  }).immediate()
}

function backUpBefore(db: Database.Database, file: string, schema: string): void {
  let target = `${file}.${schema}.backup`
  for (let n = 2; existsSync(target); n++) target = `${file}.${schema}.backup-${n}`
  createPrivateFile(target)
  db.prepare<[string]>('vacuum into ?').run(target)
  syncFolderOf(target)
}
