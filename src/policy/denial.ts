import type { Operation } from '../acme/operation.ts'
import type { ProblemName } from '../acme/problem-types.ts'
import type { Decision, NameVerdict, PolicyVerdict } from '../exchange/decision.ts'
import { BUILT_IN } from './built-in.ts'
import { printableLine } from './document/printable-line.ts'
import type { ConditionDocument } from './document.ts'
import { type EvaluateOptions, unknownOf } from './evaluate.ts'
import type { PolicyFacts } from './facts.ts'
import { Judging } from './judging.ts'
import { messageValues } from './message-values.ts'
import { everyCondition } from './needs.ts'
import type { Policy, Rule } from './policy.ts'
import { defaultOf, requestFault, type Standing, subjectsOf } from './standing.ts'
import { messageFor } from './usual-words.ts'

const MOST_SUBPROBLEMS = 100
const LONGEST_DETAIL = 1000
const MOST_NAMED = 5
const LONGEST_NAME = 100
const LONGEST_OWNER = 200

/**
 * The decision that a verdict makes, in force: an allowance, or a denial with everything that the client's user has to
 * know in its one line. `policy` and `facts` are those of the verdict.
 */
export function decisionOf(
  verdict: PolicyVerdict,
  policy: Policy,
  facts: PolicyFacts,
  { record }: Pick<EvaluateOptions, 'record'> = {},
): Decision {
  const { decided } = verdict
  if (decided.effect === 'allow') return { effect: 'allow', policy: verdict }
  const names = verdict.names.filter(({ effect }) => effect === 'deny')
  const rule = ruleCalled(policy, decided.rule)
  const help = rule?.link ?? policy.document.link
  const retryAfter = rule === null ? null : secondsUntilEnd(policy.document.rules[rule.index]!.when, facts.at)
  return {
    effect: 'deny',
    rule: decided.rule,
    problem: problemOf(decided.rule, policy, facts, names.length > 0),
    detail: detailOf(verdict, names, policy, facts, record ?? null),
    ...(help !== null && { help }),
    ...(retryAfter !== null && { retryAfter }),
    ...(names.length > 0 && {
      subproblems: names.slice(0, MOST_SUBPROBLEMS).map(({ rule, message, identifier }) => ({
        problem: problemOf(rule, policy, facts, true),
        detail: message,
        identifier,
      })),
    }),
    policy: verdict,
  }
}

/** RFC 8555 §7.4 and §7.4.1: where a server may refuse a name. */
const NAMES_REFUSED: ReadonlySet<Operation> = new Set([
  'newOrder',
  'newAuthz',
  'order',
  'authorization',
  'challenge',
])

function problemOf(name: string, policy: Policy, facts: PolicyFacts, isOfName: boolean): ProblemName {
  const rule = ruleCalled(policy, name)
  if (rule !== null && rule.problem !== null) return rule.problem
  if (name === BUILT_IN.csr) return 'badCSR'
  if (name === BUILT_IN.identifierType) return 'unsupportedIdentifier'
  if (facts.operation === 'finalize' && rule !== null && readsCsr(policy, rule)) return 'badCSR'
  return isOfName && NAMES_REFUSED.has(facts.operation) ? 'rejectedIdentifier' : 'unauthorized'
}

function readsCsr({ document }: Policy, { index }: Rule): boolean {
  return everyCondition(document.rules[index]!.when).some(({ key, csr }) => (key ?? csr) !== undefined)
}

function ruleCalled({ rules }: Policy, name: string): Rule | null {
  return rules.find((rule) => rule.name === name) ?? null
}

/** Seconds until a freeze ends, where the rule says its end; null where it does not, or is not known to end. */
function secondsUntilEnd({ all = [], time }: ConditionDocument, at: number): number | null {
  const ends = [time?.until, ...all.map((one) => one.time?.until)].filter((end) => end !== undefined)
  const end = Math.min(...ends)
  return end > at && Number.isFinite(end) ? Math.ceil((end - at) / 1000) : null
}

/** What denies these names, or the whole request. */
interface Refusal {
  readonly rule: string
  readonly names: readonly NameVerdict[]
  /** Null for the usual words, which say no more. */
  readonly message: string | null
}

function detailOf(
  verdict: PolicyVerdict,
  names: readonly NameVerdict[],
  policy: Policy,
  facts: PolicyFacts,
  record: string | null,
): string {
  const refusals = refusalsOf(verdict, names, policy, facts, record)
  const rule = ruleCalled(policy, verdict.decided.rule)
  const link = rule?.link ?? policy.document.link
  const owner = rule?.owner ? `; ask ${printableLine(rule.owner, LONGEST_OWNER)}` : ''
  const tail = `${owner}${link === null ? '' : `; see ${link}`}`
  let room = MOST_NAMED
  const told = refusals.map((refusal) => {
    const shown = refusal.names.slice(0, room)
    room -= shown.length
    const isLast = refusal === refusals.at(-1)
    const unnamed = isLast ? verdict.deniedNames - verdict.names.length : 0
    return refusalText(refusal, shown, refusal.names.length - shown.length + unnamed, facts)
  })
  const head = printableLine(told.join('; '), LONGEST_DETAIL - tail.length)
  return `${head}${tail}`
}

function refusalText(
  refusal: Refusal,
  shown: readonly NameVerdict[],
  more: number,
  facts: PolicyFacts,
): string {
  const { rule, names, message } = refusal
  const named = shown.map(({ identifier }) => printableLine(identifier.value, LONGEST_NAME))
  if (more > 0) named.push(`${more} more`)
  const what = names.length === 0 ? `this ${facts.operation} request` : inWords(named)
  const who =
    rule === BUILT_IN.default ? `no rule of the policy allows ${what}` : `policy rule ${rule} denies ${what}`
  return message === null ? who : `${who}: ${message}`
}

function inWords(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`
}

/** One for each rule that denies, with the message for the first of its names; the one that decided first. */
function refusalsOf(
  verdict: PolicyVerdict,
  names: readonly NameVerdict[],
  policy: Policy,
  facts: PolicyFacts,
  record: string | null,
): readonly Refusal[] {
  const { rule } = verdict.decided
  if (names.length === 0) return [{ rule, names, message: wholeMessage(rule, policy, facts, record) }]
  const rules = [rule, ...names.map((name) => name.rule)]
  return [...new Set(rules)].map((rule) => {
    const own = names.filter((name) => name.rule === rule)
    return { rule, names: own, message: hasOwnWords(rule, policy) ? (own[0]?.message ?? null) : null }
  })
}

function hasOwnWords(name: string, { rules, document }: Policy): boolean {
  if (name === BUILT_IN.default) return document.message !== null
  const rule = rules.find((rule) => rule.name === name)
  return rule === undefined || messageFor(document.rules[rule.index]!, document) !== null
}

function wholeMessage(
  name: string,
  policy: Policy,
  facts: PolicyFacts,
  record: string | null,
): string | null {
  const rule = ruleCalled(policy, name)
  const source: Rule | Standing | null =
    rule ?? (name === BUILT_IN.default ? defaultOf(policy, false) : requestFault(facts))
  if (source === null) return null
  const words = hasOwnWords(name, policy)
    ? source.message(messageValues(facts, null, source, policy.document.link, record))
    : null
  const judged = subjectsOf(facts)[0]!.judged
  const unknown = rule === null ? '' : unknownOf(rule, new Judging(facts, policy.slots), judged)
  // The remark stands in parentheses behind words, and alone where there are none.
  if (words === null) return unknown === '' ? null : unknown.slice(' ('.length, -1)
  return `${words}${unknown}`
}
