import { Bits } from './bits.ts'
import { type Clause, clausesOf } from './clause.ts'
import type { PolicyDocument } from './document.ts'
import type { Judged } from './judged.ts'
import type { Judging } from './judging.ts'
import type { PatternSets } from './pattern-sets.ts'
import { type FindableRule, RulesByAnswer } from './rules-by-answer.ts'
import { RulesByName } from './rules-by-name.ts'
import { RulesByRequest } from './rules-by-request.ts'

/** Finds the rules that have to be asked; of all others it is certain that they do not match. */
export class RuleFinder {
  /** By clause. */
  readonly #rules: readonly number[]
  readonly #all: Bits
  readonly #expiring: Bits
  readonly #byAnswer: RulesByAnswer
  readonly #byRequest: RulesByRequest
  readonly #byName: RulesByName

  private constructor(rules: readonly FindableRule[], byRequest: RulesByRequest, byName: RulesByName) {
    this.#rules = rules.map(({ index }) => index)
    this.#all = Bits.all(rules.length)
    const expiring = rules.flatMap(({ expires }, clause) => (expires === null ? [] : [clause]))
    this.#expiring = Bits.of(rules.length, expiring)
    this.#byAnswer = new RulesByAnswer(rules)
    this.#byRequest = byRequest
    this.#byName = byName
  }

  /** `rules`: those of the document, compiled. */
  static async of(
    document: PolicyDocument,
    rules: readonly FindableRule[],
    sets: PatternSets,
  ): Promise<RuleFinder> {
    const clauses: Clause[] = []
    const ofClause: FindableRule[] = []
    for (const rule of rules) {
      for (const clause of clausesOf(document.rules[rule.index]!.when, sets)) {
        clauses.push(clause)
        ofClause.push(rule)
      }
    }
    const byName = await RulesByName.built(clauses, (patterns) => sets.setOf(patterns))
    return new RuleFinder(ofClause, new RulesByRequest(clauses), byName)
  }

  /** For one request: at its operation the others do not act, whatever is not known. */
  found(judging: Judging): FoundRules {
    const open = this.#open(judging)
    open.keepOnly(this.#byAnswer.actingAt(judging.facts.operation))
    return this.#rulesOf(open)
  }

  /** Of all others it is certain that they are false, and have not expired. */
  told(judging: Judging): FoundRules {
    const open = this.#open(judging)
    open.addAll(this.#expiring)
    return this.#rulesOf(open)
  }

  /** Rules that may match a name at some request. */
  anyRequest(): FoundRules {
    return this.#rulesOf(this.#all.copy())
  }

  #open(judging: Judging): Bits {
    const open = this.#byRequest.of(judging)
    this.#byAnswer.narrow(open, judging)
    return open
  }

  #rulesOf(open: Bits): FoundRules {
    return new FoundRules(this.#rules, open, this.#byName)
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
