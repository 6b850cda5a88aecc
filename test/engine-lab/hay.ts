/** Every byte that a program has written below a folder: files, what databases hold, and what is compressed in them. */

import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import Database from 'better-sqlite3'
import type { Straw } from './needles.ts'

const ZSTD = Buffer.from('28b52ffd', 'hex')
const SQLITE = Buffer.from('SQLite format 3\0')

/** Plain files below it, links not followed. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => lstatSync(file).isFile())
}

export function strawsOf(file: string): Straw[] {
  const bytes = readFileSync(file)
  const straws: Straw[] = [{ where: file, bytes }]
  if (!bytes.subarray(0, SQLITE.length).equals(SQLITE)) return straws
  const db = new Database(file, { readonly: true })
  try {
    const tables = db
      .prepare("select name from sqlite_schema where type = 'table' and sql not like 'create virtual%'")
      .pluck()
      .all() as string[]
    for (const table of tables) {
      const parts: Buffer[] = []
      for (const row of db
        .prepare(`select * from "${table.replaceAll('"', '""')}"`)
        .raw()
        .iterate() as Iterable<unknown[]>)
        for (const value of row) {
          if (typeof value === 'string') parts.push(Buffer.from(`${value}\n`))
          else if (Buffer.isBuffer(value))
            parts.push(value.subarray(0, 4).equals(ZSTD) ? zstdDecompressSync(value) : value)
        }
      straws.push({ where: `${file}, table ${table}`, bytes: Buffer.concat(parts) })
    }
  } finally {
    db.close()
  }
  return straws
}
