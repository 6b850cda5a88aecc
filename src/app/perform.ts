import type { CaDispatcher } from '../ca/dispatcher.ts'
import type { Completed, Received } from '../exchange/exchange.ts'
import type { Chains } from '../proxy/stages.ts'
import type { Traffic } from './traffic.ts'

/** Sends one of acmetap's own requests through the stages, as everybody's: decided, paced, recorded. */
export type Perform = (request: Received) => Promise<Completed>

export interface PerformParts {
  readonly chains: Pick<Chains, 'engine'>
  readonly traffic: Pick<Traffic, 'exitOf'>
  readonly dispatcher: Pick<CaDispatcher, 'send'>
  /** Told of every exchange when it has ended. */
  readonly completed: (exchange: Completed) => void
  /** Aborted when the process ends: nobody waits for these answers then. */
  readonly ending: AbortSignal
}

export function performWith({ chains, traffic, dispatcher, completed, ending }: PerformParts): Perform {
  return async (request) => {
    const exit = traffic.exitOf(request, (ca, outgoing) => dispatcher.send(ca, outgoing, ending))
    const exchange = await chains.engine(request, exit)
    completed(exchange)
    return exchange
  }
}
