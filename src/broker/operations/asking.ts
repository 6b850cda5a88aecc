import { AcmeProblem } from '../../acme/problem.ts'
import type { Owner } from '../broker-store.ts'
import type { BrokeredRequest } from '../brokered-request.ts'
import type { BrokerAccount } from '../objects.ts'

/**
 * The account that asks. Throws AcmeProblem where the path has another label than the account; Error where the request was
 * signed by no account, which who verified it should not have let through.
 */
export function accountOf({ account, label }: BrokeredRequest): BrokerAccount {
  if (account === null) throw new Error('an operation of accounts came without one')
  if (label !== null && label !== account.label) throw notRegisteredUnder(label)
  return account
}

/** The path has another label than the account. */
export function notRegisteredUnder(label: string): AcmeProblem {
  return new AcmeProblem(
    'unauthorized',
    `the account is not of the label ${JSON.stringify(label)}: use the directory it was registered at`,
  )
}

export function ownerOf(request: BrokeredRequest): Owner {
  return { endpoint: request.endpoint.name, account: accountOf(request).id }
}

/** RFC 8555 §6.3. */
export function mustOnlyRead({ isPostAsGet }: BrokeredRequest): void {
  if (!isPostAsGet)
    throw new AcmeProblem('malformed', 'POST-as-GET requests must have an empty payload (RFC 8555 §6.3)')
}

/** What is not there, and what is another's: one answer for both. */
export function notFound(what: string): AcmeProblem {
  return new AcmeProblem('malformed', `there is no such ${what}`, { status: 404 })
}

/** Seconds after which it is worth asking again for something that has been going on since then. */
export function worthAsking(since: number, now: number): number {
  const going = now - since
  return going < 3_000_000 ? 1 : going < 15_000_000 ? 2 : 3
}
