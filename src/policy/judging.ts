import type { PolicyFacts } from './facts.ts'
import type { Possible } from './possible.ts'

/** One evaluation: the facts, and what conditions that do not depend on the name have said of them. */
export class Judging {
  readonly facts: PolicyFacts
  /** By slot of a condition; 0 where it was not asked. */
  readonly kept: Uint8Array<ArrayBuffer> & { [slot: number]: Possible }
  /** Conditions that were worked out, kept answers not counted. */
  worked = 0

  constructor(facts: PolicyFacts, slots: number) {
    this.facts = facts
    this.kept = new Uint8Array(slots)
  }
}
