import type { Clock } from '../../exchange/clock.ts'
import type { EngineStore } from '../engine-store.ts'
import { INTERRUPTED } from './apply-plan.ts'
import type { PlanWithLines } from './make-plan.ts'

/** As `engine.reissue.schedule` has it. */
export interface ScheduleSettings {
  readonly where: string
  /** Seconds. */
  readonly every: number
  /** Most lines of a plan that is applied. */
  readonly max: number
}

export type ScheduleNews =
  | { readonly kind: 'applied'; readonly plan: PlanWithLines }
  /** Larger than it may be: made, and not applied. */
  | { readonly kind: 'tooLarge'; readonly plan: PlanWithLines; readonly lines: number; readonly max: number }
  | { readonly kind: 'failed'; readonly error: unknown }

export interface ScheduleParts {
  /** In force; null: there is none. Asked anew each time. */
  readonly settings: () => ScheduleSettings | null
  readonly store: Pick<EngineStore, 'plans'>
  /** Makes a plan as {@link SCHEDULE}. */
  readonly make: (where: string) => Promise<PlanWithLines>
  readonly apply: (plan: string, signal: AbortSignal) => Promise<PlanWithLines>
  readonly clock: Clock
  /** Whether the wall clock can be believed: one that is years ahead would have everything end soon. */
  readonly clockTrusted: () => boolean
  /** Told of what came of it; must not throw. */
  readonly onNews: (news: ScheduleNews) => void
}

/** `madeBy` of its plans. */
export const SCHEDULE = 'schedule'
/** ms between two looks at whether it is time: follows changed settings and a clock that was set. */
const LOOK = 60_000

/** Makes a plan every so often and applies it, if it is within the bounds. */
export class ReissueSchedule {
  readonly #parts: ScheduleParts
  readonly #closing = new AbortController()
  /** µs since 1970, of the last plan of this process: a plan may have been refused before it was kept. */
  #last: number | null = null
  #timer: NodeJS.Timeout | null = null
  #looking: Promise<void> = Promise.resolve()

  constructor(parts: ScheduleParts) {
    this.#parts = parts
  }

  start(): void {
    this.#lookIn(0)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    if (this.#timer) clearTimeout(this.#timer)
    await this.#looking
  }

  /** Makes and applies a plan where it is time, or goes on with one that was being applied when the process ended. */
  async look(): Promise<void> {
    const settings = this.#parts.settings()
    if (settings === null) return
    try {
      const ours = (await this.#parts.store.plans()).filter(({ madeBy }) => madeBy === SCHEDULE)
      const unfinished = ours.find(
        ({ state, stoppedBecause }) => state === 'running' || stoppedBecause === INTERRUPTED,
      )
      if (unfinished !== undefined) return await this.#apply(unfinished.id)
      if (!this.#parts.clockTrusted()) return
      const now = this.#parts.clock.now().wall
      const last = this.#last ?? ours[0]?.madeAt ?? 0
      // A clock that was set back does not silence it.
      if (last <= now && now < last + settings.every * 1e6) return
      this.#last = now
      const plan = await this.#parts.make(settings.where)
      const lines = plan.lines.filter(({ way }) => way !== null).length
      if (lines > settings.max) this.#parts.onNews({ kind: 'tooLarge', plan, lines, max: settings.max })
      else if (lines > 0) await this.#apply(plan.plan.id)
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#parts.onNews({ kind: 'failed', error })
    }
  }

  async #apply(id: string): Promise<void> {
    const plan = await this.#parts.apply(id, this.#closing.signal)
    if (!this.#closing.signal.aborted) this.#parts.onNews({ kind: 'applied', plan })
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.look().finally(() => {
        if (!this.#closing.signal.aborted) this.#lookIn(LOOK)
      })
    }, ms)
    this.#timer.unref()
  }
}
