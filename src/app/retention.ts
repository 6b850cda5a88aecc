import type { InventoryReader } from '../audit/inventory/inventory-reader.ts'
import type { Pruned, RecordKeeping } from '../audit/keeping.ts'
import type { Config } from '../config/schema.ts'
import type { Clock } from '../exchange/clock.ts'

/** A start has more urgent things to do. */
const FIRST = 60_000
const EVERY = 3_600_000

/** Removes what has become older than the configuration lets it, once an hour. `report` is told of what went, or why it did not. */
export class Retention {
  readonly #ending = new AbortController()
  readonly #ended: Promise<void>

  constructor(
    keeping: RecordKeeping,
    inventory: Pick<InventoryReader, 'progress'>,
    clock: Clock,
    ages: () => Config['retention'],
    report: (pruned: readonly Pruned[] | Error) => void,
  ) {
    const { signal } = this.#ending
    this.#ended = (async () => {
      for (let wait = FIRST; await paused(wait, signal); wait = EVERY) {
        try {
          const { projected, rebuilding } = await inventory.progress()
          if (rebuilding) continue
          const pruned = await keeping.prune(limitsOf(ages(), clock.now().wall), projected, signal)
          if (pruned.some(({ removed }) => removed > 0)) report(pruned)
        } catch (error) {
          if (!signal.aborted) report(error instanceof Error ? error : new Error(String(error)))
        }
      }
    })()
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await this.#ended
  }
}

/** µs since 1970: what is older goes. */
function limitsOf(ages: Config['retention'], now: number) {
  const before = (age: Config['retention'][keyof Config['retention']]) =>
    age === 'forever' ? null : now - age * 1000
  return {
    exchanges: before(ages.exchanges),
    bodies: before(ages.bodies),
    personal: before(ages.personal),
  }
}

/** False when it ended instead. */
function paused(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), ms)
    timer.unref()
    const end = () => {
      clearTimeout(timer)
      resolve(false)
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
