import type { Effect } from '../../exchange/decision.ts'

/** What came of the test cases of a policy. JSON. */
export interface PolicyTestReport {
  readonly file: string
  readonly digest: string
  readonly passed: number
  readonly failed: number
  readonly results: readonly PolicyTestResult[]
  /** Rules that decided or warned in no case. */
  readonly untested: readonly string[]
}

export interface PolicyTestResult {
  readonly name: string
  readonly file: string
  readonly line: number
  readonly passed: boolean
  /** What the policy says as if it were enforced. */
  readonly effect: Effect
  readonly rule: string
  /** What a client would be told; null where it passes. */
  readonly detail: string | null
  /** One line for each expectation that was not met. */
  readonly failures: readonly string[]
}
