import type { Judging } from './judging.ts'
import { everyCondition } from './needs.ts'
import type { Policy } from './policy.ts'
import { acts, FALSE, truthFor, UNKNOWN } from './possible.ts'
import { because, isExpired } from './rules-seen.ts'
import { requestFault, subjectsOf } from './standing.ts'

/**
 * Conditions that could not be known, as written, of rules that come before the deciding one or decide themselves. Empty
 * where the decision rests on nothing of the kind. `judging`: by which the policy was evaluated to its verdict, every
 * webhook answered.
 */
export function unknownIn(policy: Policy, judging: Judging): readonly string[] {
  const { facts } = judging
  if (isAllKnown(policy, judging) || requestFault(facts) !== null) return []
  const finding = policy.finder.found(judging)
  const found = new Set<string>()
  for (const { judged, fault } of subjectsOf(facts)) {
    if (fault !== null) continue
    for (const index of finding.of(judged)) {
      const rule = policy.rules[index]!
      const possible = rule.when.judge(judging, judged)
      if (possible === FALSE || rule.effect === 'warn' || isExpired(rule, facts.at)) continue
      if (truthFor(rule, possible) === 'unknown')
        found.add(`${rule.name}: ${because(rule.when, judging, judged)}`)
      if (acts(rule, possible)) break
    }
  }
  return [...found]
}

/** Whether the evaluation met nothing unknown, so that no rule has to be looked at again. */
function isAllKnown(policy: Policy, { facts, kept }: Judging): boolean {
  const isReadable = facts.identifiers !== undefined && facts.operation !== 'revokeCert'
  return isReadable && !kept.includes(UNKNOWN) && !hasExpressions(policy)
}

/** Expressions on names are unknown by the name, which nobody keeps. */
const expressions = new WeakMap<Policy, boolean>()

function hasExpressions(policy: Policy): boolean {
  const before = expressions.get(policy)
  if (before !== undefined) return before
  const { rules } = policy.document
  const has = rules.some(({ when }) => everyCondition(when).some(({ cel }) => cel !== undefined))
  expressions.set(policy, has)
  return has
}
