import { mustOnlyRead, notFound, ownerOf } from './asking.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'
import { orderAnswer } from './show-order.ts'

/** RFC 8555 §7.1.3. */
export function order({ store }: OperationParts): OperationHandler {
  return async (request) => {
    const found = await store.order(ownerOf(request), request.ids[0] ?? '')
    if (found === null) throw notFound('order')
    mustOnlyRead(request)
    return orderAnswer(200, found, request.endpoint, request.at)
  }
}
