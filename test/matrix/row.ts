import type { Method } from '../support/peers/client.ts'
import { type BrokerWay, describeWay } from './broker-cases.ts'
import type { Mode } from './world.ts'

export const OPERATIONS = ['issue', 'renew', 'rollKey', 'revoke', 'deactivate'] as const
export type Operation = (typeof OPERATIONS)[number]

/** What an account does for itself is asked of acmetap in broker alone; elsewhere the CA answers it. */
export const BROKER_ONLY: readonly Operation[] = ['rollKey', 'deactivate']

/** How a case differs from the plain one of its mode. */
export type Variant = 'https:// proxy' | 'DNS API by proxy'

/** `cannot`: it does not work and `reason` is what was seen. */
export type Result = 'ok' | 'failed' | 'cannot' | 'documented, not run'

export interface Row {
  readonly mode: Mode
  readonly client: string
  readonly challenge: Method | '-'
  /** With the variant in brackets where there is one. */
  readonly operation: string
  readonly result: Result
  readonly reason: string
}

export interface Case {
  readonly mode: Mode
  readonly challenge: Method
  readonly operations: readonly Operation[]
  readonly variant?: Variant
  /** In mode broker, and there always. */
  readonly broker?: BrokerWay
}

export function rowOperation({ variant, broker }: Case, operation: Operation): string {
  const brackets = broker === undefined ? variant : describeWay(broker)
  return brackets === undefined ? operation : `${operation} (${brackets})`
}

/** The challenge that the client answers; it is shown none where the endpoint's proof is policy. */
export function rowChallenge({ challenge, broker }: Case): Row['challenge'] {
  return broker?.proof === 'policy' ? '-' : challenge
}
