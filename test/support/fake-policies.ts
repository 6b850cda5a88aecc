import type { PolicyCheck, PolicyInForce, PolicyOperations } from '../../src/api/policy-operations.ts'
import type { PolicyBundle } from '../../src/policy/bundle.ts'
import type { Explanation } from '../../src/policy/explanation.ts'
import type { ReplayEvent, ReplayRange } from '../../src/policy/replay-report.ts'
import type { SupposedRequest } from '../../src/policy/supposed-request.ts'
import type { CasesFile } from '../../src/policy/test-cases/parse-cases.ts'
import type { PolicyTestReport } from '../../src/policy/test-cases/result.ts'

/** Policies that answer what they were given, and remember how they were asked. */
export class FakePolicies implements PolicyOperations {
  readonly calls: unknown[][] = []
  shown: PolicyInForce | null = null
  checked: PolicyCheck | null = null
  explained: Explanation | null = null
  readonly recorded = new Map<string, Explanation>()
  tested: PolicyTestReport | null = null
  events: ReplayEvent[] = []
  /** Where given, asking for anything rejects with it. */
  refusal: Error | null = null
  /** Where true, a replay waits for its signal after the events. */
  endless = false
  ended = 0

  async inForce() {
    return this.shown
  }
  async check(candidate: PolicyBundle) {
    return this.#answer('check', this.checked, candidate)
  }
  async explain(request: SupposedRequest, candidate: PolicyBundle | null) {
    return this.#answer('explain', this.explained, request, candidate)
  }
  async explainRecorded(exchange: string, candidate: PolicyBundle | null) {
    this.calls.push(['explainRecorded', exchange, candidate])
    if (this.refusal !== null) throw this.refusal
    return this.recorded.get(exchange) ?? null
  }
  async test(candidate: PolicyBundle, cases: readonly CasesFile[]) {
    return this.#answer('test', this.tested, candidate, cases)
  }
  async *replay(candidate: PolicyBundle, range: ReplayRange, signal: AbortSignal) {
    this.calls.push(['replay', candidate, range])
    if (this.refusal !== null) throw this.refusal
    try {
      yield* this.events
      if (this.endless && !signal.aborted)
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    } finally {
      this.ended += 1
    }
  }

  #answer<T>(call: string, answer: T | null, ...given: unknown[]): T {
    this.calls.push([call, ...given])
    if (this.refusal !== null) throw this.refusal
    if (answer === null) throw new Error(`nothing was prepared for ${call}`)
    return answer
  }
}
