import type { ProblemName } from '../acme/problem-types.ts'

/** A verdict on one exchange, with the reasons a person needs. */
export type Decision = { readonly effect: 'allow' } | Denial

export interface Denial {
  readonly effect: 'deny'
  /** Which rule said no: `ambiguous-request` and the like. */
  readonly rule: string
  readonly problem: ProblemName
  /** HTTP status, where it is not the problem type's own. */
  readonly status?: number
  /** Seconds. */
  readonly retryAfter?: number
  /** One self-contained line for the client's user. */
  readonly detail: string
}
