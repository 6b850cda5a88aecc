import type { EventRule } from '../rule.ts'
import { keyOf, NOTHING, occurred, shownBy } from './happened.ts'
import { isNews } from './new-here.ts'
import { DAY } from './time-text.ts'

const FORGOTTEN = 7 * DAY

/** An account that was not seen before, whether it was made now or is older than the record. To be known, no trouble. */
export const newAccount: EventRule = {
  name: 'new-account',
  kinds: ['accountSeen'],
  signals(happening, { rules }, look) {
    if (happening.kind !== 'accountSeen') return NOTHING
    const { ca, account, created } = happening
    const { severity, after } = rules['new-account']
    if (ca === null || account === null || !look.isNew('account', `${ca} ${account.url}`)) return NOTHING
    if (!isNews(happening, after, look)) return NOTHING
    return occurred(
      shownBy(happening, {
        rule: 'new-account',
        key: keyOf(ca, account.url),
        severity,
        group: ca,
        title: created
          ? `A new account was made at ${ca}`
          : `An account of ${ca} was seen for the first time`,
        cause: created
          ? `A client made the account ${account.url}.`
          : `A client used the account ${account.url}, which the CA knew already: it was not used through acmetap before.`,
        remedy:
          'Nothing, where somebody set up a client. Else find out who did: acmetap clients shows whom it belongs to; a policy can refuse newAccount.',
        fixer: 'nobody',
        details: { created: created ? 'yes' : 'no' },
        until: Date.parse(happening.at) + FORGOTTEN,
        isNotice: true,
      }),
    )
  },
}
