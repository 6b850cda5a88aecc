import { urlOf } from '../url-map.ts'
import { accountOf, mustOnlyRead, notFound, ownerOf } from './asking.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'

const PAGE = 100

/** RFC 8555 §7.1.2.1. */
export function orders({ store }: OperationParts): OperationHandler {
  return async (request) => {
    const { endpoint } = request
    const { id } = accountOf(request)
    const [of, cursor = null] = request.ids
    if (of !== id) throw notFound('account')
    mustOnlyRead(request)
    const page = await store.ordersOf(ownerOf(request), cursor, PAGE)
    return {
      status: 200,
      fields:
        page.next === null ? [] : [['link', `<${urlOf(endpoint, 'orders', [id, page.next])}>;rel="next"`]],
      body: { json: { orders: page.orders.map((order) => urlOf(endpoint, 'order', [order])) } },
    }
  }
}
