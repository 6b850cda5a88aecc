import type { Clock } from '../../exchange/clock.ts'
import type { BrokerStore } from '../broker-store.ts'
import type { Endpoint } from '../endpoint.ts'
import type { Issuer, IssuerFault } from '../issuer.ts'
import type { CaStanding } from '../routing/ca-health.ts'
import type { BrokerFailPoint } from './broker-step.ts'

/** What happens to orders on their way, for log and metrics. `why`: one line with the CA's name. */
export type IssuanceEvent =
  | { readonly kind: 'placed'; readonly order: string; readonly endpoint: string; readonly ca: string }
  | {
      readonly kind: 'left'
      readonly order: string
      readonly endpoint: string
      readonly ca: string
      readonly fault: IssuerFault
      readonly why: string
    }
  | {
      readonly kind: 'issued'
      readonly order: string
      readonly endpoint: string
      readonly ca: string
      /** From finalize, µs. */
      readonly took: number
    }
  | { readonly kind: 'failed'; readonly order: string; readonly endpoint: string; readonly why: string }
  /** A CA's circuit opened or closed. */
  | { readonly kind: 'circuit'; readonly standing: CaStanding }
  /** A fault of our own; the order is gone on with later. */
  | { readonly kind: 'fault'; readonly order: string; readonly error: unknown }

export interface IssuanceParts {
  readonly store: BrokerStore
  /** Null: there is no such CA any more. */
  readonly issuer: (ca: string) => Issuer | null
  readonly endpoints: () => readonly Endpoint[]
  readonly clock: Clock
  /** Told of everything; must not throw. */
  readonly onEvent: (event: IssuanceEvent) => void
  readonly failPoint?: BrokerFailPoint
  /** Others than {@link PATIENCE}, for tests. */
  readonly patience?: Partial<Patience>
}

/** How long somebody waits, ms. */
export interface Patience {
  /** For one CA to take an order, where there is another. */
  readonly place: number
  /** The same, where it is asked to find out whether it is back. */
  readonly probe: number
  /** For all of them: clients give up after 30 s. */
  readonly begin: number
  /** Of a client for the end of its finalize. */
  readonly finalize: number
  /** First wait after what may pass, doubled each time. */
  readonly again: number
  /** Longest of these. */
  readonly longest: number
  /** With what may pass, where no other CA is left: clients poll for a few minutes. */
  readonly perseverance: number
  /** With an order that nobody knows the fate of. */
  readonly uncertain: number
  /** Between two looks at what nobody goes on with. */
  readonly sweep: number
}

export const PATIENCE: Patience = {
  place: 10_000,
  probe: 5_000,
  begin: 24_000,
  finalize: 5_000,
  again: 1_000,
  longest: 60_000,
  perseverance: 120_000,
  uncertain: 3_600_000,
  sweep: 3_600_000,
}
