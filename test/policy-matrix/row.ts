import type { Operation } from '../../src/acme/operation.ts'
import type { Place } from './place.ts'

/** One condition or effect, with the cases that show both sides of it under the same policy. */
export interface Row {
  /** The condition as a policy says it, or what else is shown. */
  readonly shows: string
  /** Rules, mode, default: everything but the version. */
  readonly policy: (place: Place) => string
  readonly cases: readonly Case[]
  /** Where it can be shown, if not in both. */
  readonly only?: Place['mode']
}

export interface Case {
  /** Who asks; `raw` where no client can. */
  readonly client: string
  /** Rejects where the client got an error. */
  readonly run: (place: Place) => Promise<void>
  /** What is denied, once or more often, and by which rule. Absent: everything passes. */
  readonly denied?: Said
  /** What would be denied if all were enforced. */
  readonly would?: Said
  /** The rule that warns. */
  readonly warned?: Said
  /** Another policy than the row's, where one can't show both sides. */
  readonly policy?: (place: Place) => string
}

export type Said = readonly [operation: Operation, rule: string]
