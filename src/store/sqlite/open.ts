import { rmSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { RecordKeeping } from '../../audit/keeping.ts'
import type { RecordStore } from '../../audit/record-store.ts'
import type { SinkPositions } from '../../audit/sinks/sink-positions.ts'
import type { TokenStore } from '../../audit/token.ts'
import { newExchangeId } from '../../exchange/exchange-id.ts'
import { type RefusalReason, StoreRefusal } from '../refusal.ts'
import { Thread, type ThreadError } from '../thread.ts'
import { backupRefusal, copyDatabase } from './backup.ts'
import { openForReading } from './connection.ts'
import type { StoreFaults } from './faults.ts'
import { createFolder, databaseFile } from './folder.ts'
import { backUpKept, type KeptBackup } from './kept-backup.ts'
import { lockFolder } from './lock.ts'
import { type MigrationReport, migrateDatabase } from './migrate.ts'
import { Queries } from './queries.ts'
import { type KeepingOptions, SqliteKeeping } from './sqlite-keeping.ts'
import { openThreadedReader, readerOf, type SqliteReader } from './sqlite-record-reader.ts'
import { SqliteRecordStore } from './sqlite-record-store.ts'
import { all, builder } from './statements.ts'

const KEPT_BACKUP = new URL(
  import.meta.url.endsWith('.ts') ? './kept-backup-worker.ts' : './kept-backup-worker.js',
  import.meta.url,
)

export interface SqliteStoreOptions {
  /** The data folder; created 0700 when it is missing. */
  readonly folder: string
  /** Wall time in µs. */
  readonly now: number
  /** Id of this process's life: every fact carries it. */
  readonly boot: string
  /** Name and version of the program, for the list of boots. */
  readonly software: string
  /**
   * thread: two of their own, for a server, whose event loop no commit may hold up. here: in the thread that calls, for a
   * command that has nothing else to do and wants to begin at once. Left out: thread.
   */
  readonly where?: 'thread' | 'here'
  /** For tests only. */
  readonly faults?: StoreFaults
}

export interface SqliteStore {
  readonly store: RecordStore
  readonly positions: SinkPositions
  readonly reader: SqliteReader
  /** The instance's id, made at first start. */
  readonly stream: string
  readonly boot: string
  /** What opening changed: schemas applied, and the copy made before. */
  readonly migration: MigrationReport
  /** Copy the database, and what engine and broker keep, into new files while they are written to. Rejects with StoreRefusal. */
  backup(file: string): Promise<{ readonly bytes: number }>
  /** What takes things out again, and the tokens. */
  keeping(options: KeepingOptions): RecordKeeping & TokenStore
  close(): Promise<void>
}

/** Open the data folder for serving: one process at a time. Rejects with {@link StoreRefusal}. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { folder, boot, where = 'thread' } = options
  const file = databaseFile(folder)
  try {
    createFolder(folder)
  } catch (error) {
    throw new StoreRefusal('io', `can't create the data folder ${folder}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  const lock = lockFolder(folder)
  try {
    const migration = await migrateDatabase(file)
    const stream = registerBoot(file, options)
    const faults = options.faults?.control ?? null
    const data = { file, stream, boot, faults }
    const [writer, reader] =
      where === 'here'
        ? await bothOrNone(SqliteRecordStore.openHere(data), openReaderHere(file))
        : await bothOrNone(SqliteRecordStore.open(data), openThreadedReader({ file }))
    return {
      store: writer,
      positions: writer,
      reader,
      stream,
      boot,
      migration,
      async backup(target) {
        const kept = where === 'here' ? backUpKept(folder, target) : await backUpKeptAside(folder, target)
        return await withKept(kept, () => writer.backup(target))
      },
      keeping: (options) => new SqliteKeeping(writer, reader, options),
      async close() {
        await reader.close()
        await writer.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    if (error instanceof StoreRefusal) throw error
    throw new StoreRefusal('io', `can't open the store ${file}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

async function openReaderHere(file: string): Promise<SqliteReader> {
  return readerOf(new Queries(openForReading(file)))
}

/** Two threads begin at the same time: each takes a while to load. Where one fails the other is closed. */
async function bothOrNone<A extends Closeable, B extends Closeable>(
  first: Promise<A>,
  second: Promise<B>,
): Promise<[A, B]> {
  try {
    return await Promise.all([first, second])
  } catch (error) {
    for (const opened of await Promise.allSettled([first, second])) {
      if (opened.status === 'fulfilled') await opened.value.close()
    }
    throw error
  }
}

interface Closeable {
  close(): Promise<void>
}

/**
 * Read the record of a data folder, or of a backup's file, in this process. Changes nothing, repairs nothing.
 * Throws {@link StoreRefusal}.
 */
export function openSqliteReader(place: string): SqliteReader {
  const isFile = statSync(place, { throwIfNoEntry: false })?.isFile() === true
  return readerOf(new Queries(openForReading(isFile ? place : databaseFile(place))))
}

/**
 * Copy the record of a folder that no process serves from; returns the copy's bytes. While one does, its own
 * `backup` is the one to ask: this one begins anew after each of its commits. Rejects with {@link StoreRefusal}.
 */
export async function backupSqlite(folder: string, target: string): Promise<{ readonly bytes: number }> {
  const db = openForReading(databaseFile(folder))
  try {
    return await withKept(backUpKept(folder, target), () => copyDatabase(db, target))
  } catch (error) {
    throw backupRefusal(target, error)
  } finally {
    db.close()
  }
}

/**
 * What engine and broker keep is copied first: whatever is announced in there, the record that is copied after it holds. Where
 * the record can't be copied, there is no copy of any. Returns the bytes of all.
 */
async function withKept(
  { bytes, files }: KeptBackup,
  copyRecord: () => Promise<number>,
): Promise<{ readonly bytes: number }> {
  try {
    return { bytes: bytes + (await copyRecord()) }
  } catch (error) {
    for (const file of files) rmSync(file, { force: true })
    throw error
  }
}

/** As {@link backUpKept}, in a thread of its own. Rejects with {@link StoreRefusal} `io`, or what it says. */
async function backUpKeptAside(folder: string, target: string): Promise<KeptBackup> {
  const thread = await Thread.start(KEPT_BACKUP, null)
  try {
    return await thread.call<KeptBackup>('backUp', { folder, target })
  } catch (error) {
    const { code, message } = error as ThreadError
    throw new StoreRefusal((code ?? 'io') as RefusalReason, message, { cause: error })
  } finally {
    await thread.close()
  }
}

/** Write down that this boot began; returns the stream, made at the first. */
function registerBoot(file: string, { now, boot, software }: SqliteStoreOptions): string {
  const db = new Database(file, { fileMustExist: true, timeout: 400 })
  try {
    db.pragma('synchronous = FULL')
    return db
      .transaction(() => {
        all(db, builder.insertInto('boots').values({ boot, at: now, software }).returning('boot'))
        const query = builder.selectFrom('meta').select('value').where('name', '=', 'stream')
        const known = all(db, query)[0]?.value
        if (known !== undefined) return known
        const stream = newExchangeId()
        all(db, builder.insertInto('meta').values({ name: 'stream', value: stream }).returning('name'))
        return stream
      })
      .immediate()
  } finally {
    db.close()
  }
}
