/** What can be asked of policies. Every value survives JSON. */
import type { PolicyBundle } from '../policy/bundle.ts'
import type { Explanation } from '../policy/explanation.ts'
import type { ReplayEvent, ReplayRange } from '../policy/replay-report.ts'
import type { ShownPolicy } from '../policy/shown-policy.ts'
import type { SupposedRequest } from '../policy/supposed-request.ts'
import type { CasesFile } from '../policy/test-cases/parse-cases.ts'
import type { PolicyTestReport } from '../policy/test-cases/result.ts'
import type { PolicyCheck } from '../policy/workbench.ts'

export type { PolicyCheck }

export interface PolicyInForce extends ShownPolicy {
  /** RFC 3339: since when this very policy decides. */
  readonly since: string
}

/** What is asked of the record about policies, with or without a running server. */
export interface RecordedPolicies {
  /**
   * The whole way to the decision on a recorded request, by the policy of that time or by a candidate. Null where there
   * is no such exchange. Rejects with {@link import('./operations.ts').OperationRefused} where no policy decides such a
   * request, or the policy of that time is not in the record; with ConfigError for a candidate that can't be used.
   */
  explainRecorded(exchange: string, candidate: PolicyBundle | null): Promise<Explanation | null>
  /**
   * The recorded history decided again by the candidate: progress, and the report as the last event. Ends early when
   * the signal aborts. Rejects with ConfigError for a candidate that can't be used.
   */
  replay(candidate: PolicyBundle, range: ReplayRange, signal: AbortSignal): AsyncIterable<ReplayEvent>
}

export interface PolicyOperations extends RecordedPolicies {
  /** Null where no policy is configured. */
  inForce(): Promise<PolicyInForce | null>
  /** Never rejects for what is wrong with it. */
  check(candidate: PolicyBundle): Promise<PolicyCheck>
  /**
   * The whole way to the decision on a request that nobody made. Without a candidate: by the policy in force, with
   * history as it stands. Asks no webhook. Rejects with ConfigError for a candidate that can't be used, with
   * OperationRefused (409) where none is in force, (400) for a CSR that is none.
   */
  explain(request: SupposedRequest, candidate: PolicyBundle | null): Promise<Explanation>
  /** Rejects with ConfigError for a policy or for cases that can't be used. */
  test(candidate: PolicyBundle, cases: readonly CasesFile[]): Promise<PolicyTestReport>
}
