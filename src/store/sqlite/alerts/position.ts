import type Database from 'better-sqlite3'
import type { Millis } from '../../../alerts/rule.ts'
import type { HappeningPlace } from '../inventory/happenings.ts'

/** Behind everything that one fact showed. */
const WHOLE_FACT = Number.MAX_SAFE_INTEGER

/** What alerts know of the record that they follow, in their table `state`. */
export class Position {
  readonly #get: Database.Statement<[string], { value: string }>
  readonly #set: Database.Statement<[string, string]>

  constructor(db: Database.Database) {
    this.#get = db.prepare('select value from state where name = ?')
    this.#set = db.prepare(
      'insert into state (name, value) values (?, ?) on conflict do update set value = excluded.value',
    )
  }

  /** The last happening that was evaluated; null before the first start. */
  get(): HappeningPlace | null {
    const value = this.#value('position')
    if (value === null) return null
    const [fact = 0, n = 0] = value.split(' ').map(Number)
    return { fact, n }
  }

  set({ fact, n }: HappeningPlace): void {
    this.#set.run('position', `${fact} ${n}`)
  }

  /**
   * Where to go on in a record with this `stream` and this last fact. What was recorded before the first start is no
   * alarm; neither is what a record holds that was put in the place of another, or back to an earlier state.
   */
  begin(stream: string, lastFact: number): HappeningPlace {
    const known = this.get()
    if (known !== null && this.#value('stream') === stream && known.fact <= lastFact) return known
    const place = { fact: lastFact, n: WHOLE_FACT }
    this.set(place)
    this.#set.run('stream', stream)
    return place
  }

  /** The latest time at which anything was done here; null before the first. */
  clock(): Millis | null {
    const value = this.#value('clock')
    return value === null ? null : Number(value)
  }

  setClock(now: Millis): void {
    this.#set.run('clock', `${now}`)
  }

  /** What could not be evaluated for its own sake. */
  leaveOut({ fact, n }: HappeningPlace, message: string): void {
    const [count = '0', first = `of fact ${fact} (${n}): ${message.slice(0, 200)}`] =
      this.#value('left_out')?.split('\n') ?? []
    this.#set.run('left_out', `${Number(count) + 1}\n${first}`)
  }

  /** For a person; null when nothing was left out. */
  leftOut(): string | null {
    const [count, first] = this.#value('left_out')?.split('\n') ?? []
    return count === undefined ? null : `${count} happenings could not be evaluated, first one ${first}`
  }

  /** Where a damaged database was put that was here before; null when there was none. */
  setAside(): string | null {
    return this.#value('set_aside')
  }

  noteSetAside(file: string): void {
    this.#set.run('set_aside', file)
  }

  #value(name: string): string | null {
    return this.#get.get(name)?.value ?? null
  }
}
