import { mustOnlyRead, notFound } from './asking.ts'
import type { OperationHandler } from './operation-parts.ts'
import { orderAnswer } from './show-order.ts'

/** RFC 8555 §7.1.3. */
export function order(): OperationHandler {
  return async (request) => {
    if (request.order === null) throw notFound('order')
    mustOnlyRead(request)
    return orderAnswer(200, request.order, request.endpoint, request.at)
  }
}
