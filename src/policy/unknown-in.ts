import type { PolicyVerdict } from '../exchange/decision.ts'

/**
 * Conditions of a verdict that could not be known, as written: of rules that come before the deciding one, or of that
 * one itself. Empty where the verdict rests on nothing of the kind.
 */
export function unknownIn({ rules, would }: Pick<PolicyVerdict, 'rules' | 'would'>): readonly string[] {
  const deciding = rules.findIndex(({ rule }) => rule === would.rule)
  const before = deciding < 0 ? rules : rules.slice(0, deciding + 1)
  const unknown = before.filter(({ matched, effect }) => matched === 'unknown' && effect !== 'warn')
  return [...new Set(unknown.map(({ rule, because }) => because ?? `rule ${rule}`))]
}
