import { hash } from 'node:crypto'
import type { EventRule } from '../rule.ts'
import { keyOf, labelOf, NOTHING, occurred, shownBy } from './happened.ts'
import { spanText } from './time-text.ts'

/**
 * One place makes account after account: a container that keeps no key, mostly. One alert per CA and place. It ends when
 * no account was made there for the whole period.
 */
export const accountChurn: EventRule = {
  name: 'account-churn',
  kinds: ['accountSeen'],
  signals(happening, { rules }, look) {
    // Accounts that the CA knew already count against no limit: a fleet that begins to come through here has many.
    if (happening.kind !== 'accountSeen' || !happening.created || happening.ca === null) return NOTHING
    const { severity, accounts, within } = rules['account-churn']
    const { ca, client } = happening
    const at = Date.parse(happening.at)
    const [source, label] = [client?.source ?? null, labelOf(happening)]
    const made = look.accountsMade(ca, source, label, at - within)
    if (made < accounts) return NOTHING
    const place = label ?? source ?? 'one place'
    return occurred(
      shownBy(happening, {
        rule: 'account-churn',
        // A digest: addresses are personal.
        key: keyOf(ca, hash('sha256', JSON.stringify([source, label])).slice(0, 16)),
        severity,
        group: ca,
        title: `${place} made ${made} accounts at ${ca} within ${spanText(within)}`,
        cause: `${made} accounts came from ${place} within ${spanText(within)}. CAs limit new accounts by address, and whatever comes from there then gets none.`,
        remedy:
          'Keep the account key of the client: a container needs a volume for it. Several clients behind one address may share one account.',
        fixer: 'client',
        details: { accounts: `${made}` },
        until: at + within,
      }),
    )
  },
}
