import type { EventRule } from '../rule.ts'
import { keyOf, keyOfNames, NOTHING, occurred, shownBy } from './happened.ts'
import { isNews } from './new-here.ts'
import { namesText } from './standing.ts'
import { DAY } from './time-text.ts'

const FORGOTTEN = 7 * DAY

/** An order with names that nobody had ordered before, nor imported a certificate for. To be known, no trouble. */
export const newNames: EventRule = {
  name: 'new-names',
  kinds: ['ordered'],
  signals(happening, { rules }, look) {
    if (happening.kind !== 'ordered') return NOTHING
    const { severity, after } = rules['new-names']
    const names = happening.names.filter((name) => look.isNew('name', name))
    if (names.length === 0 || !isNews(happening, after, look)) return NOTHING
    const { ca, client } = happening
    return occurred(
      shownBy(happening, {
        rule: 'new-names',
        key: keyOf(ca, client?.id, keyOfNames(names)),
        severity,
        group: ca ?? '',
        names,
        title: `New at ${ca}: ${namesText(names)}`,
        cause:
          names.length === 1
            ? 'A certificate was ordered with a name that was not seen before.'
            : `A certificate was ordered with ${names.length} names that were not seen before.`,
        remedy:
          'Nothing, where somebody set up a site. Else find out who ordered it; a policy can say which names a client may have.',
        fixer: 'nobody',
        until: Date.parse(happening.at) + FORGOTTEN,
        isNotice: true,
      }),
    )
  },
}
