import type { EventRule } from '../rule.ts'
import { causeOf, detailsOf, diagnosed } from './failure-text.ts'
import {
  keyOf,
  keyOfNames,
  NOTHING,
  occurred,
  overFor,
  resolved,
  saidOf,
  shownBy,
  subjectText,
} from './happened.ts'
import { DAY } from './time-text.ts'
import { tellerOf } from './told-by.ts'

const FORGOTTEN = 30 * DAY

/**
 * A CA has paused names for an account. One alert per CA, account and names. It ends when the CA takes an order of
 * the account with one of them or validates it, or when nobody asked for a month.
 */
export const accountPaused: EventRule = {
  name: 'account-paused',
  kinds: ['failed', 'ordered', 'validated'],
  signals(happening, { rules }) {
    if (happening.kind === 'ordered' || happening.kind === 'validated') {
      const account = happening.account?.url ?? null
      return resolved(...overFor(happening, 'account-paused', { account }, 'The CA takes the name again.'))
    }
    if (happening.kind !== 'failed' || tellerOf(happening) !== 'account-paused') return NOTHING
    const { ca, account, client, names, diagnosis } = happening
    const who = account?.url ?? client?.id
    return occurred(
      shownBy(happening, {
        rule: 'account-paused',
        key: keyOf(ca, who, keyOfNames(names)),
        severity: rules['account-paused'].severity,
        group: keyOf(ca, who),
        title: `${subjectText(happening)}: ${ca} has paused the account`,
        cause: causeOf(happening),
        ...diagnosed(diagnosis),
        said: saidOf(happening),
        details: detailsOf(happening),
        until: Date.parse(happening.at) + FORGOTTEN,
      }),
    )
  },
}
