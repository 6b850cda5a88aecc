import type { Endpoint } from '../endpoint.ts'
import type { BrokerAccount } from '../objects.ts'
import { urlOf } from '../url-map.ts'

/** RFC 8555 §7.1.2. `contact` always: clients take it for granted. */
export function showAccount(account: BrokerAccount, endpoint: Endpoint) {
  return {
    status: account.status,
    contact: account.contact,
    ...(account.termsAgreed ? { termsOfServiceAgreed: true } : {}),
    orders: urlOf(endpoint, 'orders', [account.id]),
  }
}
