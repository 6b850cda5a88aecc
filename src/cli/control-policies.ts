import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import type { PolicyCheck, PolicyInForce, PolicyOperations } from '../api/policy-operations.ts'
import type { Explanation } from '../policy/explanation.ts'
import type { ReplayEvent } from '../policy/replay-report.ts'
import type { PolicyTestReport } from '../policy/test-cases/result.ts'
import { CliError } from './cli-error.ts'

interface Calls {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body: unknown): Promise<T>
  /** An answer that comes line by line, once it is known to be one. */
  stream(path: string, body: unknown, signal: AbortSignal): Promise<IncomingMessage>
  orNull<T>(answer: Promise<T>): Promise<T | null>
}

/** The policies of the server behind a control socket. */
export function remotePolicies({ get, post, stream, orNull }: Calls): PolicyOperations {
  return {
    inForce: () => orNull(get<PolicyInForce>('/policy')),
    check: (policy) => post<PolicyCheck>('/policy/check', { policy }),
    explain: ({ at, ...request }, candidate) =>
      post<Explanation>('/policy/explain', {
        request: { ...request, at: instant(at) },
        ...(candidate === null ? {} : { policy: candidate }),
      }),
    explainRecorded(exchange, candidate) {
      const path = `/exchanges/${encodeURIComponent(exchange)}/explanation`
      return orNull(candidate === null ? get<Explanation>(path) : post(path, { policy: candidate }))
    },
    test: (policy, cases) => post<PolicyTestReport>('/policy/test', { policy, cases }),
    async *replay(policy, { since, until }, signal) {
      const wanted = {
        policy,
        since: instant(since),
        ...(until === null ? {} : { until: instant(until) }),
      }
      try {
        const answer = await stream('/policy/replay', wanted, signal)
        for await (const line of createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY })) {
          if (line !== '') yield eventOf(line)
        }
      } catch (error) {
        if (!signal.aborted) throw error
      }
    },
  }
}

function eventOf(line: string): ReplayEvent {
  const event = JSON.parse(line) as ReplayEvent | { readonly kind: 'failed'; readonly detail: string }
  if (event.kind === 'failed') throw new CliError(event.detail)
  return event
}

function instant(millis: number): string {
  return new Date(millis).toISOString()
}
