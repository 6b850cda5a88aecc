import { member } from '../../acme/members.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import type { BrokerAnswer, BrokeredRequest } from '../brokered-request.ts'
import type { BrokerAccount } from '../objects.ts'
import { urlOf } from '../url-map.ts'
import { accountOf, notFound } from './asking.ts'
import { contactsAsked } from './contacts.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'
import { showAccount } from './show-account.ts'

/** RFC 8555 §7.3.2 (update), §7.3.6 (deactivation), and reading it. */
export function account({ store }: OperationParts): OperationHandler {
  return async (request) => {
    const asking = accountOf(request)
    if (request.ids[0] !== asking.id) throw notFound('account')
    if (request.isPostAsGet) return answer(asking, request)
    const changed = { ...asking, ...changesAsked(request) }
    if (changed.status === asking.status && changed.contact === asking.contact) return answer(asking, request)
    if ((await store.putAccount(changed, asking)) !== null)
      throw new AcmeProblem('unauthorized', 'the account was changed by another request meanwhile')
    return answer(changed, request)
  }
}

function changesAsked({ payload }: BrokeredRequest): Partial<Pick<BrokerAccount, 'status' | 'contact'>> {
  const status = member(payload, 'status')
  // RFC 8555 §7.3.6: nothing else is looked at then.
  if (status === 'deactivated') return { status }
  if (status !== undefined && status !== null && status !== 'valid')
    throw new AcmeProblem('malformed', 'Invalid value provided for status field')
  const contact = contactsAsked(payload)
  return contact === null ? {} : { contact }
}

function answer(account: BrokerAccount, { endpoint }: BrokeredRequest): BrokerAnswer {
  return {
    status: 200,
    fields: [['location', urlOf(endpoint, 'account', [account.id])]],
    body: { json: showAccount(account, endpoint) },
  }
}
