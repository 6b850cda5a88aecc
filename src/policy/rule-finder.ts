import { Bits } from './bits.ts'
import { type Clause, clausesOf } from './clause.ts'
import type { PolicyDocument } from './document.ts'
import type { Judged } from './judged.ts'
import type { Judging } from './judging.ts'
import type { PatternSets } from './pattern-sets.ts'
import { RulesByName } from './rules-by-name.ts'
import { RulesByRequest } from './rules-by-request.ts'

/** Finds the rules that have to be asked; of all others it is certain that they do not match. */
export class RuleFinder {
  /** By clause. */
  readonly #rules: readonly number[]
  readonly #byRequest: RulesByRequest
  readonly #byName: RulesByName

  private constructor(rules: readonly number[], byRequest: RulesByRequest, byName: RulesByName) {
    this.#rules = rules
    this.#byRequest = byRequest
    this.#byName = byName
  }

  static async of({ rules }: PolicyDocument, sets: PatternSets): Promise<RuleFinder> {
    const clauses: Clause[] = []
    const ofRule: number[] = []
    for (const [index, { when }] of rules.entries()) {
      for (const clause of clausesOf(when, sets)) {
        clauses.push(clause)
        ofRule.push(index)
      }
    }
    const byName = await RulesByName.built(clauses, (patterns) => sets.setOf(patterns))
    return new RuleFinder(ofRule, new RulesByRequest(clauses), byName)
  }

  /** For one request. */
  found(judging: Judging): FoundRules {
    return new FoundRules(this.#rules, this.#byRequest.of(judging), this.#byName)
  }

  /** Rules that may match a name at some request. */
  anyRequest(): FoundRules {
    return new FoundRules(this.#rules, Bits.all(this.#rules.length), this.#byName)
  }
}

/** Rules of one request that have to be asked. */
export class FoundRules {
  readonly #rules: readonly number[]
  /** Clauses that the request may meet. */
  readonly #open: Bits
  readonly #byName: RulesByName

  constructor(rules: readonly number[], open: Bits, byName: RulesByName) {
    this.#rules = rules
    this.#open = open
    this.#byName = byName
  }

  /** In their order; `visit` says `stop`, or `never` where the rule is none of the request's, whatever the name. */
  visit(judged: Judged, visit: (rule: number) => 'next' | 'never' | 'stop'): void {
    const about = this.#byName.of(judged)
    let last = -1
    for (let at = this.#open.nextIn(about); at !== -1; at = this.#open.nextIn(about, at + 1)) {
      const rule = this.#rules[at]!
      if (rule === last) continue
      last = rule
      const then = visit(rule)
      if (then === 'stop') return
      if (then === 'never') this.#open.delete(at)
    }
  }

  /** Ascending. */
  of(judged: Judged): readonly number[] {
    const rules: number[] = []
    this.visit(judged, (rule) => {
      rules.push(rule)
      return 'next'
    })
    return rules
  }
}
