import type { Happening } from '../audit/inventory/happening.ts'
import type { HappeningPlace, InventoryCounts } from '../audit/inventory/inventory-counts.ts'

const PAGE = 1000

/**
 * Tells of everything that happened since the server started, once and in order, when somebody asks: metrics are right
 * whenever they are read, and cost nothing while nobody reads them.
 */
export class HappeningCounter {
  readonly #counts: Pick<InventoryCounts, 'happeningsAfter'>
  readonly #report: (happening: Happening) => void
  #place: Promise<HappeningPlace>

  constructor(counts: Pick<InventoryCounts, 'happeningsAfter'>, report: (happening: Happening) => void) {
    this.#counts = counts
    this.#report = report
    this.#place = this.#end()
    // Asked again by `catchUp`, which then rejects.
    this.#place.catch(() => {})
  }

  /** Resolves when all that the inventory knows was told. Rejects where it can't be asked. One at a time. */
  async catchUp(): Promise<void> {
    let place = await this.#place.catch(() => this.#end())
    for (;;) {
      const { happenings, place: next } = await this.#counts.happeningsAfter(place, PAGE)
      for (const happening of happenings) this.#report(happening)
      place = next
      this.#place = Promise.resolve(place)
      if (happenings.length < PAGE) return
    }
  }

  async #end(): Promise<HappeningPlace> {
    return (await this.#counts.happeningsAfter(null, 0)).place
  }
}
