import type { RuleSeen } from '../exchange/decision.ts'
import type { Judged } from './judged.ts'
import type { Judging } from './judging.ts'
import type { Condition, Rule } from './policy.ts'
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
  found: readonly number[],
  judging: Judging,
  name: Judged,
  whole: boolean,
): readonly RuleSeen[] {
  const may = new Set(found)
  const telling: Seen[] = []
  const others: Seen[] = []
  for (const rule of rules) {
    const match = may.has(rule.index) || rule.expires !== null ? matchOf(rule, judging, name) : 'false'
    if (match !== 'false') telling.push({ rule, match })
    else if (whole || others.length < MOST_RULES) others.push({ rule, match })
  }
  const kept = whole ? telling : telling.slice(-MOST_RULES)
  const shown = [...kept, ...(whole ? others : others.slice(0, MOST_RULES - kept.length))]
  return shown
    .sort((a, b) => a.rule.index - b.rule.index)
    .map(({ rule, match }) => ({
      rule: rule.name,
      effect: rule.effect,
      mode: rule.mode,
      matched: match,
      because: match === 'expired' || match === 'true' ? null : because(rule.when, judging, name),
    }))
}

interface Seen {
  readonly rule: Rule
  readonly match: RuleSeen['matched']
}

function matchOf(rule: Rule, judging: Judging, name: Judged): RuleSeen['matched'] {
  if (isExpired(rule, judging.facts.at)) return 'expired'
  const truth = truthFor(rule, rule.when.judge(judging, name))
  return truth === 'none' ? 'false' : truth
}

export function isExpired({ expires }: Rule, at: number): boolean {
  return expires !== null && at >= expires
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
