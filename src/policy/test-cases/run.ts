import type { PolicyVerdict } from '../../exchange/decision.ts'
import { asEnforced } from '../as-enforced.ts'
import { decisionOf } from '../denial.ts'
import { evaluate } from '../evaluate.ts'
import type { PolicyFacts } from '../facts.ts'
import type { Policy } from '../policy.ts'
import { requestsOf } from './facts-of-case.ts'
import { type CasesFile, type PlacedCase, parseCases } from './parse-cases.ts'
import type { PolicyTestReport, PolicyTestResult } from './result.ts'

const DOWN = { allow: null, reason: 'down', data: null }

interface Tried {
  readonly verdict: PolicyVerdict
  readonly detail: string | null
}

/**
 * Tries the cases of these files, as if the policy were enforced. `file`: the policy's, for the report. Throws
 * ConfigError for cases that can't be read.
 */
export function runPolicyTests(file: string, policy: Policy, files: readonly CasesFile[]): PolicyTestReport {
  const enforced = asEnforced(policy)
  const tested = new Set<string>()
  const cases = files.flatMap((one) => parseCases(one, policy.document))
  const results = cases.map((one) => {
    const tried = issue(enforced, requestsOf(one.request, policy.needs))
    for (const { verdict } of tried) {
      for (const { rule } of [verdict.decided, ...verdict.names, ...verdict.warnings]) tested.add(rule)
    }
    return resultOf(one, tried)
  })
  const passed = results.filter((result) => result.passed).length
  return {
    file,
    digest: policy.digest,
    passed,
    failed: results.length - passed,
    results,
    untested: policy.rules.map(({ name }) => name).filter((name) => !tested.has(name)),
  }
}

/** One request after the other, until one is denied: what comes after it would not have been made. */
function issue(policy: Policy, requests: readonly PolicyFacts[]): readonly Tried[] {
  const tried: Tried[] = []
  for (const request of requests) {
    const { verdict, facts } = judge(policy, request)
    const decision = decisionOf(verdict, policy, facts)
    tried.push({ verdict, detail: decision.effect === 'deny' ? decision.detail : null })
    if (decision.effect === 'deny') break
  }
  return tried
}

function judge(policy: Policy, request: PolicyFacts): { verdict: PolicyVerdict; facts: PolicyFacts } {
  let facts = request
  for (;;) {
    const result = evaluate(policy, facts)
    if ('verdict' in result) return { verdict: result.verdict, facts }
    const webhooks = Object.fromEntries(result.ask.map((name) => [name, DOWN]))
    facts = { ...facts, webhooks: { ...facts.webhooks, ...webhooks } }
  }
}

function resultOf(one: PlacedCase, tried: readonly Tried[]): PolicyTestResult {
  const { verdict, detail } = tried.at(-1)!
  const { effect, rule } = verdict.decided
  const failures: string[] = []
  if (effect !== one.expect) failures.push(`expected ${one.expect}, and ${rule} says ${effect}`)
  if (one.rule !== undefined && !deciding(verdict).has(one.rule))
    failures.push(`expected rule ${one.rule} to decide, and ${rule} does`)
  if (one.warns !== undefined) {
    const warned = [...new Set(tried.flatMap(({ verdict }) => verdict.warnings.map(({ rule }) => rule)))]
    if (warned.sort().join() !== [...one.warns].sort().join())
      failures.push(`expected a warning of ${one.warns.join(', ')}, and ${warned.join(', ') || 'none'} warns`)
  }
  if (one.detail !== undefined && !detail?.includes(one.detail))
    failures.push(
      `expected to be told "${one.detail}", and is told ${detail === null ? 'nothing' : `"${detail}"`}`,
    )
  for (const [name, expected] of Object.entries(one.names)) {
    const said = effectOn(name, verdict)
    if (said !== expected) failures.push(`expected ${expected} for ${name}, and the policy says ${said}`)
  }
  const { name, file, line } = one
  return { name, file, line, passed: failures.length === 0, effect, rule, detail, failures }
}

/** A request that passes may do so by several rules: the first name's is told. */
function deciding({ decided, names }: PolicyVerdict): ReadonlySet<string> {
  return new Set([decided.rule, ...names.map(({ rule }) => rule)])
}

function effectOn(name: string, { decided, names, deniedNames }: PolicyVerdict): 'allow' | 'deny' {
  if (deniedNames === 0) return decided.effect
  return names.some(({ identifier }) => identifier.value === name) ? 'deny' : 'allow'
}
