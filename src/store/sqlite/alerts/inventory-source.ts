import { statSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { messageOf } from '../../../exchange/message-of.ts'
import { openForReading } from '../connection.ts'
import { databaseFile } from '../folder.ts'
import { HappeningReader } from '../inventory/happenings.ts'
import { inventoryFile, openInventoryForReading } from '../inventory/inventory-file.ts'
import { RecordFacts } from '../inventory/record-facts.ts'
import { State } from '../inventory/state.ts'

/** An inventory as it is read for alerts. */
export interface Inventory {
  readonly db: Database.Database
  readonly record: Database.Database
  readonly happenings: HappeningReader
  /** Of the record that it is made from. */
  readonly stream: string
  /** Sequence number of the record's last fact. */
  lastFact(): number
  /** It knows what every fact up to this one told: what is missing in it is not missing for its being made anew. */
  hasTakenIn(fact: number): boolean
  /** Whether anything was written into it since this was asked last. */
  hasChanged(): boolean
}

/**
 * Opens the inventory for reading, and again when another was put in its place. One that is missing, damaged, of another
 * schema or record is being made by its own thread: until then there is none.
 */
export class InventorySource {
  readonly #folder: string
  #opened: { readonly inventory: Inventory; readonly file: string; close(): void } | null = null
  /** Why there is none; null when there is. */
  fault: string | null = null

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The one that is there now; null while there is none. Another object when another was opened. */
  current(): Inventory | null {
    const file = identityOf(inventoryFile(this.#folder))
    if (this.#opened !== null && this.#opened.file === file) return this.#opened.inventory
    this.close()
    if (file === null) {
      this.fault = 'there is no inventory yet'
      return null
    }
    try {
      this.#opened = { ...this.#open(), file }
      this.fault = null
      return this.#opened.inventory
    } catch (error) {
      this.fault = `the inventory cannot be read: ${messageOf(error)}`
      return null
    }
  }

  /** Opened again at the next question: after an error of what was asked of it. */
  close(): void {
    this.#opened?.close()
    this.#opened = null
  }

  #open() {
    const record = openForReading(databaseFile(this.#folder))
    try {
      const facts = new RecordFacts(record)
      const db = openInventoryForReading(inventoryFile(this.#folder), facts)
      return { inventory: inventoryOf(db, record, facts), close: () => closeAll(db, record) }
    } catch (error) {
      record.close()
      throw error
    }
  }
}

function inventoryOf(db: Database.Database, record: Database.Database, facts: RecordFacts): Inventory {
  const state = new State(db)
  const version = db.prepare('pragma data_version').pluck()
  let seen: unknown = null
  return {
    db,
    record,
    happenings: new HappeningReader(db, record),
    stream: facts.stream() ?? '',
    lastFact: () => facts.last(),
    hasTakenIn: (fact) => state.rebuildUntil() === null && state.position().sequence >= fact,
    hasChanged() {
      const now = version.get()
      const changed = now !== seen
      seen = now
      return changed
    },
  }
}

function closeAll(...opened: readonly Database.Database[]): void {
  for (const db of opened) db.close()
}

/** Another file under the same name has another; null for none. */
function identityOf(file: string): string | null {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true })
  return found === undefined ? null : `${found.dev}:${found.ino}:${found.birthtimeNs}`
}
