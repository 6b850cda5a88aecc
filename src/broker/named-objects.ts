import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { BrokerStore, Owner } from './broker-store.ts'
import type { Target } from './brokered-request.ts'
import type { BrokerAccount, BrokerAuthorization, BrokerCertificate, BrokerOrder } from './objects.ts'
import type { OrdersOfAuthorizations } from './orders-of-authorizations.ts'

/** What a URL names, of the account that asks; and the order it belongs to, for the record. */
export interface Named {
  readonly order: BrokerOrder | null
  readonly authorization: BrokerAuthorization | null
  readonly certificate: BrokerCertificate | null
  readonly within: { readonly order: string; readonly issuance: ExchangeId } | null
}

export const NOTHING_NAMED: Named = { order: null, authorization: null, certificate: null, within: null }

/** Loads it. Null: there is none, or it is somebody else's; both by the same query. */
export async function namedObjects(
  { operation, ids, endpoint }: Target,
  account: BrokerAccount,
  store: Pick<BrokerStore, 'order' | 'authorization' | 'certificate'>,
  ordersOf: OrdersOfAuthorizations,
): Promise<Named | null> {
  const owner: Owner = { endpoint: endpoint.name, account: account.id }
  const id = ids[0] ?? ''
  switch (operation) {
    case 'account':
    case 'orders':
      return id === account.id ? NOTHING_NAMED : null
    case 'order':
    case 'finalize': {
      const order = await store.order(owner, id)
      return order && { ...NOTHING_NAMED, order, within: { order: order.id, issuance: order.issuance } }
    }
    case 'authorization':
    case 'challenge': {
      const authorization = await store.authorization(owner, id)
      if (!authorization) return null
      if (operation === 'challenge' && !authorization.challenges.some((one) => one.id === ids[1])) return null
      return { ...NOTHING_NAMED, authorization, within: await ordersOf.find(owner, authorization) }
    }
    case 'certificate': {
      const certificate = await store.certificate(owner, id)
      if (!certificate || Number(ids[1] ?? 0) >= certificate.chains.length) return null
      const order = await store.order(owner, certificate.order)
      return {
        ...NOTHING_NAMED,
        certificate,
        within: order && { order: order.id, issuance: order.issuance },
      }
    }
    default:
      return NOTHING_NAMED
  }
}
