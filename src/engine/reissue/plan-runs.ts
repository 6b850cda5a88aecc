import { EngineError } from '../engine-error.ts'
import { type ApplyParts, type ApplyWatch, applyPlan } from './apply-plan.ts'
import type { PlanWithLines } from './make-plan.ts'

/** Applies plans; each by one at a time, whoever asks. */
export class PlanRuns {
  readonly #parts: ApplyParts
  readonly #running = new Set<string>()

  constructor(parts: ApplyParts) {
    this.#parts = parts
  }

  /** As {@link applyPlan}; rejects with EngineError (`input`) too where it is being applied. */
  async apply(id: string, watch: ApplyWatch): Promise<PlanWithLines> {
    if (this.#running.has(id))
      throw new EngineError(
        'input',
        `plan ${id} is being applied already: acmetap reissue plans shows how far it is`,
      )
    this.#running.add(id)
    try {
      return await applyPlan(this.#parts, id, watch)
    } finally {
      this.#running.delete(id)
    }
  }
}
