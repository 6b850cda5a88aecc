import type { Operation } from '../acme/operation.ts'
import { askedWhere } from './asked-where.ts'
import { Bits } from './bits.ts'
import type { Judging } from './judging.ts'
import { type Acting, acts, FALSE, type Possible } from './possible.ts'
import type { Steady } from './steady.ts'

/** A rule, as far as it has to be found: see policy.ts. */
export interface FindableRule extends Acting {
  readonly index: number
  readonly when: FindableCondition
  readonly expires: number | null
}

interface FindableCondition {
  judge(judging: Judging, name: null): Possible
  possibleAt(operation: Operation): Possible
  readonly needed: readonly FindableCondition[]
  readonly steady: Steady | null
}

/** What a clause's rule needs to be true, and what many requests have the same answer to. */
interface Needing {
  readonly clause: number
  readonly conditions: readonly FindableCondition[]
}

const MOST_USER_AGENTS = 200
const LONGEST_USER_AGENT = 500
const MINUTE = 60_000

/**
 * Which clauses what was worked out for earlier requests leaves: clients are of few kinds, and a window of time that is
 * shut stays so for a while.
 */
export class RulesByAnswer {
  readonly #all: Bits
  readonly #rules: readonly FindableRule[]
  readonly #byUserAgent: readonly Needing[]
  readonly #byTime: readonly Needing[]
  /** Where what a condition on the time says may change, beside full minutes. */
  readonly #edges: readonly number[]
  readonly #ofUserAgent = new Map<string | null, Bits>()
  readonly #ofOperation = new Map<Operation, Bits>()
  #now: { readonly from: number; readonly until: number; readonly clauses: Bits } | null = null

  /** `rules`: of each clause. */
  constructor(rules: readonly FindableRule[]) {
    this.#all = Bits.all(rules.length)
    this.#rules = rules
    this.#byUserAgent = needing(rules, 'userAgent')
    this.#byTime = needing(rules, 'time')
    this.#edges = this.#byTime.flatMap(({ conditions }) =>
      conditions.flatMap(({ steady }) => (steady?.by === 'time' ? steady.edges : [])),
    )
  }

  /** Takes out what is surely false. */
  narrow(clauses: Bits, judging: Judging): void {
    if (askedWhere('request', judging.facts.operation) !== 'here') return
    if (this.#byUserAgent.length > 0 && judging.facts.client.userAgent !== undefined) {
      clauses.keepOnly(this.#userAgent(judging.facts.client.userAgent, judging))
    }
    if (this.#byTime.length > 0) clauses.keepOnly(this.#time(judging))
  }

  /** Those of rules that may act at the operation: of a key nobody knows before `finalize`. Not to be changed. */
  actingAt(operation: Operation): Bits {
    const known = this.#ofOperation.get(operation)
    if (known !== undefined) return known
    const clauses = this.#all.copy()
    for (const [clause, rule] of this.#rules.entries()) {
      if (acts(rule, rule.when.possibleAt(operation)) === false) clauses.delete(clause)
    }
    this.#ofOperation.set(operation, clauses)
    return clauses
  }

  #userAgent(text: string | null, judging: Judging): Bits {
    const known = this.#ofUserAgent.get(text)
    if (known !== undefined) return known
    const clauses = this.#left(this.#byUserAgent, judging)
    if (this.#ofUserAgent.size >= MOST_USER_AGENTS) this.#ofUserAgent.clear()
    if ((text ?? '').length <= LONGEST_USER_AGENT) this.#ofUserAgent.set(text, clauses)
    return clauses
  }

  #time(judging: Judging): Bits {
    const { at } = judging.facts
    if (this.#now !== null && at >= this.#now.from && at < this.#now.until) return this.#now.clauses
    let from = Math.floor(at / MINUTE) * MINUTE
    let until = from + MINUTE
    for (const edge of this.#edges) {
      if (edge <= at) from = Math.max(from, edge)
      else until = Math.min(until, edge)
    }
    this.#now = { from, until, clauses: this.#left(this.#byTime, judging) }
    return this.#now.clauses
  }

  #left(needing: readonly Needing[], judging: Judging): Bits {
    const clauses = this.#all.copy()
    for (const { clause, conditions } of needing) {
      if (conditions.some((one) => one.judge(judging, null) === FALSE)) clauses.delete(clause)
    }
    return clauses
  }
}

function needing(rules: readonly FindableRule[], by: Steady['by']): readonly Needing[] {
  return rules
    .map(({ when }, clause) => ({
      clause,
      conditions: when.needed.filter(({ steady }) => steady?.by === by),
    }))
    .filter(({ conditions }) => conditions.length > 0)
}
