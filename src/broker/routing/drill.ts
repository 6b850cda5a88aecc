import type { Clock } from '../../exchange/clock.ts'
import { IssuerError } from '../issuer.ts'

export interface DrillEntry {
  readonly ca: string
  /** Whose orders; null: everybody's. */
  readonly labels: readonly string[] | null
  /** µs since 1970. */
  readonly until: number
}

/** Pretends that a CA is down for chosen clients, so that failover is seen to work before it is needed. In memory alone. */
export class Drill {
  readonly #entries = new Map<string, DrillEntry>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** One for each CA: another takes its place. */
  set(entry: DrillEntry): void {
    this.#entries.set(entry.ca, entry)
  }

  /** False: there was none. */
  clear(ca: string): boolean {
    return this.#entries.delete(ca)
  }

  list(): readonly DrillEntry[] {
    const now = this.#clock.now().wall
    for (const { ca, until } of this.#entries.values()) if (until <= now) this.#entries.delete(ca)
    return [...this.#entries.values()]
  }

  /** Throws what a CA that is down gives, before anything is sent to it. */
  check(ca: string, label: string | null): void {
    if (this.#entries.size === 0) return
    const entry = this.list().find((each) => each.ca === ca)
    if (entry === undefined) return
    if (entry.labels !== null && (label === null || !entry.labels.includes(label))) return
    throw new DrillError(ca, `CA "${ca}" is taken for down: a drill (acmetap broker drill)`)
  }
}

/** It says nothing of the CA. */
export class DrillError extends IssuerError {
  constructor(ca: string, message: string) {
    super(ca, 'unavailable', message)
  }
}
