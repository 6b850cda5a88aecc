import type {
  Comparison,
  ConditionDocument,
  PolicyDocument,
  RuleDocument,
} from '../../src/policy/document.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import { all as allOf, any as anyOf, not as notOf, type Truth } from '../../src/policy/truth.ts'

/**
 * A second reading of what policies mean, for a part of the conditions: no index, nothing kept, every rule asked of every
 * name, each webhook's answer tried where it is not known. Slow and plain, and shares no code with src/policy but the
 * tables of truth.
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
  const warned = reached
    .filter((rule) => rule.effect === 'warn' || (rule.effect === 'deny' && modeOf(rule) === 'warn'))
    .map((rule) => rule.name)
  if (enforced === undefined && policy.mode === 'warn' && policy.default === 'deny') warned.push('default')
  return {
    inForce: asDecides(enforced, policy.mode === 'enforce' ? policy.default : 'allow'),
    would: asDecides(deciding[0], policy.default),
    warned,
  }
}

function acts(rule: RuleDocument, facts: Facts, name: Name): boolean {
  if (rule.expires !== null && rule.expires <= facts.at) return false
  const truth = says(rule.when, facts, name, rule.effect === 'allow')
  if (truth === 'true') return true
  if (truth === 'false') return false
  if (truth === 'elsewhere') return rule.effect === 'allow'
  const unknown = rule.unknown ?? (rule.effect === 'allow' ? 'skip' : 'match')
  return unknown === 'match'
}

function says(condition: ConditionDocument, facts: Facts, name: Name, covering: boolean): Truth {
  const results: Truth[] = []
  const is = (value: boolean) => results.push(value ? 'true' : 'false')
  const inner = (one: ConditionDocument, way = covering) => says(one, facts, name, way)
  const at = (here: readonly string[], issuance: Truth, value: () => Truth) => {
    if (here.includes(facts.operation)) results.push(value())
    else results.push([...ACCOUNTS, 'revokeCert'].includes(facts.operation) ? 'false' : issuance)
  }
  if (condition.all) results.push(allOf(condition.all.map((one) => inner(one))))
  if (condition.any) results.push(anyOf(condition.any.map((one) => inner(one))))
  if (condition.not) results.push(notOf(inner(condition.not, !covering)))
  if (condition.names) {
    const patterns = condition.names.flatMap((text) =>
      text.startsWith('@') ? policyLists(facts, text) : [text],
    )
    is(name !== null && patterns.some((pattern) => fits(pattern, name, covering)))
  }
  if (condition.wildcard !== undefined) is(name !== null && name.startsWith('*.') === condition.wildcard)
  const { client } = condition
  if (client?.label) is(client.label.some((label) => label === facts.client.label))
  if (client?.external_account) {
    const known = facts.client.externalAccount
    results.push(
      known === undefined ? 'unknown' : client.external_account.some((id) => id === known) ? 'true' : 'false',
    )
  }
  if (condition.mode) is(condition.mode.some((mode) => mode === facts.mode))
  if (condition.ca) is(condition.ca.some((ca) => ca === facts.ca))
  if (condition.operation) is(condition.operation.some((operation) => operation === facts.operation))
  if (condition.count) {
    const { count } = condition
    at(['newOrder', 'order', 'finalize', 'certificate', 'revokeCert'], 'elsewhere', () =>
      compares(count, facts.identifiers!.length) ? 'true' : 'false',
    )
  }
  if (condition.key?.type) {
    const { type } = condition.key
    at(['finalize'], 'elsewhere', () => {
      const csr = facts.asked?.kind === 'finalize' ? facts.asked.csr : null
      if (csr === null) return 'unknown'
      return type.some((one) => one === csr.key.type) ? 'true' : 'false'
    })
  }
  if (condition.orders) {
    const { count, per } = condition.orders
    at(['newOrder'], 'elsewhere', () => {
      const orders = facts.history[`orders per ${per} within 1d`]
      return orders === undefined ? 'unknown' : compares(count, orders) ? 'true' : 'false'
    })
  }
  if (condition.webhook) {
    const { webhook } = condition
    if (['authorization', 'challenge', 'order', 'certificate'].includes(facts.operation))
      results.push('elsewhere')
    else {
      const allow = facts.webhooks[webhook]?.allow ?? null
      results.push(allow === null ? 'unknown' : allow ? 'true' : 'false')
    }
  }
  return allOf(results)
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
