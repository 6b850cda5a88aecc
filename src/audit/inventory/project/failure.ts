import type { Identifier } from '../../../acme/identifier.ts'
import { member, stringMember } from '../../../acme/members.ts'
import { diagnose } from '../../diagnosis/diagnose.ts'
import type { Diagnosis, Symptom } from '../../diagnosis/diagnosis.ts'
import type { RecordedProblem } from '../../record.ts'
import { isOfPolicy } from './policy.ts'
import { identifiersOfExchange, operationOf, type Seen, type ToldError } from './seen.ts'

/** How an exchange itself went, apart from what it tells of challenges. */
export interface ExchangeComplaint {
  readonly problem: RecordedProblem | null
  readonly diagnosis: Diagnosis
  /** Those that subproblems name, where there are any. */
  readonly identifiers: readonly Identifier[]
}

/** Null where nothing is wrong with the exchange. */
export function exchangeComplaint(seen: Pick<Seen, 'intent' | 'outcome'>): ExchangeComplaint | null {
  const { intent, outcome } = seen
  const { problem } = outcome
  if (outcome.outcome === 'response' && problem === null && (outcome.status ?? 0) < 400) return null
  // A restart in the midst of what acmetap asked for itself: it asks again, and nobody waited for it.
  if (outcome.outcome === 'unknown' && intent.mode === 'engine') return null
  const identifiers = identifiersOfExchange(seen)
  const symptom: Symptom = {
    outcome: outcome.outcome,
    operation: operationOf(seen),
    status: outcome.status,
    problem: problem && { type: problem.type, detail: problem.detail },
    challengeType: null,
    wildcard: identifiers.some(({ value }) => value.startsWith('*.')),
    failure: outcome.failure?.cause ?? null,
    rule: intent.decision.rule,
    isPolicy: isOfPolicy(intent.decision),
    lookedHere: hasLookedHere(intent, problem?.detail),
  }
  const whole = diagnose(symptom)
  if (whole === null) return null
  return {
    problem,
    diagnosis: whole.class === 'unclassified' ? (fromSubproblems(symptom, problem) ?? whole) : whole,
    identifiers: namedBySubproblems(problem, identifiers),
  }
}

/** What a CA said is told with its name behind it. */
function hasLookedHere({ mode }: Seen['intent'], detail: string | null | undefined): boolean {
  return mode === 'broker' && detail?.includes(' (from the CA "') !== true
}

/** A problem of several often says nothing by itself (RFC 8555 §6.7.1). */
function fromSubproblems(symptom: Symptom, problem: RecordedProblem | null): Diagnosis | null {
  for (const subproblem of problem?.subproblems ?? []) {
    const type = stringMember(subproblem, 'type', 2048)
    if (type === null) continue
    const found = diagnose({
      ...symptom,
      problem: { type, detail: stringMember(subproblem, 'detail', 8192) },
    })
    if (found !== null && found.class !== 'unclassified') return found
  }
  return null
}

export function namedBySubproblems(
  problem: RecordedProblem | null,
  otherwise: readonly Identifier[],
): readonly Identifier[] {
  const named: Identifier[] = []
  for (const subproblem of problem?.subproblems ?? []) {
    const identifier = member(subproblem, 'identifier')
    const type = stringMember(identifier, 'type')
    const value = stringMember(identifier, 'value', 2048)
    if (type !== null && value !== null) named.push({ type, value })
  }
  return named.length > 0 ? named : otherwise
}

/** Why a challenge, or an order that tells no more than that it failed, went wrong. */
export function objectDiagnosis(
  seen: Pick<Seen, 'intent' | 'outcome'>,
  error: ToldError | null,
  challengeType: string | null,
  identifier: string | null,
): Diagnosis | null {
  return diagnose({
    outcome: 'response',
    operation: operationOf(seen),
    status: seen.outcome.status,
    problem: error,
    challengeType,
    wildcard: identifier?.startsWith('*.') === true,
    failure: null,
    rule: null,
    isPolicy: false,
    lookedHere: hasLookedHere(seen.intent, error?.detail),
  })
}
