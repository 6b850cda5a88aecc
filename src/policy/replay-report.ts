import type { Effect } from '../exchange/decision.ts'

/** What a candidate makes of the recorded history. JSON; times in ISO 8601. */
export interface ReplayReport {
  readonly candidate: PolicyUsed
  /** Policies that were in force when the requests were made, by digest, most requests first; null: none was. */
  readonly before: readonly { readonly digest: string | null; readonly requests: number }[]
  /** What was judged; `countedFrom`: where reading began, so that budgets and accounts are as they stood. */
  readonly range: {
    readonly since: string
    readonly until: string
    readonly countedFrom: string
    /** Facts were removed for their age after `countedFrom`: what came before is not known. */
    readonly incomplete: boolean
  }
  readonly totals: ReplayTotals
  /** Rules of the candidate that decided otherwise than was decided then, or warned. */
  readonly rules: Groups
  readonly clients: Groups
  readonly names: Groups
  /** Requests whose decision can't be known for sure, by what was not known. */
  readonly unknown: Groups
  /** What a reader has to know of these numbers, one sentence each. */
  readonly notes: readonly string[]
}

export interface PolicyUsed {
  readonly file: string
  readonly digest: string
  readonly mode: string
  readonly rules: number
}

/**
 * Of requests that a policy decides. `was` is what happened: denied by the policy of that time, or not. `now` is the
 * candidate as if it were enforced.
 */
export interface ReplayTotals {
  /** Judged by the candidate. */
  readonly decided: number
  readonly orders: number
  /** Decided as then. */
  readonly same: number
  /** Passed then. */
  readonly deniedNow: number
  /** Denied by the policy of then. */
  readonly allowedNow: number
  /** Of `deniedNow`: those that the candidate would deny with its modes as they are written. */
  readonly deniedInForce: number
  /** The candidate has a warning. */
  readonly warned: number
  /** Not known for sure; counted by what the rules say of unknown, too. */
  readonly unknown: number
  /** Later requests of orders that the candidate denies: they would not have been made, and are not judged. */
  readonly follows: number
  /** Refused then for what holds under every policy, so that none was asked. */
  readonly notAsked: number
  /** Recorded before policies were: what their CSRs and payloads asked for is not known. */
  readonly withoutAsked: number
}

/** Most requests first, at most 200; `others` are requests of groups beyond. */
export interface Groups {
  readonly groups: readonly ReplayGroup[]
  readonly others: number
}

export interface ReplayGroup {
  /** Name of a rule, client as the inventory shows it, identifier, or condition. */
  readonly key: string
  readonly deniedNow: number
  readonly allowedNow: number
  readonly warned: number
  readonly unknown: number
  /** The first of them: at most 20, of a name 3. */
  readonly samples: readonly ReplaySample[]
}

export interface ReplaySample {
  /** Of the record: `acmetap exchanges show`. */
  readonly exchange: string
  readonly at: string
  readonly operation: string
  readonly ca: string
  readonly client: string
  /** At most 5. */
  readonly names: readonly string[]
  readonly was: { readonly effect: Effect; readonly rule: string | null }
  readonly now: { readonly effect: Effect; readonly rule: string; readonly message: string | null }
}

export interface ReplayProgress {
  readonly kind: 'progress'
  /** Facts of the record that were passed, of so many. */
  readonly done: number
  readonly total: number
  readonly decided: number
  /** ISO 8601: how far it has come. */
  readonly at: string | null
}

export type ReplayEvent = ReplayProgress | { readonly kind: 'report'; readonly report: ReplayReport }

/** Times in ms since 1970. */
export interface ReplayRange {
  readonly since: number
  /** Null: to the end of the record. */
  readonly until: number | null
}
