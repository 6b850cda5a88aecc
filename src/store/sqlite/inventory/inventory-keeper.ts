import { setImmediate } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import type { InventoryCounts } from '../../../audit/inventory/inventory-counts.ts'
import type { InventoryLookups } from '../../../audit/inventory/inventory-lookups.ts'
import type { InventoryProgress, InventoryReader } from '../../../audit/inventory/inventory-reader.ts'
import { messageOf } from '../../../exchange/message-of.ts'
import { isDamage, NotThisInventory, openInventoryFile, removeInventory, setAside } from './inventory-file.ts'
import { Projector } from './projector.ts'
import { InventoryQueries } from './queries/inventory-queries.ts'
import { beginAnew } from './rebuild.ts'
import { RecordFacts } from './record-facts.ts'
import { State } from './state.ts'

export type Question =
  | Exclude<keyof InventoryReader, 'progress'>
  | keyof InventoryCounts
  | keyof InventoryLookups

/** How long an answer waits for facts that were in the record when it was asked for, in ms. */
const WAIT_FOR_FACTS = 500
/** ms of work at a time: while somebody waits or little is left, and while there is much to take in. */
const SLICE = 5
const LONG_SLICE = 20
/** Facts that are much. */
const FAR_BEHIND = 500
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 60_000

interface Opened {
  readonly db: Database.Database
  readonly state: State
  readonly projector: Projector
  readonly queries: InventoryQueries
}

/**
 * Owns an inventory: takes facts in, answers questions, and after a fault tries again, later each time. What it does
 * concerns nobody else: the record is only read. A file that is damaged or of something else is made again.
 */
export class InventoryKeeper {
  readonly #file: string
  readonly #record: Database.Database
  readonly #facts: RecordFacts
  #opened: Opened | null = null
  #fault: string | null = null
  #pause = 0
  #retryAt = 0
  #asked = 0
  /** Settles when a rebuild has begun; questions wait for it. */
  #beginning: Promise<void> = Promise.resolve()

  constructor(file: string, record: Database.Database) {
    this.#file = file
    this.#record = record
    this.#facts = new RecordFacts(record)
  }

  /** Takes facts in for some ms; true when there are more. Never throws: see `progress`. */
  step(): boolean {
    if (this.#fault !== null && performance.now() < this.#retryAt) return false
    try {
      const { projector, state } = this.#open()
      const isFarBehind = this.#asked === 0 && this.#facts.last() - projector.position > FAR_BEHIND
      const more = projector.step(isFarBehind ? LONG_SLICE : SLICE)
      const until = state.rebuildUntil()
      if (until !== null && projector.position >= until) state.setRebuildUntil(null)
      this.#fault = null
      this.#pause = 0
      return more
    } catch (error) {
      this.#failed(error)
      return false
    }
  }

  /** ms until another try makes sense; null when nothing stands in its way. */
  get pause(): number | null {
    return this.#fault === null ? null : Math.max(0, this.#retryAt - performance.now())
  }

  /** Answers when what is in the record now was taken in, or half a second is over. */
  async ask(name: Question, given: readonly unknown[]): Promise<unknown> {
    await this.#beginning
    this.#asked += 1
    try {
      await this.#takeInWhatIsThere()
      const { queries } = this.#open()
      const question = queries[name] as (...given: readonly unknown[]) => Promise<unknown>
      return await question.apply(queries, [...given])
    } catch (error) {
      if (isDamage(error)) this.#failed(error)
      throw error
    } finally {
      this.#asked -= 1
    }
  }

  progress(): InventoryProgress {
    const recorded = this.#facts.last()
    return {
      projected: this.#opened?.projector.position ?? 0,
      recorded,
      rebuilding: this.#opened !== null && this.#opened.state.rebuildUntil() !== null,
      fault: this.#fault ?? this.#opened?.state.leftOut() ?? null,
    }
  }

  /** Begins anew with the first fact that is left. Resolves when it has begun. */
  rebuild(): Promise<void> {
    const begun = this.#beginning.then(() => this.#rebuild())
    this.#beginning = begun.catch(() => {})
    return begun
  }

  async #rebuild(): Promise<void> {
    // Questions under way have the tables open.
    while (this.#asked > 0) await setImmediate()
    const { db } = this.#open()
    this.#opened = null
    try {
      beginAnew(db, this.#file, this.#facts)
    } finally {
      if (db.open) db.close()
    }
    this.#open()
  }

  close(): void {
    this.#opened?.db.close()
    this.#opened = null
    this.#record.close()
  }

  async #takeInWhatIsThere(): Promise<void> {
    const wanted = this.#facts.last()
    const until = performance.now() + WAIT_FOR_FACTS
    while ((this.#opened?.projector.position ?? -1) < wanted && performance.now() < until) {
      if (!this.step()) return
      await setImmediate()
    }
  }

  #open(): Opened {
    if (this.#opened !== null) return this.#opened
    const db = this.#openFile()
    const state = new State(db)
    const stream = this.#facts.stream()
    if (stream !== null && state.stream() === null) state.setStream(stream)
    this.#opened = {
      db,
      state,
      projector: new Projector(db, this.#facts),
      queries: new InventoryQueries(db, this.#record),
    }
    return this.#opened
  }

  #openFile(): Database.Database {
    try {
      return openInventoryFile(this.#file, this.#facts)
    } catch (error) {
      if (error instanceof NotThisInventory) {
        if (error.isOurs) removeInventory(this.#file)
        else setAside(this.#file)
      } else if (isDamage(error)) setAside(this.#file)
      else throw error
      return openInventoryFile(this.#file, this.#facts)
    }
  }

  #failed(error: unknown): void {
    const opened = this.#opened
    this.#fault = messageOf(error)
    this.#pause = Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, this.#pause * 2))
    this.#retryAt = performance.now() + this.#pause
    if (opened === null || !isDamage(error)) return
    // The next try opens it again, finds the damage or not, and makes it anew.
    this.#opened = null
    try {
      opened.db.close()
      setAside(this.#file)
    } catch (fault) {
      this.#fault = messageOf(fault)
    }
  }
}
