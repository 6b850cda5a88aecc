import type { RuleSeen } from '../exchange/decision.ts'
import type { Judged } from './judged.ts'
import type { Judging } from './judging.ts'
import type { Condition, Policy, Rule } from './policy.ts'
import { truthFor, truthOf } from './possible.ts'
import type { Truth } from './truth.ts'

const MOST_RULES = 50
const LONGEST_TEXT = 200

/**
 * What became of the rules up to `last` that may match such a name, in their order. Of more than fifty those that did
 * not match go first.
 */
export function rulesSeen(
  { rules, finder }: Policy,
  last: number,
  judging: Judging,
  name: Judged,
): readonly RuleSeen[] {
  const seen: Seen[] = []
  const telling = new Set<number>()
  const indices = finder.told(judging).of(name)
  for (let i = indices.length - 1; i >= 0 && seen.length < MOST_RULES; i--) {
    const index = indices[i]!
    if (index > last) continue
    const match = matchOf(rules[index]!, judging, name)
    if (match === 'false') continue
    telling.add(index)
    seen.push({ rule: rules[index]!, match })
  }
  finder.anyRequest().visit(name, (index) => {
    if (index > last || seen.length === MOST_RULES) return 'stop'
    if (!telling.has(index)) seen.push({ rule: rules[index]!, match: 'false' })
    return 'next'
  })
  return seen.sort((a, b) => a.rule.index - b.rule.index).map((one) => told(one, judging, name))
}

/** The same of every rule of the policy. */
export function everyRuleSeen({ rules }: Policy, judging: Judging, name: Judged): readonly RuleSeen[] {
  return rules.map((rule) => told({ rule, match: matchOf(rule, judging, name) }, judging, name))
}

function told({ rule, match }: Seen, judging: Judging, name: Judged): RuleSeen {
  return {
    rule: rule.name,
    effect: rule.effect,
    mode: rule.mode,
    matched: match,
    because: match === 'expired' || match === 'true' ? null : because(rule.when, judging, name),
  }
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
  const isAny = condition.text.startsWith('any ')
  let cause: Condition | null = null
  let count = 0
  for (const part of condition.parts) {
    if (truthOf(part.judge(judging, name)) !== truth) continue
    cause ??= part
    count++
    if (!isAny) break
  }
  const isOneOf = isAny && truth === 'false' && count > 1 && count === condition.parts.length
  if (cause === null || isOneOf) return condition.text.slice(0, LONGEST_TEXT)
  return textOf(cause, truth, judging, name)
}
