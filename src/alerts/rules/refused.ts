import type { EventRule } from '../rule.ts'
import { causeOf, diagnosed } from './failure-text.ts'
import { keyOf, NOTHING, occurred, overFor, resolved, saidOf, shownBy, subjectText } from './happened.ts'
import { DAY } from './time-text.ts'
import { tellerOf } from './told-by.ts'

/**
 * acmetap refused a request: by policy, because it can be read in two ways, or because it is for nobody. One alert per
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
    return occurred(
      shownBy(happening, {
        rule: 'refused',
        key: keyOf(ca, client?.id, rule).slice(0, 200),
        severity: rules.refused.severity,
        group: rule,
        title: `${subjectText(happening)}: acmetap refused ${operation} (rule ${rule})`,
        cause: causeOf(happening),
        ...diagnosed(diagnosis),
        said: saidOf(happening),
        details: { class: diagnosis.class, rule, operation: operation ?? '' },
        until: Date.parse(happening.at) + DAY,
      }),
    )
  },
}
