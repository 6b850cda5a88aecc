import type Database from 'better-sqlite3'
import type { SinkPosition } from '../../audit/sinks/sink-positions.ts'
import { LruMap } from '../../exchange/lru-map.ts'
import { messageOf } from '../../exchange/message-of.ts'
import { encodeBytes, packBodies } from '../body-pack.ts'
import { exchangeIdOf, exchangeKey } from '../exchange-key.ts'
import { factDigest, factText, fixedMembers, NO_PREVIOUS } from '../fact-text.ts'
import { mergeResource } from '../merge-resource.ts'
import { resourcePlace } from '../resource-place.ts'
import { FACT_KINDS } from '../tables.ts'
import {
  type Batch,
  type DecodedBody,
  type DecodedEntry,
  type DecodedFact,
  type Row,
  unpackBatch,
} from './batch.ts'
import type { StoreFaults } from './faults.ts'
import { PersonalKeeper, USE_STEP } from './personal-keeper.ts'
import { type UnavailableReason, unavailableReason } from './store-error.ts'
import { type TokenRow, type WriterStatements, writerStatements } from './writer-statements.ts'

/** Which entry of a batch was not written, and why; `reason` null: the entry's own fault. */
export type Failure = readonly [index: number, reason: UnavailableReason | null, message: string]

/** Where the next fact goes. */
interface Head {
  sequence: number
  previous: string
}

const CHECKPOINT_FRAMES = 1000
const CHECKPOINT_LOOK = 8
const DEAD_AT_ONCE = 500

/**
 * Writes facts over the one connection that writes. After an error nothing it remembers is trusted: the head
 * is read again, so that a commit which was reported as failed and yet applied does no harm.
 */
export class Writer {
  readonly #db: Database.Database
  readonly #run: WriterStatements
  readonly #boot: string
  readonly #fixed: string
  readonly #faults: StoreFaults | null
  readonly #personal: PersonalKeeper
  readonly #dataVersion: Database.Statement<unknown[], number>
  readonly #walFrames: Database.Statement<unknown[], { log: number; checkpointed: number }>
  #head: Head | null = null
  #seenVersion = 0
  #sinceLook = 0
  // What is known to be in the database, so that it is not asked or told again.
  #blobs = new LruMap<string, { readonly id: number; readonly used: number }>(5_000)
  #resources = new LruMap<string, string>(10_000)

  constructor(db: Database.Database, stream: string, boot: string, faults: StoreFaults | null) {
    this.#db = db
    this.#run = writerStatements(db)
    this.#personal = new PersonalKeeper(this.#run)
    this.#boot = boot
    this.#fixed = fixedMembers(stream, boot)
    this.#faults = faults
    this.#dataVersion = db.prepare<unknown[], number>('pragma data_version').pluck()
    this.#walFrames = db.prepare('pragma wal_checkpoint(noop)')
  }

  /** Write a batch in one transaction. Returns the entries that were not written; never throws. */
  write(batch: Batch): Failure[] {
    let entries: DecodedEntry[]
    try {
      entries = unpackBatch(batch)
      this.#transaction(() => {
        for (const entry of entries) this.#append(entry)
      })
      return []
    } catch (error) {
      const reason = unavailableReason(error)
      if (reason !== null) return everyEntry(batch, reason, error)
    }
    return this.#writeApart(batch)
  }

  /** The batch again, each entry behind a savepoint: one that is bad for its own sake takes no other with it. */
  #writeApart(batch: Batch): Failure[] {
    const failures: Failure[] = []
    try {
      const entries = unpackBatch(batch)
      this.#transaction(() => {
        for (const [index, entry] of entries.entries()) {
          const head = { ...this.#head! }
          this.#run.savepoint.run()
          try {
            this.#append(entry)
          } catch (error) {
            if (unavailableReason(error) !== null) throw error
            this.#run.rollbackToSavepoint.run()
            this.#forget()
            this.#head = head
            failures.push([index, null, messageOf(error)])
          }
          this.#run.releaseSavepoint.run()
        }
      })
      return failures
    } catch (error) {
      return everyEntry(batch, unavailableReason(error) ?? 'other', error)
    }
  }

  /** Give every intent of another boot the outcome whose content is given. Throws SqliteError. */
  closeDeadIntents(at: number, monotonic: number, content: string): number {
    let closed = 0
    for (;;) {
      let found = 0
      this.#transaction(() => {
        const dead = this.#run.deadIntents.all(this.#boot, DEAD_AT_ONCE)
        found = dead.length
        for (const { exchange } of dead) {
          this.#run.closeIntent.run(exchange)
          this.#appendFact(
            {
              kind: 'outcome',
              exchange: exchangeIdOf(exchange),
              at,
              monotonic,
              content,
              unique: [],
              repeating: [],
              personal: [],
            },
            exchange,
          )
        }
      })
      closed += found
      if (found < DEAD_AT_ONCE) return closed
    }
  }

  /** Returns how many of the keys were not known for their account. Throws SqliteError. */
  rememberKeys(rows: readonly Row[]): number {
    let news = 0
    this.#transaction(() => {
      for (const row of rows) {
        const [ca, account, , thumbprint] = row
        if (this.#run.findKey.get(ca, account)?.thumbprint === thumbprint) continue
        this.#run.upsertKey.run(...row)
        news += 1
      }
    })
    return news
  }

  /** Throws SqliteError. */
  tokens(): TokenRow[] {
    return this.#run.tokens.all()
  }

  /** A token and the event that tells of it, or neither. Throws SqliteError. */
  addToken({ id, name, role, digest, created_at, expires }: TokenRow, event: Batch): void {
    this.change((append) => {
      this.#run.insertToken.run(id, name, role, Buffer.from(digest), created_at, expires)
      append(event)
    })
  }

  /** False, and no event, where there is none of this id. Throws SqliteError. */
  removeToken(id: string, event: Batch): boolean {
    let removed = false
    this.change((append) => {
      removed = this.#run.deleteToken.run(id).changes > 0
      if (removed) append(event)
    })
    return removed
  }

  /** Throws SqliteError. */
  sinkPosition(name: string): SinkPosition | null {
    return this.#run.findSinkPosition.get(name) ?? null
  }

  /** Throws SqliteError. */
  advanceSink(name: string, { sequence, outcomes, lines }: SinkPosition): void {
    this.#transaction(() => {
      this.#run.upsertSinkPosition.run(name, sequence, outcomes, lines)
    })
  }

  /** Changes beside the facts, in one transaction, with events where `append` is given any. Throws SqliteError. */
  change(work: (append: (event: Batch) => void) => void): void {
    this.#transaction(() => {
      work((event) => {
        for (const entry of unpackBatch(event)) this.#append(entry)
      })
    })
  }

  /** Shared values were taken out: what is remembered of them may be gone. */
  forgetShared(): void {
    this.#personal.forget()
    this.#blobs = new LruMap(5_000)
  }

  /** A small durable write that is no fact. Throws SqliteError. */
  probe(): void {
    this.#transaction(() => {
      this.#run.countProbe.run()
    })
  }

  /** Move the log into the database file, when there is enough of it. Called when the callers have their answers. */
  checkpoint(): void {
    if (++this.#sinceLook < CHECKPOINT_LOOK) return
    this.#sinceLook = 0
    try {
      const wal = this.#walFrames.get()
      if (wal && wal.log - wal.checkpointed >= CHECKPOINT_FRAMES) this.#db.pragma('wal_checkpoint(PASSIVE)')
    } catch {
      // The log stays as it is, whole and durable; the next look tries again.
    }
  }

  #transaction(work: () => void): void {
    try {
      this.#run.begin.run()
      const version = this.#dataVersion.get() ?? 0
      if (version !== this.#seenVersion) {
        this.#forget()
        this.#seenVersion = version
      }
      this.#head ??= this.#readHead()
      work()
      if (this.#faults) this.#faults.commit(() => this.#run.commit.run())
      else this.#run.commit.run()
    } catch (error) {
      this.#forget()
      this.#rollback()
      throw error
    }
  }

  #rollback(): void {
    try {
      if (this.#db.inTransaction) this.#run.rollback.run()
    } catch {
      // The error that led here is the one to tell. The next transaction can't begin, and comes here again.
    }
  }

  #forget(): void {
    this.#head = null
    this.#personal.forget()
    this.#blobs = new LruMap(5_000)
    this.#resources = new LruMap(10_000)
  }

  #readHead(): Head {
    const row = this.#run.head.get()
    return row
      ? { sequence: row.sequence, previous: row.digest.toString('hex') }
      : { sequence: 0, previous: NO_PREVIOUS }
  }

  #append(entry: DecodedEntry): void {
    const { facts } = entry
    let written = 0
    for (const [index, fact] of facts.entries()) {
      const key = exchangeKey(fact.exchange)
      if (fact.kind === 'event') this.#run.countEvent.run()
      else if (fact.kind === 'intent') {
        const closedHere = facts.some((other, at) => at > index && isOutcomeOf(other, fact))
        if (!closedHere) this.#run.openIntent.run(key, this.#boot)
      } else {
        const openedHere = facts.some((other, at) => at < index && isOutcomeOf(fact, other))
        if (!openedHere && this.#run.closeIntent.run(key).changes === 0) continue
      }
      this.#appendFact(fact, key)
      written += 1
    }
    if (written === 0 && facts.length > 0) return
    for (const row of entry.resources) this.#upsertResource(row)
    for (const row of entry.keys) this.#run.upsertKey.run(...row)
  }

  #appendFact(fact: DecodedFact, key: Buffer): void {
    const head = this.#head!
    const sequence = head.sequence + 1
    const text = factText(
      this.#fixed,
      sequence,
      fact.kind,
      fact.exchange,
      fact.at,
      fact.monotonic,
      this.#keepPersonal(fact, sequence),
      head.previous,
      fact.content,
    )
    const digest = factDigest(text)
    this.#run.insertFact.run(sequence, key, FACT_KINDS[fact.kind], fact.at, text, Buffer.from(digest, 'hex'))
    if (fact.unique.length > 0) {
      const { codec, size, data } = encodeBytes(packBodies(fact.unique))
      this.#run.insertBodies.run(sequence, codec, size, data)
    }
    for (const body of fact.repeating) this.#keepRepeating(body, fact.at)
    head.sequence = sequence
    head.previous = digest
  }

  #keepRepeating({ digest, bytes }: DecodedBody, at: number): void {
    const name = digest.toString('hex')
    const known = this.#blobs.get(name) ?? this.#run.findBlob.get(digest)
    if (!known) {
      const { codec, size, data } = encodeBytes(bytes)
      const id = Number(this.#run.insertBlob.run(digest, codec, size, data).lastInsertRowid)
      this.#run.insertBlobUse.run(id, at)
      this.#blobs.set(name, { id, used: at })
    } else if (at - known.used > USE_STEP) {
      this.#run.useBlob.run(at, known.id)
      this.#blobs.set(name, { ...known, used: at })
    } else this.#blobs.set(name, known)
  }

  /** JSON text: salted digests by name. */
  #keepPersonal(fact: DecodedFact, sequence: number): string {
    if (fact.personal.length === 0) return '{}'
    const members = fact.personal.map(({ name, kind, value }) => {
      return `${JSON.stringify(name)}:"${this.#personal.keep(kind, value, sequence, fact.at)}"`
    })
    return `{${members.join(',')}}`
  }

  #upsertResource(row: Row): void {
    const [ca = '', authority = '', canonical = '', url = '', content = ''] = row
    const name = `${ca} ${authority} ${url}`
    if (this.#resources.get(name) === content) return
    const place = resourcePlace(ca, authority, canonical)
    const known = this.#run.findResource.get(place, ca, authority, canonical, url)
    if (known) this.#run.updateResource.run(mergeResource(known.content, content), known.id)
    else this.#run.insertResource.run(place, ca, authority, canonical, url, content)
    this.#resources.set(name, content)
  }
}

function isOutcomeOf(outcome: DecodedFact, intent: DecodedFact): boolean {
  return outcome.kind === 'outcome' && intent.kind === 'intent' && outcome.exchange === intent.exchange
}

function everyEntry(batch: Batch, reason: UnavailableReason, error: unknown): Failure[] {
  const message = messageOf(error)
  return Array.from({ length: batch.entries }, (_, index) => [index, reason, message])
}
