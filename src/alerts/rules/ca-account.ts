import type { StateRule } from '../rule.ts'
import type { LostAccount } from '../vitals.ts'
import { standing } from './standing.ts'
import { MINUTE, momentText } from './time-text.ts'

/** A CA no longer takes an account of acmetap's own: nothing is ordered there, and none is made in its place by itself. */
export const caAccount: StateRule = {
  name: 'ca-account',
  every: MINUTE,
  resolution: 'The CA has the account again, or another one is in its place.',
  *occurrences(now, { rules }, _look, { lostAccounts = [] }) {
    const { severity } = rules['ca-account']
    for (const { ca, account, tenant, status, since } of lostAccounts) {
      const whose = tenant === null ? '' : ` for ${tenant}`
      yield standing({
        rule: 'ca-account',
        key: tenant === null ? `${ca} ${account}` : `${ca} ${account} ${tenant}`,
        group: ca,
        severity,
        at: now,
        title: `${ca} ${SAYS[status]} acmetap's account${whose}`,
        cause: `${account}, since ${momentText(since)}. What it ordered stays valid, but it orders and revokes nothing any more.`,
        remedy: `Find out why: the CA may have ended it, or been set up anew. Then make another one: acmetap engine accounts register ${ca}${tenant === null ? '' : ` --tenant ${tenant}`}`,
        fixer: 'acmetap',
        about: { ca, account, label: tenant, details: { status } },
      })
    }
  },
}

const SAYS: Readonly<Record<LostAccount['status'], string>> = {
  deactivated: 'has deactivated',
  revoked: 'no longer has',
}
