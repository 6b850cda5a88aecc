import type { RuleSeen } from '../exchange/decision.ts'
import type { Judging } from './judging.ts'
import type { Condition, Judged, Rule } from './policy.ts'
import { truthFor, truthOf } from './possible.ts'
import type { Truth } from './truth.ts'

const MOST_RULES = 50
const LONGEST_TEXT = 200

/**
 * What became of these rules, in their order. Of more than fifty those that did not match go first. `found`: indices of
 * the rules that may match.
 */
export function rulesSeen(
  rules: readonly Rule[],
  found: ReadonlySet<number>,
  judging: Judging,
  name: Judged,
  whole: boolean,
): readonly RuleSeen[] {
  const matched = rules.map((rule) => matchOf(rule, found, judging, name))
  const shown = whole ? rules.map((_, i) => i) : mostTelling(matched)
  return shown.map((i) => {
    const [rule, match] = [rules[i]!, matched[i]!]
    return {
      rule: rule.name,
      effect: rule.effect,
      mode: rule.mode,
      matched: match,
      because: match === 'expired' || match === 'true' ? null : because(rule.when, judging, name),
    }
  })
}

function matchOf(
  rule: Rule,
  found: ReadonlySet<number>,
  judging: Judging,
  name: Judged,
): RuleSeen['matched'] {
  if (isExpired(rule, judging.facts.at)) return 'expired'
  if (!found.has(rule.index)) return 'false'
  const truth = truthFor(rule, rule.when.judge(judging, name))
  return truth === 'none' ? 'false' : truth
}

export function isExpired({ expires }: Rule, at: number): boolean {
  return expires !== null && at >= expires
}

function mostTelling(matched: readonly RuleSeen['matched'][]): readonly number[] {
  const indices = matched.map((_, i) => i)
  if (indices.length <= MOST_RULES) return indices
  const kept = indices.filter((i) => matched[i] !== 'false').slice(-MOST_RULES)
  const filled = indices.filter((i) => matched[i] === 'false').slice(0, MOST_RULES - kept.length)
  return [...kept, ...filled].toSorted((a, b) => a - b)
}

/** The first condition that was not met or not known, as written; null where it was met. */
export function because(condition: Condition, judging: Judging, name: Judged): string | null {
  const truth = truthOf(condition.judge(judging, name))
  return truth === 'true' ? null : textOf(condition, truth, judging, name)
}

/** Of what must all hold the part that made it so; of the others the whole. */
function textOf(condition: Condition, truth: Truth, judging: Judging, name: Judged): string {
  const parts = condition.parts.map((part) => ({ part, truth: truthOf(part.judge(judging, name)) }))
  const cause = parts.find((one) => one.truth === truth)
  const isOneOf = truth === 'false' && parts.length > 1 && parts.every((one) => one.truth === 'false')
  if (cause === undefined || (isOneOf && condition.text.startsWith('any '))) {
    return condition.text.slice(0, LONGEST_TEXT)
  }
  return textOf(cause.part, truth, judging, name)
}
