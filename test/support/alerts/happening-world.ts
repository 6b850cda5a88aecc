import { hash } from 'node:crypto'
import { renameSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { DiagnosisClass } from '../../../src/audit/diagnosis/classes.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { openForReading } from '../../../src/store/sqlite/connection.ts'
import { databaseFile } from '../../../src/store/sqlite/folder.ts'
import {
  inventoryFile,
  openInventoryFile,
  removeInventory,
} from '../../../src/store/sqlite/inventory/inventory-file.ts'
import { RecordFacts } from '../../../src/store/sqlite/inventory/record-facts.ts'
import { State } from '../../../src/store/sqlite/inventory/state.ts'
import { Vocabulary } from '../../../src/store/sqlite/inventory/vocabulary.ts'
import { migrateDatabase } from '../../../src/store/sqlite/migrate.ts'

export interface Happens {
  /** `failed`: a validation failed; `validated`: one was found valid. */
  readonly kind: 'failed' | 'validated'
  readonly name: string
  /** ms since 1970. */
  readonly at: number
  readonly ca?: string
  readonly class?: DiagnosisClass
}

/**
 * A data folder with a record and an inventory in which things happen by hand: each is a fact that holds nothing, and
 * the happening that the inventory would have made of it.
 */
export class HappeningWorld {
  readonly folder: string
  readonly #record: Database.Database
  #inventory: Database.Database
  #facts = 0

  private constructor(folder: string) {
    this.folder = folder
    this.#record = new Database(databaseFile(folder))
    this.#record.prepare("insert into meta (name, value) values ('stream', ?)").run(newExchangeId())
    this.#inventory = this.#open()
  }

  static async create(): Promise<HappeningWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'acmetap-alerts-'))
    await migrateDatabase(databaseFile(folder))
    return new HappeningWorld(folder)
  }

  get facts(): number {
    return this.#facts
  }

  /** One fact and one happening each, in order. */
  happen(all: readonly Happens[]): void {
    const first = this.#facts + 1
    this.#facts += all.length
    this.#record.transaction(() => {
      for (const [i, { at }] of all.entries()) this.#writeFact(first + i, at)
    })()
    this.project(all, first)
  }

  /** What the inventory's thread does once facts are there. */
  project(all: readonly Happens[], first: number): void {
    const db = this.#inventory
    const words = new Vocabulary(db)
    const insert = db.prepare(
      `insert into happenings (fact, n, kind, at, exchange, ca, mode, operation, account, client, order_id, names, body)
       values (?, 0, ?, ?, ?, ?, ?, ?, null, null, null, ?, ?)`,
    )
    db.transaction(() => {
      all.forEach((one, i) => {
        const { kind, name, at, ca = 'letsencrypt' } = one
        const names = words.set([{ type: 'dns', value: name }])
        const common = [kind, at * 1000, `exchange ${first + i}`, words.word(ca), words.word('relay')]
        insert.run(
          first + i,
          ...common,
          words.word('challenge'),
          names,
          JSON.stringify(bodyOf(one, first + i)),
        )
      })
      const last = first + all.length - 1
      new State(db).setPosition(last, digestOf(last).toString('hex'))
    })()
  }

  /** Another inventory in the place of this one, with nothing in it yet. */
  replaceInventory(): void {
    this.#inventory.close()
    removeInventory(inventoryFile(this.folder))
    this.#inventory = this.#open()
  }

  /** While `run` runs there is none. */
  hideInventory(run: () => void): void {
    const file = inventoryFile(this.folder)
    renameSync(file, `${file}.hidden`)
    try {
      run()
    } finally {
      renameSync(`${file}.hidden`, file)
    }
  }

  async remove(): Promise<void> {
    this.#inventory.close()
    this.#record.close()
    await rm(this.folder, { recursive: true })
  }

  #open(): Database.Database {
    const record = openForReading(databaseFile(this.folder))
    try {
      const facts = new RecordFacts(record)
      const db = openInventoryFile(inventoryFile(this.folder), facts)
      new State(db).setStream(facts.stream()!)
      return db
    } finally {
      record.close()
    }
  }

  #writeFact(sequence: number, at: number): void {
    const id = hash('sha256', `exchange ${sequence}`, 'buffer').subarray(0, 16)
    this.#record
      .prepare("insert into facts (sequence, exchange, kind, at, text, digest) values (?, ?, 1, ?, '{}', ?)")
      .run(sequence, id, at * 1000, digestOf(sequence))
  }
}

function digestOf(sequence: number): Buffer {
  return hash('sha256', `fact ${sequence}`, 'buffer')
}

function bodyOf({ kind, class: name = 'connection-refused' }: Happens, fact: number) {
  if (kind === 'validated') return {}
  return {
    failure: fact.toString(16).padStart(16, '0'),
    validation: true,
    shownBy: 'challenge',
    challengeType: 'http-01',
    outcome: 'response',
    status: 200,
    problem: { type: 'urn:ietf:params:acme:error:connection', detail: 'Connection refused' },
    class: name,
    details: {},
  }
}
