import type { OperationHandler } from './operation-parts.ts'

/** RFC 8555 §7.2. The nonce itself is put beside the answer, as it is to every other. */
export function newNonce(): OperationHandler {
  return async ({ method }) => ({
    status: method === 'GET' ? 204 : 200,
    fields: [['cache-control', 'no-store']],
    body: null,
  })
}
