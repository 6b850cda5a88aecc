import type { Deciding, NameVerdict, PolicyVerdict } from '../exchange/decision.ts'
import type { PolicyFacts } from './facts.ts'
import type { Judging } from './judging.ts'
import { messageValues } from './message-values.ts'
import type { Policy, Rule } from './policy.ts'
import { acts, FALSE, truthFor } from './possible.ts'
import { readOf } from './read.ts'
import type { FoundRules } from './rule-finder.ts'
import { because, everyRuleSeen, isExpired, rulesSeen } from './rules-seen.ts'
import { defaultOf, requestFault, type Standing, type Subject, subjectsOf } from './standing.ts'

export interface EvaluateOptions {
  /** Tell of every rule, not only of those that a reader of the record needs. */
  readonly whole?: boolean
  /** Id of the exchange, for messages. */
  readonly record?: string
}

/** `ask`: names of the webhooks that decide, and have not answered yet. */
export type Evaluation = { readonly verdict: PolicyVerdict } | { readonly ask: readonly string[] }

/**
 * What a policy makes of one request. Pure: the same facts give the same verdict. Where it says `ask`, the caller puts
 * an answer of each into `facts.webhooks` (`allow` null where none came) and evaluates again; every round asks for others, so
 * there are at most as many rounds as webhooks.
 */
export function evaluate(policy: Policy, facts: PolicyFacts, options: EvaluateOptions = {}): Evaluation {
  return policy.rooms.lend(facts, (judging) => new Evaluating(policy, judging, options).result())
}

const MOST_NAMES = 100
const MOST_WARNINGS = 50
const LONGEST_MESSAGE = 500

/** A rule of the file, or what stands beside them. */
type Source = Rule | Standing

interface Outcome {
  readonly subject: Subject
  /** In force. */
  readonly decided: Source
  /** As if every rule were enforced. */
  readonly would: Source
}

/** See {@link evaluate}; apart, so that the work of one can be counted. */
export class Evaluating {
  readonly #policy: Policy
  readonly #judging: Judging
  readonly #facts: PolicyFacts
  readonly #options: EvaluateOptions
  readonly #found: FoundRules
  readonly #ask = new Set<string>()
  /** By the name of what warns: the first subject it warns of, and how many there are. */
  readonly #warned = new Map<string, { source: Source; first: Subject; count: number }>()
  readonly #defaults: { readonly inForce: Standing; readonly otherwise: Standing }

  constructor(policy: Policy, judging: Judging, options: EvaluateOptions = {}) {
    this.#policy = policy
    this.#judging = judging
    this.#facts = judging.facts
    this.#options = options
    this.#found = policy.finder.found(judging)
    this.#defaults = { inForce: defaultOf(policy, true), otherwise: defaultOf(policy, false) }
  }

  result(): Evaluation {
    const fault = requestFault(this.#facts)
    const outcomes: Outcome[] = []
    for (const subject of subjectsOf(this.#facts)) {
      const outcome = this.#outcome(fault === null ? subject : { ...subject, fault })
      if (outcome !== null) outcomes.push(outcome)
    }
    return this.#ask.size > 0 ? { ask: [...this.#ask] } : { verdict: this.#verdict(outcomes) }
  }

  /** The first rule that matches decides. Null: a webhook has to be asked before. */
  #outcome(subject: Subject): Outcome | null {
    const { mode } = this.#policy.document
    const { inForce, otherwise } = this.#defaults
    let would: Source | null = subject.fault
    if (subject.fault !== null && mode === 'enforce') {
      return { subject, decided: subject.fault, would: subject.fault }
    }
    // What decides where rules of mode warn act: it alone has something to say.
    let heard: Source | null = mode === 'warn' ? subject.fault : null
    if (heard !== null) this.#warn(heard, subject)
    let decided: Source | null = inForce
    this.#found.visit(subject.judged, (index) => {
      const rule = this.#policy.rules[index]!
      if (would !== null && !rule.acts) return 'next'
      if (this.#isOut(rule)) return 'never'
      const matches = this.#matches(rule, subject)
      if (matches === false) return 'next'
      if (matches === null) {
        decided = null
        return 'stop'
      }
      if (rule.effect === 'warn') {
        this.#warn(rule, subject)
        return 'next'
      }
      would ??= rule
      if (rule.mode !== 'observe' && heard === null) {
        heard = rule
        if (rule.mode === 'warn' && rule.effect === 'deny') this.#warn(rule, subject)
      }
      if (rule.mode !== 'enforce') return 'next'
      decided = rule
      return 'stop'
    })
    if (decided === null) return null
    if (heard === null && mode === 'warn' && otherwise.effect === 'deny') this.#warn(otherwise, subject)
    return { subject, decided, would: would ?? otherwise }
  }

  /** Whether the rule does nothing about the request, whatever the name: of what must all hold, the least decides. */
  #isOut(rule: Rule): boolean {
    const first = rule.when.perName ? rule.first : rule.when
    if (isExpired(rule, this.#facts.at)) return true
    if (first === null) return false
    return acts(rule, first.judge(this.#judging, null)) === false
  }

  /** Null: what a webhook says decides it. */
  #matches(rule: Rule, { judged }: Subject): boolean | null {
    const possible = rule.when.judge(this.#judging, judged)
    if (possible === FALSE) return false
    const acting = acts(rule, possible)
    if (acting !== null) return acting
    for (const webhook of rule.webhooks) {
      if (!Object.hasOwn(this.#facts.webhooks, webhook)) this.#ask.add(webhook)
    }
    return null
  }

  #warn(source: Source, subject: Subject): void {
    const warned = this.#warned.get(source.name)
    if (warned) warned.count++
    else this.#warned.set(source.name, { source, first: subject, count: 1 })
  }

  #verdict(outcomes: readonly Outcome[]): PolicyVerdict {
    const first = outcomes[0]!
    const inForce = outcomes.filter(({ decided }) => decided.effect === 'deny')
    const only = outcomes.filter(({ decided, would }) => decided.effect !== 'deny' && would.effect === 'deny')
    const denied = [...inForce, ...only]
    const names = isWhole(denied, outcomes) ? [] : denied.filter(({ subject }) => subject.identifier !== null)
    const told = denied[0] ?? first
    const isTold = denied.length > 0 || this.#warned.size > 0 || this.#options.whole === true
    return {
      digest: this.#policy.digest,
      decided: decidingOf((inForce[0] ?? first).decided),
      would: decidingOf((outcomes.find(({ would }) => would.effect === 'deny') ?? first).would),
      warnings: this.#warnings(),
      names: names.slice(0, MOST_NAMES).map((outcome) => this.#nameVerdict(outcome)),
      deniedNames: names.length,
      rules: isTold ? this.#seen(told) : [],
      read: readOf(this.#policy, this.#facts),
    }
  }

  #nameVerdict({ subject, decided, would }: Outcome): NameVerdict {
    const source = decided.effect === 'deny' ? decided : would
    return {
      effect: effectOf(decided),
      rule: source.name,
      identifier: subject.identifier!,
      message: this.#message(source, subject),
    }
  }

  #warnings(): PolicyVerdict['warnings'] {
    return [...this.#warned.values()].slice(0, MOST_WARNINGS).map(({ source, first, count }) => {
      const more = count > 1 ? ` (and ${count - 1} more ${count === 2 ? 'name' : 'names'})` : ''
      const message = this.#message(source, first)
      return { rule: source.name, message: `${message.slice(0, LONGEST_MESSAGE - more.length)}${more}` }
    })
  }

  #message(source: Source, { identifier, judged }: Subject): string {
    const { record = null } = this.#options
    const values = messageValues(this.#facts, identifier, source, this.#policy.document.link, record)
    const unknown = 'when' in source ? unknownOf(source, this.#judging, judged) : ''
    return `${source.message(values).slice(0, LONGEST_MESSAGE - unknown.length)}${unknown}`
  }

  /** The rules up to the one that decided. */
  #seen({ subject, decided }: Outcome): PolicyVerdict['rules'] {
    if (this.#options.whole === true) return everyRuleSeen(this.#policy, this.#judging, subject.judged)
    if (decided === subject.fault) return []
    const last = 'when' in decided ? decided.index : this.#policy.rules.length
    return rulesSeen(this.#policy, last, this.#judging, subject.judged)
  }
}

/** A rule that acts because something is not known says so. */
export function unknownOf(rule: Rule, judging: Judging, judged: Subject['judged']): string {
  if (truthFor(rule, rule.when.judge(judging, judged)) !== 'unknown') return ''
  return ` (it is not known whether this holds: ${because(rule.when, judging, judged)})`
}

/** Whether what denies does so to every name, whatever its spelling. */
function isWhole(denied: readonly Outcome[], outcomes: readonly Outcome[]): boolean {
  const sources = new Set(denied.map(({ decided, would }) => (decided.effect === 'deny' ? decided : would)))
  const [source] = sources
  if (source === undefined || sources.size > 1 || denied.length < outcomes.length) return false
  return 'when' in source ? !source.when.perName : !source.perName
}

function decidingOf(source: Source): Deciding {
  return { effect: effectOf(source), rule: source.name }
}

/** A rule that only warns decides nothing. */
function effectOf({ effect }: Source): Deciding['effect'] {
  return effect === 'deny' ? 'deny' : 'allow'
}
