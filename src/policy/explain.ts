import { PROBLEM_TYPES, problemUrn } from '../acme/problem-types.ts'
import type { Deciding, PolicyVerdict, WebhookAnswer } from '../exchange/decision.ts'
import { asEnforced } from './as-enforced.ts'
import { decisionOf } from './denial.ts'
import { evaluate } from './evaluate.ts'
import type {
  ExplainedCondition,
  ExplainedName,
  ExplainedRule,
  Explanation,
  RecordedComparison,
  ToldClient,
} from './explanation.ts'
import type { PolicyFacts } from './facts.ts'
import { Judging } from './judging.ts'
import type { Condition, Policy, Rule } from './policy.ts'
import { acts, FALSE, truthFor, truthOf } from './possible.ts'
import { because, isExpired } from './rules-seen.ts'
import { defaultOf, requestFault, type Standing, type Subject, subjectsOf } from './standing.ts'

const MOST_NAMES = 100

const NOT_ASKED: WebhookAnswer = { allow: null, reason: 'not asked for an explanation', data: null }

export interface ExplainOptions {
  /** Where the policy came from; null where nobody knows. */
  readonly file?: string | null
  /** Id of the exchange, for the texts that name it. */
  readonly record?: string
}

/**
 * The whole way to the decision on these facts: every rule in its order, what each of its conditions says, for each name.
 * Asks no webhook: one without an answer in the facts is not known.
 */
export function explain(policy: Policy, facts: PolicyFacts, options: ExplainOptions = {}): Explanation {
  const { record } = options
  const named = record === undefined ? {} : { record }
  const answered = withAnswers(policy, facts)
  const verdict = verdictOf(policy, answered, named)
  const subjects = subjectsOf(answered)
  const trace = new Trace(policy, answered)
  const names = subjects.map((subject) => trace.name(subject))
  const denied = (name: ExplainedName) => name.decided.effect === 'deny' || name.would.effect === 'deny'
  const sorted = [...names.filter(denied), ...names.filter((name) => !denied(name))]
  return {
    policy: {
      file: options.file ?? null,
      digest: policy.digest,
      mode: policy.document.mode,
      default: policy.document.default,
    },
    request: {
      at: new Date(facts.at).toISOString(),
      operation: facts.operation,
      mode: facts.mode,
      ca: facts.ca,
      identifiers: facts.identifiers ?? null,
    },
    decided: verdict.decided,
    would: verdict.would,
    elsewhere: trace.elsewhere(subjects),
    warnings: verdict.warnings,
    told: toldOf(policy, answered, verdict, named),
    names: sorted.slice(0, MOST_NAMES),
    moreNames: Math.max(0, sorted.length - MOST_NAMES),
    read: verdict.read,
    recorded: null,
  }
}

/** What a recorded request is explained beside: what was decided then. */
export interface RecordedDecision {
  readonly exchange: string
  readonly policyDigest: string | null
  readonly decision: { readonly effect: string; readonly policy?: Omit<PolicyVerdict, 'digest'> | null }
}

/** As {@link explain}, and what differs from what was decided then. */
export function explainRecorded(
  policy: Policy,
  facts: PolicyFacts,
  { exchange, policyDigest, decision }: RecordedDecision,
  options: ExplainOptions = {},
): Explanation {
  const explanation = explain(policy, facts, { ...options, record: exchange })
  const then = decision.policy ?? null
  const again = verdictOf(policy, withAnswers(policy, facts), { record: exchange })
  const recorded: RecordedComparison = {
    exchange,
    digest: then === null ? null : policyDigest,
    by: then !== null && policyDigest === policy.digest ? 'then' : 'candidate',
    effect: decision.effect === 'deny' ? 'deny' : 'allow',
    verdict: then === null || policyDigest === null ? null : { digest: policyDigest, ...then },
    differs: then === null ? [] : COMPARED.filter((part) => text(then[part]) !== text(again[part])),
    unknown: notTold(facts),
  }
  return { ...explanation, recorded }
}

const COMPARED = ['decided', 'would', 'names', 'warnings'] as const

function text(value: unknown): string {
  return JSON.stringify(value)
}

/** What the record no longer tells of a request, or never did. */
function notTold({ client, identifiers, asked, order, operation }: PolicyFacts): readonly string[] {
  const { address, label, proxyUser, userAgent, contacts, externalAccount } = client
  const values = { address, label, 'proxy user': proxyUser, 'User-Agent': userAgent, contacts }
  const missing = Object.entries(values)
    .filter(([, value]) => value === undefined)
    .map(([name]) => `the ${name} of the client`)
  if (externalAccount === undefined) missing.push('the external account binding of the account')
  if (identifiers === undefined) missing.push('the names')
  if (order === undefined) missing.push('what the order asked for')
  if (operation === 'finalize' && asked === null) missing.push('the CSR')
  return missing
}

/** A webhook that a rule asks and that has no answer is not known. */
function withAnswers(policy: Policy, facts: PolicyFacts): PolicyFacts {
  let answered = facts
  for (;;) {
    const result = evaluate(policy, answered)
    if ('verdict' in result) return answered
    const answers = Object.fromEntries(result.ask.map((name) => [name, NOT_ASKED]))
    answered = { ...answered, webhooks: { ...answered.webhooks, ...answers } }
  }
}

function verdictOf(
  policy: Policy,
  answered: PolicyFacts,
  options: { readonly record?: string },
): PolicyVerdict {
  const result = evaluate(policy, answered, options)
  if ('ask' in result) throw new Error(`a webhook was asked that has its answer: ${result.ask.join(', ')}`)
  return result.verdict
}

function toldOf(
  policy: Policy,
  facts: PolicyFacts,
  { decided, would }: PolicyVerdict,
  options: { readonly record?: string },
): ToldClient | null {
  const inForce = decided.effect === 'deny'
  if (!inForce && would.effect === 'allow') return null
  const by = inForce ? policy : asEnforced(policy)
  const answered = withAnswers(by, facts)
  const decision = decisionOf(verdictOf(by, answered, options), by, answered, options)
  if (decision.effect === 'allow') return null
  const { problem, status, detail, help = null, subproblems = [] } = decision
  return {
    inForce,
    status: status ?? PROBLEM_TYPES[problem].status,
    type: problemUrn(problem),
    detail,
    help,
    subproblems: subproblems.map((one) => ({
      type: problemUrn(one.problem),
      detail: one.detail,
      identifier: one.identifier,
    })),
  }
}

type Source = Rule | Standing

interface Sources {
  readonly decided: Source
  readonly would: Source
  /** What decides where rules of mode warn act. */
  readonly heard: Source
}

/** Every rule on every name, what it does not decide too. */
class Trace {
  readonly #policy: Policy
  readonly #judging: Judging
  readonly #fault: Standing | null

  constructor(policy: Policy, facts: PolicyFacts) {
    this.#policy = policy
    this.#judging = new Judging(facts, policy.slots)
    this.#fault = requestFault(facts)
  }

  name(subject: Subject): ExplainedName {
    const { identifier, judged } = subject
    const fault = this.#fault ?? subject.fault
    const sources = this.#deciding(subject, fault)
    const values = { decided: decidingOf(sources.decided), would: decidingOf(sources.would) }
    const isName = judged !== null && judged !== 'unreadable'
    return {
      identifier,
      normalised: isName
        ? `${judged.covers === 'host' ? '' : judged.covers === 'wildcard' ? '*.' : '.'}${judged.value}`
        : null,
      fault: subject.fault?.message({}) ?? null,
      ...values,
      rules: this.#policy.rules.map((rule) => this.#rule(rule, subject, sources)),
    }
  }

  /** Conditions that are asked at another request of the issuance, of rules that this one does not fail otherwise. */
  elsewhere(subjects: readonly Subject[]): readonly string[] {
    const found = new Set<string>()
    for (const { judged } of subjects.slice(0, MOST_NAMES)) {
      for (const rule of this.#policy.rules) {
        if (isExpired(rule, this.#judging.facts.at)) continue
        if (truthFor(rule, rule.when.judge(this.#judging, judged)) !== 'elsewhere') continue
        found.add(`${rule.name}: ${because(rule.when, this.#judging, judged)}`)
      }
    }
    return [...found]
  }

  #deciding(subject: Subject, fault: Standing | null): Sources {
    const { mode } = this.#policy.document
    let would: Source | null = fault
    let heard: Source | null = mode === 'warn' ? fault : null
    if (fault !== null && mode === 'enforce') return { decided: fault, would: fault, heard: fault }
    for (const rule of this.#policy.rules) {
      if (rule.effect === 'warn' || !this.#acts(rule, subject)) continue
      would ??= rule
      if (rule.mode !== 'observe') heard ??= rule
      if (rule.mode === 'enforce') return { decided: rule, would, heard: heard ?? rule }
    }
    const otherwise = defaultOf(this.#policy, false)
    return { decided: defaultOf(this.#policy, true), would: would ?? otherwise, heard: heard ?? otherwise }
  }

  #acts(rule: Rule, { judged }: Subject): boolean {
    if (isExpired(rule, this.#judging.facts.at)) return false
    return acts(rule, rule.when.judge(this.#judging, judged)) === true
  }

  #rule(rule: Rule, subject: Subject, sources: Sources): ExplainedRule {
    const { judged } = subject
    const possible = rule.when.judge(this.#judging, judged)
    const expired = isExpired(rule, this.#judging.facts.at)
    return {
      rule: rule.name,
      effect: rule.effect,
      mode: rule.mode,
      owner: rule.owner,
      matched: expired ? 'expired' : truthFor(rule, possible),
      role: this.#roleOf(rule, subject, sources),
      because: expired ? null : because(rule.when, this.#judging, judged),
      conditions: this.#isNear(rule.when, judged) ? this.#tree(rule.when, judged) : null,
    }
  }

  #roleOf(rule: Rule, subject: Subject, { decided, would, heard }: Sources): ExplainedRule['role'] {
    if (rule === decided) return 'decides'
    const isAfter = 'when' in decided ? rule.index > decided.index : decided === this.#faultOf(subject)
    if (isAfter) return 'afterwards'
    if (rule === would) return 'would decide'
    if (!this.#acts(rule, subject)) return 'passed over'
    const isHeard = rule === heard && rule.mode === 'warn' && rule.effect === 'deny'
    return rule.effect === 'warn' || isHeard ? 'warns' : 'passed over'
  }

  #faultOf(subject: Subject): Standing | null {
    return this.#fault ?? subject.fault
  }

  /** Whether some condition of it holds: then a reader may have expected the rule to match. */
  #isNear(condition: Condition, judged: Subject['judged']): boolean {
    if (condition.judge(this.#judging, judged) !== FALSE) return true
    return condition.parts.some((part) => this.#isNear(part, judged))
  }

  #tree(condition: Condition, judged: Subject['judged']): ExplainedCondition {
    const { text, parts } = condition
    const truth = truthOf(condition.judge(this.#judging, judged))
    return { text, truth, parts: parts.map((part) => this.#tree(part, judged)) }
  }
}

function decidingOf({ effect, name }: Source): Deciding {
  return { effect: effect === 'deny' ? 'deny' : 'allow', rule: name }
}
