import { setTimeout as sleep } from 'node:timers/promises'
import type { Actor, EventContent, EventDetails } from '../../audit/event.ts'
import { ACMETAP } from '../../audit/event.ts'
import { eventFact } from '../../audit/event-recorder.ts'
import type { Forgotten, Pruned, RecordKeeping } from '../../audit/keeping.ts'
import { personOf } from '../../audit/person.ts'
import { StoreUnavailable } from '../../audit/record-store.ts'
import type { Role, Token, TokenStore } from '../../audit/token.ts'
import type { Clock } from '../../exchange/clock.ts'
import { NOTHING_LEARNED } from '../../exchange/resource.ts'
import { type Batch, encodeEntry, packBatch } from './batch.ts'
import type { Found } from './person-search.ts'
import { USE_STEP } from './personal-keeper.ts'
import type { Step } from './removal.ts'
import type { SqliteReader } from './sqlite-record-reader.ts'
import type { SqliteRecordStore } from './sqlite-record-store.ts'
import type { TokenRow } from './writer-statements.ts'

export interface KeepingOptions {
  readonly clock: Clock
  /** Label of the installation, for events. */
  readonly instance: string
  /** What a text was hashed to; null where nothing ever was. */
  readonly pseudonym: () => ((text: string) => string) | null
}

const ERASED_AT_ONCE = 64
/** How long readers of the log are waited for, ms: a snapshot is held for 5 s at most. */
const LOG_LIMIT = 20_000

/** Takes things out of the record, and keeps the tokens: the event loop's side. The writer works in steps of a few ms. */
export class SqliteKeeping implements RecordKeeping, TokenStore {
  readonly #writer: Pick<SqliteRecordStore, 'ask'>
  readonly #reader: SqliteReader
  readonly #options: KeepingOptions

  constructor(writer: Pick<SqliteRecordStore, 'ask'>, reader: SqliteReader, options: KeepingOptions) {
    this.#writer = writer
    this.#reader = reader
    this.#options = options
  }

  async forget(value: string, actor: Actor, dry: boolean): Promise<Forgotten> {
    if (value.trim() === '') return { values: 0, bodies: 0, kinds: [] }
    const found = await this.#search(value)
    const bodies = found.filter(({ kind }) => kind === 'body')
    const values = found.filter(({ kind }) => kind !== 'body')
    const kinds = [...new Set(found.map(({ kind }) => kind))].sort()
    const forgotten = { values: values.length, bodies: bodies.length, kinds }
    if (dry) return forgotten
    // The values go last, with the event: what was cut off is found again by them.
    for (let at = 0; at < bodies.length; at += ERASED_AT_ONCE) {
      await this.#erase(bodies.slice(at, at + ERASED_AT_ONCE), null)
    }
    if (found.length > 0) await this.#erase(values, this.#event({ event: 'forgotten', ...forgotten }, actor))
    await this.#emptyLog()
    return forgotten
  }

  async prune(
    before: Readonly<Record<Pruned['kind'], number | null>>,
    through: number,
    signal: AbortSignal,
  ): Promise<readonly Pruned[]> {
    const { exchanges, bodies, personal } = before
    const pruned: Pruned[] = []
    if (exchanges !== null) {
      pruned.push({ kind: 'exchanges', removed: await this.#pruneExchanges(exchanges, through, signal) })
    }
    // Bodies of facts that are gone went with them.
    if (bodies !== null && (exchanges === null || bodies > exchanges)) {
      pruned.push({ kind: 'bodies', removed: await this.#pruneBodies(bodies, through, signal) })
    }
    if (personal !== null) {
      await this.#steps('removePersonal', personal - USE_STEP, signal)
      pruned.push({ kind: 'personal', removed: await this.#tell('personal', personal) })
    }
    return pruned
  }

  async tokens(): Promise<readonly Token[]> {
    const rows = await this.#writer.ask<readonly TokenRow[]>('tokens', null)
    return rows.map(({ id, name, role, digest, created_at: createdAt, expires }) => ({
      id,
      name,
      role: role as Role,
      digest: Buffer.from(digest).toString('hex'),
      createdAt,
      expires,
    }))
  }

  async addToken({ id, name, role, digest, createdAt, expires }: Token, event: EventContent): Promise<void> {
    const row = { id, name, role, digest: Buffer.from(digest, 'hex'), created_at: createdAt, expires }
    await this.#writer.ask('addToken', { row, event: this.#batch(event) })
  }

  removeToken(id: string, event: EventContent): Promise<boolean> {
    return this.#writer.ask('removeToken', { id, event: this.#batch(event) })
  }

  /** Returns how many facts go. The event that tells it is durable before the first of them does. */
  async #pruneExchanges(before: number, through: number, signal: AbortSignal): Promise<number> {
    const anchor = await this.#reader.anchor()
    // What an earlier run was cut off from.
    if (anchor !== null) await this.#removeUpTo(anchor.sequence, signal)
    const { first, last, unusedBefore } = await this.#reader.prunable(before, through, 0)
    if (first === null || last === null || signal.aborted) return 0
    const removed = last.sequence - first + 1
    const event = this.#event({ event: 'pruned', what: 'exchanges', before, removed, last }, ACMETAP)
    await this.#writer.ask('moveAnchor', { anchor: last, event })
    await this.#removeUpTo(last.sequence, signal)
    await this.#steps('removeBlobs', unusedBefore - USE_STEP, signal)
    return removed
  }

  async #removeUpTo(sequence: number, signal: AbortSignal): Promise<void> {
    await this.#steps('removeFacts', null, signal)
    await this.#steps('removePersonalOf', { through: sequence, counted: false }, signal)
  }

  async #pruneBodies(before: number, through: number, signal: AbortSignal): Promise<number> {
    const done = await this.#writer.ask<number>('bodiesThrough', null)
    const { last } = await this.#reader.prunable(before, through, done)
    if (last !== null) {
      await this.#steps('removeBodies', last.sequence, signal)
      await this.#steps('removePersonalOf', { through: last.sequence, counted: true }, signal)
    }
    return this.#tell('bodies', before)
  }

  async #tell(what: 'bodies' | 'personal', before: number): Promise<number> {
    const removed = await this.#writer.ask<number>('pending', what)
    if (removed > 0) {
      const event = this.#event({ event: 'pruned', what, before, removed, last: null }, ACMETAP)
      await this.#writer.ask('tell', { what, event })
    }
    return removed
  }

  /** Between two steps the writer is others' for as long as the step took. */
  async #steps(name: string, argument: unknown, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const began = performance.now()
      const { done } = await this.#writer.ask<Step>(name, argument)
      if (done) return
      await sleep(Math.min(50, performance.now() - began))
    }
  }

  async #search(value: string): Promise<readonly Found[]> {
    const person = personOf(value, this.#options.pseudonym())
    const found = new Map<string, Found>()
    let after: number | null = 0
    while (after !== null) {
      const page = await this.#reader.namedBy(person, after)
      for (const one of page.found) found.set(one.digest, one)
      after = page.next
    }
    return [...found.values()]
  }

  async #erase(found: readonly Found[], event: Batch | null): Promise<void> {
    await this.#writer.ask('erase', { digests: found.map(({ digest }) => digest), event })
  }

  /** Until then what was erased stands in the log. */
  async #emptyLog(): Promise<void> {
    const end = performance.now() + LOG_LIMIT
    while (!(await this.#writer.ask<boolean>('emptyLog', null))) {
      if (performance.now() > end) {
        throw new StoreUnavailable(
          'locked',
          'the values are erased, but somebody reads the record and keeps them in its log; do it again when nobody does',
        )
      }
      await sleep(100)
    }
  }

  #event(details: EventDetails, actor: Actor): Batch {
    return this.#batch({ ...details, actor, instance: this.#options.instance })
  }

  #batch(event: EventContent): Batch {
    return packBatch([
      encodeEntry({ facts: [eventFact(event, this.#options.clock)], learned: NOTHING_LEARNED }),
    ])
  }
}
