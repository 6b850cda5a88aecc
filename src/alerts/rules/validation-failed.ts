import type { EventRule } from '../rule.ts'
import { causeOf, detailsOf, diagnosed } from './failure-text.ts'
import { keyOf, keyOfNames, NOTHING, occurred, overFor, resolved, saidOf, shownBy } from './happened.ts'
import { namesText } from './standing.ts'
import { DAY } from './time-text.ts'
import { tellerOf } from './told-by.ts'

const FORGOTTEN = 7 * DAY

/**
 * A CA could not validate a name. One alert per CA, client and name. It ends when this client validates the name
 * there, when the CA issues anybody a certificate with it, or when it is not seen for a week.
 */
export const validationFailed: EventRule = {
  name: 'validation-failed',
  kinds: ['failed', 'validated', 'issued'],
  signals(happening, { rules }) {
    switch (happening.kind) {
      case 'failed': {
        if (tellerOf(happening) !== 'validation-failed') return NOTHING
        const { ca, client, names, challengeType, diagnosis } = happening
        return occurred(
          shownBy(happening, {
            rule: 'validation-failed',
            key: keyOf(ca, client?.id, keyOfNames(names)),
            severity: rules['validation-failed'].severity,
            group: ca ?? '',
            title: `${names.length === 0 ? 'A name' : namesText(names)}: ${challengeType ?? 'validation'} failed at ${ca}`,
            cause: causeOf(happening),
            ...diagnosed(diagnosis),
            said: saidOf(happening),
            details: detailsOf(happening),
            until: Date.parse(happening.at) + FORGOTTEN,
          }),
        )
      }
      case 'validated':
        return resolved(
          ...overFor(
            happening,
            'validation-failed',
            { client: happening.client?.id ?? null },
            'The CA has validated the name for this client.',
          ),
        )
      case 'issued':
        return resolved(
          ...overFor(happening, 'validation-failed', {}, 'The CA has issued a certificate with the name.'),
        )
      default:
        return NOTHING
    }
  },
}
