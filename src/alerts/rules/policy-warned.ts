import type { EventRule } from '../rule.ts'
import { keyOf, NOTHING, occurred, shownBy, subjectText, withoutLinks } from './happened.ts'
import { DAY } from './time-text.ts'

/**
 * A request passed, and rules of the policy spoke against it that only warn: of effect `warn`, or not enforced yet. One
 * alert per client and rule, whatever it asked for. Over when it is not seen for a day.
 */
export const policyWarned: EventRule = {
  name: 'policy-warned',
  kinds: ['warned'],
  signals(happening, { rules }) {
    if (happening.kind !== 'warned') return NOTHING
    const { ca, client, operation, warnings } = happening
    const { severity } = rules['policy-warned']
    return occurred(
      ...warnings.map(({ rule, message }) =>
        shownBy(happening, {
          rule: 'policy-warned',
          key: keyOf(ca, client?.id, rule).slice(0, 200),
          severity,
          group: rule,
          title: `${subjectText(happening)}: the policy warns of ${operation} (rule ${rule})`,
          cause: `Rule ${rule} of the policy spoke against it. It only warns, so the request passed.`,
          remedy:
            'Ask whoever runs the client to ask for what the policy allows, before the rule is enforced; or correct the rule. acmetap policy explain ID shows every rule.',
          fixer: 'client',
          said: withoutLinks(message),
          details: { rule, operation: operation ?? '' },
          until: Date.parse(happening.at) + DAY,
        }),
      ),
    )
  },
}
