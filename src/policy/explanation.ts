import type { Identifier } from '../acme/identifier.ts'
import type { Deciding, PolicyMode, PolicyRead, PolicyVerdict } from '../exchange/decision.ts'
import type { Truth } from './truth.ts'

/** The whole way to a decision, for people and for JSON. */
export interface Explanation {
  readonly policy: {
    readonly file: string | null
    readonly digest: string
    readonly mode: PolicyMode
    readonly default: 'allow' | 'deny'
  }
  readonly request: ExplainedRequest
  readonly decided: Deciding
  readonly would: Deciding
  /** What is not asked at this request, but at another of the issuance, as written. */
  readonly elsewhere: readonly string[]
  readonly warnings: PolicyVerdict['warnings']
  /** What the client would be told; null where the request passes. `inForce` false: only if the policy were enforced. */
  readonly told: ToldClient | null
  /** One for each name; a single one with `identifier` null for a request without names. At most 100, denied ones first. */
  readonly names: readonly ExplainedName[]
  /** Names that are not in `names`. */
  readonly moreNames: number
  /** What the conditions read beside the request. */
  readonly read: PolicyRead
  /** Only where a recorded request is explained. */
  readonly recorded: RecordedComparison | null
}

export interface ExplainedRequest {
  /** ISO 8601. */
  readonly at: string
  readonly operation: string
  readonly mode: string
  readonly ca: string
  /** Null: an object that was not made through acmetap. */
  readonly identifiers: readonly Identifier[] | null
}

export interface ToldClient {
  readonly inForce: boolean
  readonly status: number
  /** `urn:ietf:params:acme:error:…`. */
  readonly type: string
  readonly detail: string
  readonly help: string | null
  readonly subproblems: readonly {
    readonly type: string
    readonly detail: string
    readonly identifier: Identifier
  }[]
}

export interface ExplainedName {
  readonly identifier: Identifier | null
  /** As rules compare it; null where it is refused, with `fault`. */
  readonly normalised: string | null
  readonly fault: string | null
  readonly decided: Deciding
  readonly would: Deciding
  /** Every rule up to the one that decided, in the file's order; those behind it are `afterwards`. */
  readonly rules: readonly ExplainedRule[]
}

export interface ExplainedRule {
  readonly rule: string
  readonly effect: 'allow' | 'deny' | 'warn'
  readonly mode: PolicyMode
  readonly owner: string | null
  readonly matched: Truth | 'expired'
  /** What that means: it decided, was passed over, only warned, came after the deciding one. */
  readonly role: 'decides' | 'would decide' | 'warns' | 'passed over' | 'afterwards'
  /** The first condition that was not met or not known, as written. */
  readonly because: string | null
  /** Truth of each condition, for rules that match or of which some condition does; else null. */
  readonly conditions: ExplainedCondition | null
}

export interface ExplainedCondition {
  readonly text: string
  readonly truth: Truth
  readonly parts: readonly ExplainedCondition[]
}

export interface RecordedComparison {
  readonly exchange: string
  /** Of the policy that decided then; null: none was in force. */
  readonly digest: string | null
  /** `then`: explained by that policy. `candidate`: by another. */
  readonly by: 'then' | 'candidate'
  readonly effect: 'allow' | 'deny'
  readonly verdict: PolicyVerdict | null
  /** What of the verdict differs now: `decided`, `would`, `names`, `warnings`. Empty: it is the same. */
  readonly differs: readonly string[]
  /** What the record no longer tells, one line each: erased addresses, a CSR of before policies. */
  readonly unknown: readonly string[]
}
