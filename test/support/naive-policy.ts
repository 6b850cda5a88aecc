import type {
  Comparison,
  ConditionDocument,
  PolicyDocument,
  RuleDocument,
} from '../../src/policy/document.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'

/**
 * A second reading of what policies mean, for a part of the conditions: no index, nothing kept, every rule asked of every
 * name. Slow and plain, and shares no code with src/policy.
 */
export interface NaiveVerdict {
  readonly effect: 'allow' | 'deny'
  readonly rule: string
  readonly wouldEffect: 'allow' | 'deny'
  readonly wouldRule: string
  readonly warned: readonly string[]
  readonly denied: readonly string[]
}

type Facts = PolicyFacts
type Name = string | null

const ACCOUNTS = ['newAccount', 'account', 'keyChange']

export function naiveVerdict(policy: PolicyDocument, facts: Facts): NaiveVerdict {
  const isOfAccounts = ACCOUNTS.includes(facts.operation)
  const names: readonly Name[] = isOfAccounts
    ? [null]
    : facts.identifiers!.map(({ value }) => value.toLowerCase())
  const all = names.map((name) => ({ name, ...ofName(policy, facts, name) }))
  const decided = all.find(({ inForce }) => inForce.effect === 'deny') ?? all[0]!
  const would = all.find((one) => one.would.effect === 'deny') ?? all[0]!
  return {
    effect: decided.inForce.effect,
    rule: decided.inForce.rule,
    wouldEffect: would.would.effect,
    wouldRule: would.would.rule,
    warned: [...new Set(all.flatMap(({ warned }) => warned))].toSorted(),
    denied: all
      .filter((one) => one.inForce.effect === 'deny' || one.would.effect === 'deny')
      .map(({ name }) => name ?? '')
      .toSorted(),
  }
}

interface Decides {
  readonly effect: 'allow' | 'deny'
  readonly rule: string
}

function ofName(policy: PolicyDocument, facts: Facts, name: Name) {
  const acting = policy.rules.filter((rule) => acts(rule, facts, name))
  const deciding = acting.filter(({ effect }) => effect !== 'warn')
  const modeOf = (rule: RuleDocument) => rule.mode ?? policy.mode
  const enforced = deciding.find((rule) => modeOf(rule) === 'enforce')
  const asDecides = (rule: RuleDocument | undefined, otherwise: 'allow' | 'deny'): Decides =>
    rule === undefined
      ? { effect: otherwise, rule: 'default' }
      : { effect: rule.effect as 'allow', rule: rule.name }
  const reached = enforced === undefined ? acting : acting.slice(0, acting.indexOf(enforced))
  const heard = deciding.find((rule) => modeOf(rule) !== 'observe')
  const isHeard = (rule: RuleDocument) => rule === heard && rule.effect === 'deny' && modeOf(rule) === 'warn'
  const warned = reached.filter((rule) => rule.effect === 'warn' || isHeard(rule)).map((rule) => rule.name)
  if (heard === undefined && policy.mode === 'warn' && policy.default === 'deny') warned.push('default')
  return {
    inForce: asDecides(enforced, policy.mode === 'enforce' ? policy.default : 'allow'),
    would: asDecides(deciding[0], policy.default),
    warned,
  }
}

function acts(rule: RuleDocument, facts: Facts, name: Name): boolean {
  if (rule.expires !== null && rule.expires <= facts.at) return false
  const unknown = rule.unknown ?? (rule.effect === 'allow' ? 'skip' : 'match')
  const said = says(rule.when, facts, name, rule.effect === 'allow', unknown === 'match')
  return said === YES || (said === LATER && rule.effect === 'allow')
}

/** From the least to the most. */
const [NO, NOTHING, LATER, YES] = [0, 1, 2, 3]
const OPPOSITE = [YES, NOTHING, LATER, NO]

/** `hoped`: whether what is not known counts for the rule. Below `not` it is the other way round. */
function says(
  condition: ConditionDocument,
  facts: Facts,
  name: Name,
  covering: boolean,
  hoped: boolean,
): number {
  const results: number[] = [YES]
  const unknown = hoped ? YES : NO
  const is = (value: boolean) => results.push(value ? YES : NO)
  const ofName = (value: boolean) => results.push(name === null ? NOTHING : value ? YES : NO)
  const inner = (one: ConditionDocument) => says(one, facts, name, covering, hoped)
  const at = (here: readonly string[], value: () => boolean | undefined) => {
    if (here.includes(facts.operation)) {
      const known = value()
      results.push(known === undefined ? unknown : known ? YES : NO)
    } else results.push([...ACCOUNTS, 'revokeCert'].includes(facts.operation) ? NOTHING : LATER)
  }
  if (condition.all) results.push(Math.min(YES, ...condition.all.map(inner)))
  if (condition.any) results.push(Math.max(NO, ...condition.any.map(inner)))
  if (condition.not) results.push(OPPOSITE[says(condition.not, facts, name, !covering, !hoped)]!)
  if (condition.names) {
    const patterns = condition.names.flatMap((text) =>
      text.startsWith('@') ? policyLists(facts, text) : [text],
    )
    ofName(name !== null && patterns.some((pattern) => fits(pattern, name, covering)))
  }
  if (condition.wildcard !== undefined) ofName(name?.startsWith('*.') === condition.wildcard)
  const { client } = condition
  if (client?.label) is(client.label.some((label) => label === facts.client.label))
  if (client?.external_account) {
    const known = facts.client.externalAccount
    if (known === undefined) results.push(unknown)
    else is(client.external_account.some((id) => id === known))
  }
  if (condition.mode) is(condition.mode.some((mode) => mode === facts.mode))
  if (condition.ca) is(condition.ca.some((ca) => ca === facts.ca))
  if (condition.operation) is(condition.operation.some((operation) => operation === facts.operation))
  if (condition.count) {
    const { count } = condition
    at(['newOrder', 'order', 'finalize', 'certificate', 'revokeCert'], () =>
      compares(count, facts.identifiers!.length),
    )
  }
  if (condition.key?.type) {
    const { type } = condition.key
    at(['finalize'], () => {
      const csr = facts.asked?.kind === 'finalize' ? facts.asked.csr : null
      return csr === null ? undefined : type.some((one) => one === csr.key.type)
    })
  }
  if (condition.orders) {
    const { count, per } = condition.orders
    at(['newOrder'], () => {
      const orders = facts.history[`orders per ${per} within 1d`]
      return orders === undefined ? undefined : compares(count, orders)
    })
  }
  if (condition.webhook) {
    const { webhook } = condition
    if (['authorization', 'challenge', 'order', 'certificate'].includes(facts.operation)) results.push(LATER)
    else {
      const allow = facts.webhooks[webhook]?.allow ?? null
      results.push(allow === null ? unknown : allow ? YES : NO)
    }
  }
  return Math.min(...results)
}

function policyLists(_facts: Facts, _text: string): readonly string[] {
  return ['a.example', '*.b.example', '**.c.test']
}

function compares({ is, value, to }: Comparison, number: number): boolean {
  const [least = 0] = value
  switch (is) {
    case '>':
      return number > least
    case '<':
      return number < least
    case '=':
      return number === least
    case '..':
      return number >= least && number <= (to?.[0] ?? 0)
    default:
      throw new Error(`not drawn: ${is}`)
  }
}

/** By trying hosts: a wildcard stands for some host that nobody has written, and for those that patterns name. */
function fits(pattern: string, name: string, covering: boolean): boolean {
  if (!name.startsWith('*.')) return matches(pattern, name)
  const base = name.slice(2)
  const hosts = [...LABELS, 'nobody-wrote-this'].map((label) => `${label}.${base}`)
  return covering
    ? hosts.every((host) => matches(pattern, host))
    : hosts.some((host) => matches(pattern, host))
}

/** Every label that the patterns drawn have. */
export const LABELS = ['a', 'b', 'c', 'www', 'example', 'test'] as const

function matches(pattern: string, host: string): boolean {
  if (pattern === '**') return true
  if (pattern.startsWith('**.')) return host.endsWith(pattern.slice(2))
  if (pattern.startsWith('.')) return host === pattern.slice(1) || host.endsWith(pattern)
  const [labels, wanted] = [host.split('.'), pattern.split('.')]
  return labels.length === wanted.length && wanted.every((label, i) => label === '*' || label === labels[i])
}
