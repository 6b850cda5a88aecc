import type Database from 'better-sqlite3'
import { SCHEMA } from './schema.ts'

export interface Position {
  /** Of the last fact that was taken in; 0 before the first. */
  readonly sequence: number
  /** Its digest, hex; empty before the first. */
  readonly digest: string
}

/** What the inventory knows of itself, in its table `state`. */
export class State {
  readonly #get: Database.Statement<[string], { value: string }>
  readonly #set: Database.Statement<[string, string]>
  readonly #remove: Database.Statement<[string]>

  constructor(db: Database.Database) {
    this.#get = db.prepare('select value from state where name = ?')
    this.#set = db.prepare(
      'insert into state (name, value) values (?, ?) on conflict do update set value = excluded.value',
    )
    this.#remove = db.prepare('delete from state where name = ?')
  }

  /** Made by this code. */
  isOfSchema(): boolean {
    return this.#value('schema') === SCHEMA
  }

  /** Of the record that it was made from; null before the first fact. */
  stream(): string | null {
    return this.#value('stream')
  }

  setStream(stream: string): void {
    this.#set.run('stream', stream)
  }

  position(): Position {
    const [sequence = '0', digest = ''] = (this.#value('position') ?? '').split(' ')
    return { sequence: Number(sequence) || 0, digest }
  }

  setPosition(sequence: number, digest: string): void {
    this.#set.run('position', `${sequence} ${digest}`)
  }

  /** Up to which fact a rebuild that is under way goes; null when none is. */
  rebuildUntil(): number | null {
    const until = this.#value('rebuild')
    return until === null ? null : Number(until)
  }

  setRebuildUntil(sequence: number | null): void {
    if (sequence === null) this.#remove.run('rebuild')
    else this.#set.run('rebuild', String(sequence))
  }

  /** Happenings up to this fact were kept as they were: those facts tell none. 0 when all come from the facts. */
  happeningsUntil(): number {
    return Number(this.#value('happenings_until') ?? 0)
  }

  setHappeningsUntil(sequence: number): void {
    this.#set.run('happenings_until', String(sequence))
  }

  /** µs: bodies of older facts may be gone. 0 when none are. */
  bodiesBefore(): number {
    return Number(this.#value('bodies_before') ?? 0)
  }

  bodiesPruned(before: number): void {
    this.#set.run('bodies_before', String(Math.max(before, this.bodiesBefore())))
  }

  /** A fact that could not be taken in for its own sake. */
  leaveOut(sequence: number, message: string): void {
    const known = this.#value('left_out')
    const [count = '0', first = `fact ${sequence}: ${message.slice(0, 200)}`] = known?.split('\n') ?? []
    this.#set.run('left_out', `${Number(count) + 1}\n${first}`)
  }

  /** For a person; null when nothing was left out. */
  leftOut(): string | null {
    const known = this.#value('left_out')
    if (known === null) return null
    const [count, first] = known.split('\n')
    return `${count} facts could not be read and are not in the inventory, first ${first}`
  }

  #value(name: string): string | null {
    return this.#get.get(name)?.value ?? null
  }
}
