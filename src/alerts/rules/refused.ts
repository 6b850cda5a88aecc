import type { EventRule } from '../rule.ts'
import { causeOf, diagnosed } from './failure-text.ts'
import { keyOf, NOTHING, occurred, overFor, resolved, saidOf, shownBy, subjectText } from './happened.ts'
import { DAY } from './time-text.ts'
import { tellerOf } from './told-by.ts'

/**
 * acmetap refused a request: by the policy, because it can be read in two ways, or because it is for nobody. One alert per
 * client and rule of the refusal, whatever it asked for. It ends when an order of this client with the name passes, or
 * when it is not seen for a day.
 */
export const refused: EventRule = {
  name: 'refused',
  kinds: ['failed', 'ordered'],
  signals(happening, { rules }) {
    if (happening.kind === 'ordered') {
      const client = happening.client?.id ?? null
      return client === null
        ? NOTHING
        : resolved(
            ...overFor(happening, 'refused', { client }, 'An order of this client with the name passed.'),
          )
    }
    if (happening.kind !== 'failed' || tellerOf(happening) !== 'refused') return NOTHING
    const { ca, client, diagnosis, operation } = happening
    const rule = diagnosis.details.rule ?? diagnosis.class
    const isPolicy = diagnosis.class === 'policy-denied'
    // A rule of a policy may be called like one of acmetap's own.
    const group = isPolicy ? `policy rule ${rule}` : rule
    const title = isPolicy ? `the policy denied ${operation}` : `acmetap refused ${operation}`
    return occurred(
      shownBy(happening, {
        rule: 'refused',
        key: keyOf(ca, client?.id, group).slice(0, 200),
        severity: rules.refused.severity,
        group,
        title: `${subjectText(happening)}: ${title} (rule ${rule})`,
        cause: causeOf(happening),
        ...diagnosed(diagnosis),
        said: saidOf(happening),
        details: { class: diagnosis.class, rule, operation: operation ?? '' },
        until: Date.parse(happening.at) + DAY,
      }),
    )
  },
}
