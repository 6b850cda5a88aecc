import type { PolicyFacts } from './facts.ts'
import { Judging } from './judging.ts'
import type { Policy, Rule } from './policy.ts'
import { ELSEWHERE, FALSE, TRUE, UNKNOWN } from './possible.ts'
import { because, isExpired } from './rules-seen.ts'
import { requestFault, subjectsOf } from './standing.ts'

/**
 * Conditions that could not be known, as written, of rules that come before the deciding one or decide themselves. Empty
 * where the decision rests on nothing of the kind. Webhooks have to be answered.
 */
export function unknownIn(policy: Policy, facts: PolicyFacts): readonly string[] {
  if (requestFault(facts) !== null) return []
  const judging = new Judging(facts, policy.slots)
  const rules = policy.finder.found(judging)
  const found = new Set<string>()
  for (const { judged, fault } of subjectsOf(facts)) {
    if (fault !== null) continue
    for (const index of rules.of(judged)) {
      const rule = policy.rules[index]!
      const possible = rule.when.judge(judging, judged)
      if (possible === FALSE || rule.effect === 'warn' || isExpired(rule, facts.at)) continue
      if (possible === UNKNOWN) found.add(`${rule.name}: ${because(rule.when, judging, judged)}`)
      if (acts(rule, possible)) break
    }
  }
  return [...found]
}

/** See truth.ts: what each truth means for the rule. */
export function acts({ effect, unknown }: Pick<Rule, 'effect' | 'unknown'>, possible: number): boolean {
  if (possible === TRUE) return true
  return possible === UNKNOWN ? unknown === 'match' : possible === ELSEWHERE && effect === 'allow'
}
