import type { Entry } from '../../audit/record.ts'
import { type RecordStore, StoreUnavailable } from '../../audit/record-store.ts'
import type { SinkPosition, SinkPositions } from '../../audit/sinks/sink-positions.ts'
import { UNKNOWN_OUTCOME } from '../../audit/unknown-outcome.ts'
import { messageOf } from '../../exchange/message-of.ts'
import type { AccountKey } from '../../exchange/resource.ts'
import { type Asked, Thread, ThreadError } from '../thread.ts'
import { threadHere } from '../thread-here.ts'
import { backupRefusal } from './backup.ts'
import { type EncodedEntry, encodeEntry, packBatch } from './batch.ts'
import { unavailableCode } from './store-error.ts'
import { type WriterData, type Written, writerSide } from './writer-side.ts'

interface Pending {
  readonly encoded: EncodedEntry
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const BATCH_ENTRIES = 512
const BATCH_BYTES = 8 * 1024 * 1024
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './writer-worker.ts' : './writer-worker.js',
  import.meta.url,
)

/**
 * The event loop's side of the writer: entries that come while a batch is being written, or within one turn of
 * the loop, make the next batch, which is one transaction.
 */
export class SqliteRecordStore implements RecordStore, SinkPositions {
  readonly #writer: Asked
  #pending: Pending[] = []
  #writing: readonly Pending[] = []
  #flushDue = false
  #closing: Promise<void> | null = null
  #drained: (() => void) | null = null
  #lastCommit = 0

  private constructor(writer: Asked) {
    this.#writer = writer
  }

  /** The caller has migrated the database and holds the folder's lock. Rejects with StoreRefusal. */
  static async open(data: WriterData): Promise<SqliteRecordStore> {
    return new SqliteRecordStore(await Thread.start(SCRIPT, data))
  }

  /** As {@link open}, with no thread of its own: each commit blocks the event loop. */
  static async openHere(data: WriterData): Promise<SqliteRecordStore> {
    return new SqliteRecordStore(threadHere(writerSide(data)))
  }

  append(entry: Entry): Promise<void> {
    if (this.#closing !== null) return Promise.reject(closed())
    return new Promise((resolve, reject) => {
      try {
        this.#pending.push({ encoded: encodeEntry(entry), resolve, reject })
      } catch (error) {
        reject(new StoreUnavailable('other', `the entry can't be written: ${messageOf(error)}`))
        return
      }
      this.#flushSoon()
    })
  }

  async closeDeadIntents(at: number, monotonic: number): Promise<number> {
    return this.#ask('closeDeadIntents', { at, monotonic, content: JSON.stringify(UNKNOWN_OUTCOME) })
  }

  async rememberKeys(keys: readonly AccountKey[]): Promise<number> {
    const rows = keys.map(({ ca, account, jwk, thumbprint, source }) => [
      ca,
      account,
      JSON.stringify(jwk),
      thumbprint,
      source,
    ])
    return this.#ask('rememberKeys', rows)
  }

  position(name: string): Promise<SinkPosition | null> {
    return this.#ask('sinkPosition', name)
  }

  async advance(name: string, position: SinkPosition): Promise<void> {
    await this.#ask('advanceSink', { name, position })
  }

  async probe(): Promise<void> {
    await this.#ask('probe', null)
  }

  pressure(): { readonly waiting: number; readonly lastCommit: number } {
    return { waiting: this.#pending.length + this.#writing.length, lastCommit: this.#lastCommit }
  }

  /** Copy the database, while it is written to, into a new file; returns its bytes. */
  async backup(target: string): Promise<number> {
    try {
      return await this.#writer.call<number>('backup', target)
    } catch (error) {
      throw backupRefusal(target, error)
    }
  }

  /** Waits for what was appended before. */
  close(): Promise<void> {
    this.#closing ??= this.#drain().then(() => this.#writer.close())
    return this.#closing
  }

  #drain(): Promise<void> {
    if (this.#pending.length === 0 && this.#writing.length === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  /** After this turn of the event loop: what is appended within it shares one transaction. */
  #flushSoon(): void {
    if (this.#flushDue || this.#writing.length > 0) return
    this.#flushDue = true
    setImmediate(() => {
      this.#flushDue = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const entries = this.#takePending()
    this.#writing = entries
    try {
      const batch = packBatch(entries.map(({ encoded }) => encoded))
      const { failures, took } = await this.#writer.call<Written>('append', batch, [batch.bytes])
      this.#lastCommit = took
      this.#writing = []
      const failed = new Map(failures.map(([index, reason, message]) => [index, { reason, message }]))
      for (const [index, { resolve, reject }] of entries.entries()) {
        const failure = failed.get(index)
        if (failure) reject(new StoreUnavailable(failure.reason ?? 'other', failure.message))
        else resolve()
      }
    } catch (error) {
      this.#writing = []
      for (const { reject } of entries) reject(unavailable(error))
    }
    if (this.#pending.length > 0) this.#flushSoon()
    else this.#drained?.()
  }

  #takePending(): Pending[] {
    let count = 0
    let bytes = 0
    for (const { encoded } of this.#pending) {
      if (count === BATCH_ENTRIES || (count > 0 && bytes + encoded.bytes > BATCH_BYTES)) break
      bytes += encoded.bytes
      count += 1
    }
    const taken = this.#pending.slice(0, count)
    this.#pending = this.#pending.slice(count)
    return taken
  }

  /** What else the writer's thread does, in its turn among the appends. */
  ask<T>(name: string, argument: unknown): Promise<T> {
    return this.#ask<T>(name, argument)
  }

  async #ask<T = number>(name: string, argument: unknown): Promise<T> {
    if (this.#closing !== null) throw closed()
    try {
      return await this.#writer.call<T>(name, argument)
    } catch (error) {
      throw unavailable(error)
    }
  }
}

function closed(): StoreUnavailable {
  return new StoreUnavailable('closed', 'the store is closed')
}

function unavailable(error: unknown): StoreUnavailable {
  const code = error instanceof ThreadError ? error.code : null
  return new StoreUnavailable(code === null ? 'other' : (unavailableCode(code) ?? 'other'), messageOf(error))
}
