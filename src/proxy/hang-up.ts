import type { ObservedRequest } from '../exchange/exchange.ts'
import type { HttpResponse } from './listener-options.ts'

const responses = new WeakMap<ObservedRequest, HttpResponse>()

/** Ties a request that was read to the answer its client waits for. */
export function rememberResponse(request: ObservedRequest, response: HttpResponse): void {
  responses.set(request, response)
}

/** Aborted when the client of a request goes away before it is answered; undefined where nobody can. */
export function hangUpOf(request: ObservedRequest): AbortSignal | undefined {
  const response = responses.get(request)
  if (response === undefined) return undefined
  const gone = new AbortController()
  if (response.destroyed) gone.abort()
  else response.once('close', () => gone.abort())
  return gone.signal
}
