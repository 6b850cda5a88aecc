import type { Classified, Received } from '../exchange/exchange.ts'
import type { Target } from './brokered-request.ts'

/**
 * Says what a request is by its target alone: the URLs are our own. What only resembles one of them is nothing, and answered
 * so; nothing is sent on that another server could take for something else.
 */
export function classifyRequest(exchange: Received, target: Target | null): Classified {
  return {
    ...exchange,
    operation: target?.operation ?? 'unrecognised',
    resource: null,
    ambiguities: exchange.request.ambiguities,
  }
}
