import type { Method } from '../support/peers/client.ts'
import type { Mode } from './world.ts'

export const OPERATIONS = ['issue', 'renew', 'revoke'] as const
export type Operation = (typeof OPERATIONS)[number]

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
}

export function rowOperation({ variant }: Case, operation: Operation): string {
  return variant === undefined ? operation : `${operation} (${variant})`
}
