import { AcmeProblem } from '../acme/problem.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Completed, Decided } from '../exchange/exchange.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { Recorded, Taught } from '../exchange/pipeline.ts'
import { NOTHING_LEARNED } from '../exchange/resource.ts'
import { intentFact, type RecordContext } from './intent.ts'
import { bareOutcome, outcomeFact } from './outcome.ts'
import type { Entry, FactDraft } from './record.ts'
import { type RecordStore, StoreUnavailable } from './record-store.ts'
import type { Spill } from './spill.ts'

/** Milliseconds. A client must hear of an unwritable record within 2 s; both limits leave room for the rest. */
export interface RecorderLimits {
  readonly inFlight: number
  readonly intentDeadline: number
  readonly outcomeDeadline: number
  readonly recoveryInterval: number
}

export const RECORDER_LIMITS: RecorderLimits = {
  inFlight: 512,
  intentDeadline: 1500,
  outcomeDeadline: 1500,
  recoveryInterval: 250,
}

/** What happened to the record, for logs and metrics. */
export type RecorderEvent =
  | { kind: 'unavailable'; fact: 'intent' | 'outcome'; reason: string; message: string }
  | { kind: 'spilled'; exchange: string; reason: string }
  | { kind: 'lost'; exchange: string; message: string }
  | { kind: 'imported'; count: number }
  | { kind: 'recovered' }

/**
 * Writes the two facts of each exchange, in time or not at all.
 *
 * An intent that is not durable by its deadline means 503 and nothing sent; should it become durable later it
 * gets the outcome `notSent`. An outcome the store does not take goes to the spill file, and from there into the
 * store once that works again. Room for the outcome is reserved before the intent is written.
 */
export class Recorder {
  readonly #store: RecordStore
  readonly #spill: Spill
  readonly #clock: Clock
  readonly #limits: RecorderLimits
  readonly #onEvent: (event: RecorderEvent) => void
  #context: RecordContext
  #inFlight = 0
  #healthy = true
  #recovery: NodeJS.Timeout | null = null
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
    this.#onEvent = onEvent
  }

  /** The configuration and policy in force from now on. */
  use(context: RecordContext): void {
    this.#context = context
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** False from the first failed fact until one is written again. */
  get healthy(): boolean {
    return this.#healthy
  }

  /** Resolves when the intent is durable; only then may the request be sent. Rejects with the 503 to answer. */
  async recordRequest(exchange: Decided): Promise<Recorded> {
    this.#admit()
    const append = this.#store.append({
      facts: [intentFact(exchange, this.#context)],
      learned: NOTHING_LEARNED,
    })
    try {
      await this.#within(append, this.#limits.intentDeadline)
    } catch (error) {
      if (error instanceof Late) this.#closeLateIntent(exchange.id, append)
      else this.#inFlight -= 1
      throw this.#unavailable('intent', error)
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
    const fact = outcomeFact(completed)
    if (exchange.intent === 'none') await this.#recordRefusal(exchange, fact)
    else await this.#recordAnswer({ facts: [fact], learned: exchange.learned }, exchange.id)
    return completed
  }

  async #recordRefusal(exchange: Taught, fact: FactDraft): Promise<void> {
    this.#admit()
    const append = this.#store.append({
      facts: [intentFact(exchange, this.#context), fact],
      learned: NOTHING_LEARNED,
    })
    append
      .finally(() => {
        this.#inFlight -= 1
      })
      .catch(() => undefined)
    try {
      await this.#within(append, this.#limits.intentDeadline)
      this.#works()
    } catch (error) {
      throw this.#unavailable('intent', error)
    }
  }

  async #recordAnswer(entry: Entry, id: ExchangeId): Promise<void> {
    const append = this.#store.append(entry)
    try {
      await this.#within(append, this.#limits.outcomeDeadline)
      this.#works()
    } catch (error) {
      this.#unavailable('outcome', error)
      append.catch(() => undefined)
      await this.#toSpill(entry, id, error)
    } finally {
      this.#inFlight -= 1
    }
  }

  async #toSpill(entry: Entry, exchange: ExchangeId, cause: unknown): Promise<void> {
    try {
      await this.#spill.write(entry)
      this.#onEvent({ kind: 'spilled', exchange, reason: reasonOf(cause) })
      this.#recover()
    } catch (error) {
      this.#onEvent({ kind: 'lost', exchange, message: messageOf(error) })
    }
  }

  /**
   * Bring in what an earlier run or a past failure left in the spill file. An outcome the store had taken after
   * all is left out by it.
   */
  async importSpill(): Promise<number> {
    const count = await this.#spill.drain(async (entries) => {
      for (const entry of entries) await this.#store.append(entry)
    })
    if (count > 0) this.#onEvent({ kind: 'imported', count })
    return count
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#recovery) clearTimeout(this.#recovery)
    await this.importSpill().catch(() => 0)
    await this.#spill.close()
  }

  #admit(): void {
    if (this.#inFlight >= this.#limits.inFlight)
      throw this.#unavailable(
        'intent',
        new StoreUnavailable('other', 'too many exchanges wait for the record'),
      )
    if (this.#spill.room <= this.#inFlight)
      throw this.#unavailable(
        'intent',
        new StoreUnavailable('full', 'the spill file has no room for another outcome'),
      )
    this.#inFlight += 1
  }

  #closeLateIntent(id: string, append: Promise<void>): void {
    append
      .then(() => {
        const { wall, monotonic } = this.#clock.now()
        return this.#store.append({
          facts: [bareOutcome(id, 'notSent', wall, monotonic)],
          learned: NOTHING_LEARNED,
        })
      })
      .catch(() => undefined)
      .finally(() => {
        this.#inFlight -= 1
      })
  }

  #works(): void {
    if (this.#healthy) return
    this.#healthy = true
    this.#onEvent({ kind: 'recovered' })
    this.#recover()
  }

  #recover(): void {
    if (this.#recovery || this.#closed) return
    this.#recovery = setTimeout(() => {
      this.#recovery = null
      this.importSpill().then(
        (count) => {
          if (count > 0) this.#works()
        },
        () => this.#recover(),
      )
    }, this.#limits.recoveryInterval).unref()
  }

  #unavailable(fact: 'intent' | 'outcome', cause: unknown): AcmeProblem {
    this.#healthy = false
    this.#onEvent({ kind: 'unavailable', fact, reason: reasonOf(cause), message: messageOf(cause) })
    return new AcmeProblem(
      'serverInternal',
      'acmetap cannot write its record, so the request was not sent to the CA; try again shortly',
      { status: 503, retryAfter: 5 },
    )
  }

  async #within(work: Promise<void>, deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Late()), deadline)
    })
    try {
      await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
