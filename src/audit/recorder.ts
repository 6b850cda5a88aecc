import { setTimeout as sleep } from 'node:timers/promises'
import { AcmeProblem } from '../acme/problem.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Completed, Decided } from '../exchange/exchange.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import { messageOf } from '../exchange/message-of.ts'
import type { Admitted, Recorded, Taught } from '../exchange/pipeline.ts'
import { NOTHING_LEARNED } from '../exchange/resource.ts'
import { intentFact, type RecordContext } from './intent.ts'
import { bareOutcome, outcomeFact, plainOutcome } from './outcome.ts'
import { Places } from './places.ts'
import type { Entry, FactDraft } from './record.ts'
import { type RecordStore, StoreUnavailable } from './record-store.ts'
import type { Spill } from './spill.ts'

/** Milliseconds. A client must hear of an unwritable record within 2 s; both limits leave room for the rest. */
export interface RecorderLimits {
  readonly inFlight: number
  /** Blind tunnels, which may last for hours, are counted apart: they can't take the place of ACME exchanges. */
  readonly tunnels: number
  readonly intentDeadline: number
  readonly outcomeDeadline: number
  readonly recoveryInterval: number
}

export const RECORDER_LIMITS: RecorderLimits = {
  inFlight: 512,
  tunnels: 256,
  intentDeadline: 1500,
  outcomeDeadline: 1500,
  recoveryInterval: 250,
}

/** What happened to the record, for logs and metrics. */
export type RecorderEvent =
  | { kind: 'unavailable'; fact: 'intent' | 'outcome'; reason: string; message: string }
  | { kind: 'spilled'; exchange: string; reason: string }
  | { kind: 'held'; exchange: string; message: string }
  | { kind: 'lost'; exchange: string; message: string }
  | { kind: 'imported'; count: number }
  | { kind: 'recovered' }
  | { kind: 'bug'; exchange: string; error: unknown }

/**
 * Writes the two facts of each exchange, in time or not at all.
 *
 * An intent that is not durable by its deadline means 503 and nothing sent; should it have become durable all the
 * same it gets the outcome `notSent`. An outcome the store does not take goes to the spill file, and from there
 * into the store once that works again. Room for the outcome is reserved before the intent is written.
 *
 * After a failure the recorder tries the store by itself until it can be written again: no request has to come.
 */
export class Recorder {
  readonly #store: RecordStore
  readonly #spill: Spill
  readonly #clock: Clock
  readonly #limits: RecorderLimits
  readonly #onEvent: (event: RecorderEvent) => void
  #context: RecordContext
  readonly #exchanges: Places
  readonly #tunnels: Places
  #lastWritten = performance.now()
  #held: Entry[] = []
  #healthy = true
  /** Refused for want of a durable intent, which may be in the store all the same: a failed commit can have worked. */
  #unsent: ExchangeId[] = []
  #recovery: NodeJS.Timeout | null = null
  #recovering = false
  #importing: Promise<number> | null = null
  #closed = false

  constructor(
    store: RecordStore,
    spill: Spill,
    clock: Clock,
    context: RecordContext,
    limits: RecorderLimits,
    onEvent: (event: RecorderEvent) => void,
  ) {
    this.#store = store
    this.#spill = spill
    this.#clock = clock
    this.#context = context
    this.#limits = limits
    this.#exchanges = new Places(limits.inFlight, LINE_LIMIT)
    // A tunnel waits for nothing: it may last for hours.
    this.#tunnels = new Places(limits.tunnels, 0)
    this.#onEvent = onEvent
  }

  /** The configuration and policy in force from now on. */
  use(context: RecordContext): void {
    this.#context = context
  }

  /** Exchanges with CAs; tunnels are not among them. */
  get inFlight(): number {
    return this.#exchanges.taken
  }

  get tunnels(): number {
    return this.#tunnels.taken
  }

  /** False from the first fact the store refuses until it can be written again. */
  get healthy(): boolean {
    return this.#healthy
  }

  /** Whether the store takes a write now. Asked for real at most every two seconds, so that a scrape costs little. */
  async isWritable(): Promise<boolean> {
    const now = performance.now()
    if (this.#healthy && now - this.#lastWritten > 2000) {
      try {
        await this.#within(this.#store.probe(), this.#limits.intentDeadline)
        this.#works()
      } catch (error) {
        this.#failed('intent', error)
      }
    }
    return this.#healthy
  }

  /** Resolves when the intent is durable; only then may the request be sent. Rejects with the 503 to answer. */
  async recordRequest(exchange: Admitted): Promise<Recorded> {
    const end = performance.now() + this.#limits.intentDeadline
    const append = await this.#appendAdmitted(exchange, () => [intentFact(exchange, this.#context)])
    try {
      await this.#within(append.done, end - performance.now())
    } catch (error) {
      void this.#giveUp(exchange, append.done)
      throw this.#failed('intent', error)
    }
    this.#works()
    return { ...exchange, intent: 'durable' }
  }

  /**
   * Resolves when the outcome is durable, in the store or in the spill file. For a sent request it always
   * resolves: the CA's answer is the client's. For a refusal it writes both facts, and rejects with a 503.
   */
  async recordOutcome(exchange: Taught): Promise<Completed> {
    const completed: Completed = { ...exchange, completedAt: this.#clock.now() }
    const fact = this.#outcomeFact(completed)
    if (exchange.intent === 'none') await this.#recordRefusal(exchange, fact)
    else await this.#recordAnswer({ facts: [fact], learned: exchange.learned }, exchange)
    return completed
  }

  #outcomeFact(exchange: Completed): FactDraft {
    try {
      return outcomeFact(exchange, this.#context.privacy)
    } catch (error) {
      this.#onEvent({ kind: 'bug', exchange: exchange.id, error })
      return plainOutcome(exchange)
    }
  }

  async #recordRefusal(exchange: Taught, fact: FactDraft): Promise<void> {
    const end = performance.now() + this.#limits.intentDeadline
    const append = await this.#appendAdmitted(exchange, () => [intentFact(exchange, this.#context), fact])
    append.done.finally(() => this.#release(exchange)).catch(() => undefined)
    try {
      await this.#within(append.done, end - performance.now())
    } catch (error) {
      throw this.#failed('intent', error)
    }
    this.#works()
  }

  async #recordAnswer(entry: Entry, exchange: Taught): Promise<void> {
    const append = this.#store.append(entry)
    try {
      await this.#within(append, this.#limits.outcomeDeadline)
      this.#works()
    } catch (error) {
      this.#failed('outcome', error)
      await this.#toSpill(entry, exchange.id, error)
    } finally {
      this.#release(exchange)
    }
  }

  async #toSpill(entry: Entry, exchange: ExchangeId, cause: unknown): Promise<void> {
    try {
      await this.#spill.write(entry)
      this.#onEvent({ kind: 'spilled', exchange, reason: reasonOf(cause) })
    } catch (error) {
      if (this.#held.length < HELD_LIMIT) {
        this.#held.push(entry)
        this.#onEvent({ kind: 'held', exchange, message: messageOf(error) })
      } else this.#onEvent({ kind: 'lost', exchange, message: messageOf(error) })
    }
  }

  /**
   * Bring in what an earlier run or a past failure left in the spill file. An outcome the store had taken after
   * all is left out by it. Rejects with the store's error; what was not taken stays in the file.
   */
  importSpill(): Promise<number> {
    this.#importing ??= this.#spill
      .drain(async (entries) => {
        for (const entry of entries) await this.#store.append(entry)
      })
      .then((count) => {
        if (count > 0) this.#onEvent({ kind: 'imported', count })
        return count
      })
      .finally(() => {
        this.#importing = null
      })
    return this.#importing
  }

  /** Resolves when no exchange is under way, or after `limit` ms: one whose client has gone still has its outcome to come. */
  async drain(limit: number): Promise<void> {
    const end = performance.now() + limit
    while (this.inFlight + this.tunnels > 0 && performance.now() < end) await sleep(20)
  }

  /** Resolves always, in the time an outcome has; what could not be imported waits in the file for the next start. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#recovery) clearTimeout(this.#recovery)
    await this.#within(this.#settle(), this.#limits.outcomeDeadline).catch(() => undefined)
    await this.#spill.close()
  }

  /** Takes a place, then makes the facts and gives them to the store. A bug in making them takes no place. */
  async #appendAdmitted(exchange: Decided, facts: () => FactDraft[]): Promise<{ done: Promise<void> }> {
    await this.#admit(exchange)
    try {
      return { done: this.#store.append({ facts: facts(), learned: NOTHING_LEARNED }) }
    } catch (error) {
      this.#release(exchange)
      throw error
    }
  }

  /** Rejects with a 503 where no place becomes free in time. */
  async #admit(exchange: Decided): Promise<void> {
    if (this.#spill.room <= this.inFlight + this.tunnels) {
      this.#recoverSoon()
      throw this.#refusal('full', 'the spill file has no room for another outcome')
    }
    const taken = await this.#placesFor(exchange).take(this.#limits.intentDeadline * PLACE_SHARE)
    if (!taken) throw this.#refusal('other', 'too many exchanges wait for the record')
  }

  #release(exchange: Decided): void {
    this.#placesFor(exchange).release()
  }

  #placesFor({ otherHost }: Decided): Places {
    return otherHost ? this.#tunnels : this.#exchanges
  }

  /** The place of a request that was not sent is free again when its intent is settled, one way or the other. */
  async #giveUp(exchange: Decided, append: Promise<void>): Promise<void> {
    try {
      await append
      await this.#closeUnsent(exchange.id)
    } catch {
      if (this.#unsent.length < UNSENT_LIMIT) this.#unsent.push(exchange.id)
      this.#recoverSoon()
    } finally {
      this.#release(exchange)
    }
  }

  #closeUnsent(id: ExchangeId): Promise<void> {
    const { wall, monotonic } = this.#clock.now()
    const facts = [bareOutcome(id, 'notSent', wall, monotonic)]
    return this.#store.append({ facts, learned: NOTHING_LEARNED })
  }

  #works(): void {
    this.#lastWritten = performance.now()
    if (this.#healthy) return
    this.#healthy = true
    this.#onEvent({ kind: 'recovered' })
  }

  #recoverSoon(): void {
    if (this.#recovery || this.#recovering || this.#closed) return
    this.#recovery = setTimeout(() => {
      this.#recovery = null
      void this.#recover()
    }, this.#limits.recoveryInterval).unref()
  }

  async #recover(): Promise<void> {
    this.#recovering = true
    let settled = false
    try {
      await this.#within(this.#store.probe(), this.#limits.outcomeDeadline)
      this.#works()
      await this.#settle()
      settled =
        this.#healthy && this.#unsent.length === 0 && this.#held.length === 0 && this.#spill.bytes === 0
    } catch {
      // Tried again: what the store refuses is told where a fact is refused.
    }
    this.#recovering = false
    if (!settled) this.#recoverSoon()
  }

  /** Write what the store has not been told yet. */
  async #settle(): Promise<void> {
    const unsent = this.#unsent
    this.#unsent = []
    while (unsent.length > 0) {
      try {
        await this.#closeUnsent(unsent[0]!)
        unsent.shift()
      } catch (error) {
        this.#unsent = [...unsent, ...this.#unsent]
        throw error
      }
    }
    await this.#appendHeld()
    await this.importSpill()
  }

  async #appendHeld(): Promise<void> {
    while (this.#held.length > 0) {
      await this.#store.append(this.#held[0]!)
      this.#held.shift()
    }
  }

  #failed(fact: 'intent' | 'outcome', cause: unknown): AcmeProblem {
    this.#healthy = false
    this.#onEvent({ kind: 'unavailable', fact, reason: reasonOf(cause), message: messageOf(cause) })
    this.#recoverSoon()
    return notSent()
  }

  /** Refused for want of room: the store may be well. */
  #refusal(reason: string, message: string): AcmeProblem {
    this.#onEvent({ kind: 'unavailable', fact: 'intent', reason, message })
    return notSent()
  }

  #within(work: Promise<unknown>, deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Late()), deadline)
      work.then(
        () => {
          clearTimeout(timer)
          resolve()
        },
        (error: unknown) => {
          clearTimeout(timer)
          reject(error)
        },
      )
    })
  }
}

/** Who may wait for a place, and for how much of an intent's deadline: the rest is the store's. */
const LINE_LIMIT = 4096
const PLACE_SHARE = 0.5
/** Exchanges whose intent is in doubt; beyond that many the next start closes them as `unknown`. */
const UNSENT_LIMIT = 10_000
/** Outcomes that neither the store nor the spill file took, kept in memory until the store works again. */
const HELD_LIMIT = 1_000

function notSent(): AcmeProblem {
  return new AcmeProblem(
    'serverInternal',
    'acmetap cannot write its record, so the request was not sent to the CA; try again shortly',
    { status: 503, retryAfter: 5 },
  )
}

class Late extends Error {
  constructor() {
    super('the store did not answer in time')
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof StoreUnavailable) return error.reason
  return error instanceof Late ? 'late' : 'other'
}
