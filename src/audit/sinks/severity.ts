import { problemShortName } from '../../acme/problem-types.ts'
import type { EndedRecord } from '../formats/line.ts'
import { warningsOf } from '../inventory/project/policy.ts'
import type { Severity } from './output.ts'

/** Problems that belong to the ordinary run of a client. */
const ORDINARY: ReadonlySet<string> = new Set(['badNonce', 'orderNotReady'])

/**
 * How much an exchange wants to be looked at: 6 went well; 5 the CA said no in the ordinary run, or a rule of the policy
 * warned of what passed; 4 refused by acmetap, a
 * rate limit, a failed validation or any other no of the CA; 3 no answer, or the CA's own fault.
 */
export function severityOf(exchange: EndedRecord): Severity {
  const severity = severityOfOutcome(exchange)
  return severity === 6 && warningsOf(exchange.intent.decision).length > 0 ? 5 : severity
}

function severityOfOutcome({ outcome }: EndedRecord): Severity {
  if (outcome.outcome === 'refused') return 4
  if (outcome.outcome !== 'response') return 3
  const status = outcome.status ?? 0
  if (status >= 500) return 3
  if (status >= 400) return ORDINARY.has(problemShortName(outcome.problem?.type ?? '')) ? 5 : 4
  return outcome.objectStatus === 'invalid' ? 4 : 6
}
