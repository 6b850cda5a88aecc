import type { EventRule } from '../rule.ts'
import { NOTHING, occurred, shownBy } from './happened.ts'
import { isNews } from './new-here.ts'
import { DAY } from './time-text.ts'

const FORGOTTEN = 7 * DAY

/** A CA took the first order that was ever seen to go there. To be known, no trouble. */
export const newCa: EventRule = {
  name: 'new-ca',
  kinds: ['ordered'],
  signals(happening, { rules }, look) {
    const { ca } = happening
    const { severity, after } = rules['new-ca']
    if (happening.kind !== 'ordered' || ca === null || !look.isNew('ca', ca)) return NOTHING
    if (!isNews(happening, after, look)) return NOTHING
    return occurred(
      shownBy(happening, {
        rule: 'new-ca',
        key: ca,
        severity,
        title: `${ca} was asked for a certificate for the first time`,
        cause: `A client ordered at ${ca}, where nobody had ordered since the record began.`,
        remedy:
          'Nothing, where it is meant. Else set the right directory in the client, and let a policy refuse orders at this CA.',
        fixer: 'nobody',
        until: Date.parse(happening.at) + FORGOTTEN,
        isNotice: true,
      }),
    )
  },
}
