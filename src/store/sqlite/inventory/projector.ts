/**
 * src/store/sqlite/inventory keeps what is derived from the record, in a database of its own. Start here: the
 * projector takes the facts in, in their order, and writes what they say together with how far it has come.
 */
import type Database from 'better-sqlite3'
import type { EventContent } from '../../../audit/event.ts'
import type { StoredIntent, StoredOutcome } from '../../../audit/record-store.ts'
import { messageOf } from '../../../exchange/message-of.ts'
import { EVENT, INTENT } from '../../tables.ts'
import { ExchangeTaker } from './exchange-taker.ts'
import type { FactRow, RecordFacts } from './record-facts.ts'
import { State } from './state.ts'

const READ_AT_ONCE = 128
/** µs: happenings are kept so long. */
const HAPPENINGS_KEPT = 8 * 86_400e6
/** ms between two looks at how old they may be. */
const LOOK_AT_AGE = 1_000

export class Projector {
  readonly #db: Database.Database
  readonly #facts: RecordFacts
  readonly #state: State
  readonly #taker: ExchangeTaker
  readonly #begin: Database.Statement
  readonly #commit: Database.Statement
  readonly #rollback: Database.Statement
  #position: number
  #waiting: FactRow[] = []
  #used = 0
  #lookedAt = Number.NEGATIVE_INFINITY
  /** Steps of an event that is not wholly taken in yet. */
  #steps: Iterator<void> | null = null

  constructor(inventory: Database.Database, facts: RecordFacts) {
    this.#db = inventory
    this.#facts = facts
    this.#state = new State(inventory)
    this.#taker = new ExchangeTaker(inventory, facts)
    this.#begin = inventory.prepare('begin immediate')
    this.#commit = inventory.prepare('commit')
    this.#rollback = inventory.prepare('rollback')
    this.#position = this.#state.position().sequence
  }

  /** Sequence number of the last fact that is in the inventory, durably together with what it said. */
  get position(): number {
    return this.#position
  }

  /**
   * Takes in facts for about `budget` ms, in one transaction. True when there is more. Throws SqliteError; then
   * nothing of it is in. A fact that can't be taken in for its own sake is left out, and counted in the state.
   */
  step(budget: number): boolean {
    try {
      return this.#slice(budget, (fact) => this.#take(fact))
    } catch (error) {
      this.#abandon()
      if (isOfStore(error)) throw error
    }
    try {
      return this.#slice(budget, (fact) => this.#takeApart(fact))
    } catch (error) {
      this.#abandon()
      throw error
    }
  }

  #slice(budget: number, take: (fact: FactRow) => boolean): boolean {
    const until = performance.now() + budget
    let fact = this.#next()
    if (fact === null) return false
    this.#begin.run()
    this.#lookAtAge()
    let last: FactRow | null = null
    while (fact !== null) {
      if (take(fact)) {
        last = fact
        this.#used += 1
      }
      if (performance.now() >= until) break
      fact = this.#next()
    }
    this.#taker.flush()
    if (last !== null) this.#state.setPosition(last.sequence, last.digest.toString('hex'))
    this.#commit.run()
    this.#position = last?.sequence ?? this.#position
    return fact !== null
  }

  /** Before the newest fact, whose clock may have run ahead. */
  #lookAtAge(): void {
    if (performance.now() - this.#lookedAt < LOOK_AT_AGE) return
    this.#lookedAt = performance.now()
    const newest = Math.min(this.#facts.lastAt() ?? 0, Date.now() * 1000)
    this.#taker.keepHappeningsFrom(newest - HAPPENINGS_KEPT)
  }

  #next(): FactRow | null {
    if (this.#used === this.#waiting.length) {
      this.#waiting = this.#facts.after(this.#waiting.at(-1)?.sequence ?? this.#position, READ_AT_ONCE)
      this.#used = 0
    }
    return this.#waiting[this.#used] ?? null
  }

  /** False when there is more of this fact. */
  #take(fact: FactRow): boolean {
    switch (fact.kind) {
      case INTENT:
        this.#taker.intent(JSON.parse(fact.text) as StoredIntent)
        return true
      case EVENT:
        return this.#event(fact)
      default:
        this.#taker.outcome(JSON.parse(fact.text) as StoredOutcome)
        return true
    }
  }

  /** Each behind a savepoint. */
  #takeApart(fact: FactRow): boolean {
    this.#taker.flush()
    this.#db.exec('savepoint fact')
    let whole = true
    try {
      whole = this.#take(fact)
      this.#taker.flush()
    } catch (error) {
      if (isOfStore(error)) throw error
      this.#db.exec('rollback to fact')
      this.#taker.forget()
      this.#steps = null
      this.#state.leaveOut(fact.sequence, messageOf(error))
    }
    this.#db.exec('release fact')
    return whole
  }

  /** One step of an event. Its steps may be repeated, so one that a crash cut short begins anew. */
  #event(fact: FactRow): boolean {
    this.#steps ??= this.#stepsOf(fact)
    if (this.#steps.next().done !== true) return false
    this.#steps = null
    return true
  }

  *#stepsOf(fact: FactRow): Iterator<void> {
    const event = JSON.parse(fact.text) as EventContent & { readonly exchange: string; readonly at: number }
    if (event.event === 'imported') {
      for (const certificate of event.certificates) {
        this.#taker.imported(event, certificate, fact.sequence)
        yield
      }
    }
    if (event.event === 'pruned') {
      if (event.what === 'bodies') this.#state.bodiesPruned(event.before)
      if (event.what === 'exchanges' && event.last !== null) {
        while (this.#taker.prune(event.last.sequence)) yield
      }
    }
  }

  #abandon(): void {
    try {
      if (this.#db.inTransaction) this.#rollback.run()
    } catch {
      // The error that led here is the one to tell. The next transaction can't begin, and comes here again.
    }
    this.#taker.forget()
    this.#waiting = []
    this.#used = 0
    this.#steps = null
  }
}

/** What the next try may not meet. A value that the tables do not take, they will not take then either. */
function isOfStore(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== 'SqliteError') return false
  return !/^SQLITE_(CONSTRAINT|MISMATCH|RANGE|TOOBIG)/.test(String((error as { code?: unknown }).code))
}
