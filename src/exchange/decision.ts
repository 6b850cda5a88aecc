import type { ProblemName } from '../acme/problem-types.ts'

/** A policy's verdict on one exchange, with the reasons a person needs. */
export type Decision =
  | { readonly effect: 'allow' }
  | {
      readonly effect: 'deny'
      /** Which rule said no: `ambiguous-request` and the like. */
      readonly rule: string
      readonly problem: ProblemName
      /** One self-contained line for the client's user. */
      readonly detail: string
    }
