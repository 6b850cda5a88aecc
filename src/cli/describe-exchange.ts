/** What people want to know of one exchange, in a few words each. Nothing here is escaped yet. */
import { problemShortName } from '../acme/problem-types.ts'
import type { RecordedProblem } from '../audit/record.ts'
import type { RecordedExchange } from '../audit/record-store.ts'
import { durationText } from './time.ts'

/** How it ended, for colours and for people in a hurry. */
export type Tone = 'good' | 'bad' | 'open'

export function toneOf({ outcome }: RecordedExchange): Tone {
  if (outcome === null) return 'open'
  if (outcome.outcome !== 'response' || (outcome.status ?? 0) >= 400) return 'bad'
  return outcome.objectStatus === 'invalid' ? 'bad' : 'good'
}

/** `201`, `200 valid`, `429 rateLimited`, `refused malformed`, `failed reset`, `running`, `unknown`, `not sent`. */
export function statusText({ outcome }: RecordedExchange): string {
  if (outcome === null) return 'running'
  const problem = outcome.problem === null ? null : problemShortName(outcome.problem.type)
  switch (outcome.outcome) {
    case 'response':
      if (outcome.tunnel) return `tunnel ${outcome.tunnel.end}`
      return [outcome.status, problem ?? outcome.objectStatus].filter((part) => part !== null).join(' ')
    case 'refused':
      return `refused ${problem ?? ''}`.trimEnd()
    case 'failed':
      return `failed ${outcome.failure?.cause ?? ''}`.trimEnd()
    case 'unknown':
      return 'unknown'
    case 'notSent':
      return 'not sent'
  }
}

/** Our durations: all of it, and what of it was the CA's. */
export function durationOf({ outcome }: RecordedExchange): string {
  return durationText(outcome?.durationTotal ?? null)
}

/** What it was: where only the answer showed it, what the answer showed. */
export function operationOf({ intent, outcome }: RecordedExchange): string {
  return outcome?.operation ?? intent.operation
}

/** Names it is about; else the object's short name; else the target. */
export function subjectOf(exchange: RecordedExchange): string {
  const names = namesOf(exchange)
  if (names.length > 0) return names.join(', ')
  const { intent } = exchange
  if (intent.operation === 'newAccount' || intent.operation === 'account') return accountOf(exchange) ?? ''
  if (intent.operation === 'directory' || intent.operation === 'newNonce')
    return intent.request.authority ?? ''
  return intent.request.target
}

export function namesOf({ intent, outcome }: RecordedExchange): readonly string[] {
  const identifiers = intent.identifiers.length > 0 ? intent.identifiers : (outcome?.identifiers ?? [])
  return identifiers.map(({ value }) => value)
}

export function accountOf({ intent, outcome }: RecordedExchange): string | null {
  return outcome?.account ?? intent.account
}

export function issuanceOf({ intent, outcome }: RecordedExchange): string | null {
  return outcome?.issuance ?? intent.issuance
}

/**
 * The proxy user where there is one, then the first product of the User-Agent, else the address:
 * `CertbotACMEClient/2.1.0`, `cluster-a CertbotACMEClient/2.1.0`, `10.0.0.7`, `acmetap`.
 */
export function clientOf({ intent, personal }: RecordedExchange): string {
  if (intent.mode === 'engine') return 'acmetap'
  const product = intent.client.userAgent?.split(' ')[0]
  const program =
    product !== undefined && product !== '' ? product : (personal.clientAddress ?? 'unknown client')
  return personal.proxyUser === undefined ? program : `${personal.proxyUser} ${program}`
}

/** `1234 bytes up, 56 down in 2.3 s`; null for what is no opened tunnel. */
export function tunnelText({ outcome }: RecordedExchange): string | null {
  const tunnel = outcome?.tunnel
  if (!tunnel) return null
  return `${tunnel.up} bytes up, ${tunnel.down} down in ${durationText(tunnel.duration)}; ended: ${tunnel.end}`
}

/** One line a problem: of the answer, of the object in it, of each subproblem, of our own failure. */
export function complaintsOf({ intent, outcome }: RecordedExchange): readonly string[] {
  if (outcome === null) return []
  const lines: string[] = []
  if (outcome.failure !== null) lines.push(`${outcome.failure.cause}: ${outcome.failure.message}`)
  for (const problem of [outcome.problem, outcome.objectError]) {
    if (problem !== null) lines.push(...problemLines(problem))
  }
  for (const { kind, where } of intent.decision.ambiguities) lines.push(`ambiguous: ${kind} at ${where}`)
  if (outcome.retryAfter !== null && toneOf({ outcome } as RecordedExchange) === 'bad') {
    lines.push(`retry after ${outcome.retryAfter} s`)
  }
  return lines
}

function problemLines(problem: RecordedProblem): string[] {
  const own = `${problemShortName(problem.type)}: ${problem.detail ?? 'no detail'}`
  return [own, ...problem.subproblems.map(subproblemLine)]
}

function subproblemLine(subproblem: unknown): string {
  const { type, detail, identifier } = (subproblem ?? {}) as Record<string, unknown>
  const about = (identifier as { value?: unknown } | undefined)?.value
  const name = typeof type === 'string' ? problemShortName(type) : 'problem'
  return `${about === undefined ? '' : `${String(about)}: `}${name}: ${typeof detail === 'string' ? detail : 'no detail'}`
}
