import { describe, expect, it } from 'vitest'
import type { Operation } from '../../src/acme/operation.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { parseComparison } from '../../src/policy/document/comparison.ts'
import type { Comparison, ConditionDocument, PolicyDocument } from '../../src/policy/document.ts'
import { evaluate } from '../../src/policy/evaluate.ts'
import { explain } from '../../src/policy/explain.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import {
  dnsNames,
  finalizeFacts,
  POLICY_CLIENT,
  policyDocument,
  policyFacts,
  ruleDocument,
} from '../support/policy-documents.ts'

const comparison = (text: string) => parseComparison(text) as Comparison
const WEEK = 7 * 86_400_000
const QUESTION = 'orders per client within 7d'
const orders = (text: string): ConditionDocument => ({
  orders: { per: 'client', within: WEEK, count: comparison(text) },
})
const key = (type: string): ConditionDocument => ({ key: { type: [type] } })

async function decided(document: PolicyDocument, facts: PolicyFacts): Promise<string> {
  const evaluation = evaluate(await compilePolicy(document, 'digest'), facts)
  if ('ask' in evaluation) throw new Error(`asks ${evaluation.ask}`)
  return `${evaluation.verdict.decided.effect} ${evaluation.verdict.decided.rule}`
}

/** Of all requests of an issuance: which are denied. */
async function deniedAt(document: PolicyDocument, more: Partial<PolicyFacts>): Promise<readonly Operation[]> {
  const operations = ['newOrder', 'authorization', 'challenge', 'order', 'finalize', 'certificate'] as const
  const denied: Operation[] = []
  for (const operation of operations) {
    const facts =
      operation === 'finalize'
        ? finalizeFacts({}, more)
        : policyFacts({ operation, ...more, ...(operation === 'newOrder' ? {} : { asked: null }) })
    if ((await decided(document, facts)).startsWith('deny')) denied.push(operation)
  }
  return denied
}

describe('a rule that allows, with conditions of several requests', () => {
  const scope = { names: ['.example.com'], client: { external_account: ['team'] } }
  const POLICY = policyDocument([
    ruleDocument('team', 'allow', { all: [scope, orders('<40'), key('ECDSA')] }),
  ])

  it('passes whoever meets each where it is asked', async () => {
    const client = { ...POLICY_CLIENT, externalAccount: 'team' }
    expect(await deniedAt(POLICY, { client, history: { [QUESTION]: 1 } })).toEqual([])
  })

  it('is not taken on the strength of what is asked elsewhere where it is not known who asks', async () => {
    const client = { ...POLICY_CLIENT, externalAccount: undefined }
    const denied = await deniedAt(POLICY, { client, history: { [QUESTION]: 1 } })
    expect(denied).toContain('newOrder')
    expect(denied).toContain('finalize')
  })

  it('is not taken for names that nobody can tell, in a policy that observes too', async () => {
    const rules = [
      ...POLICY.rules.map((rule) => ({ ...rule, mode: 'enforce' as const })),
      ruleDocument('nobody-else', 'deny', {}, { mode: 'enforce' }),
    ]
    const document = policyDocument(rules, { mode: 'observe' })
    const client = { ...POLICY_CLIENT, externalAccount: 'team' }
    for (const identifiers of [undefined, dnsNames('www.example.com.')]) {
      const denied = await deniedAt(document, {
        identifiers: identifiers ?? [],
        client,
        history: { [QUESTION]: 1 },
      })
      expect(denied, String(identifiers)).toEqual(expect.arrayContaining(['finalize', 'certificate']))
    }
  })

  it('is taken where it says that what is not known counts for it', async () => {
    const open = policyDocument(POLICY.rules.map((rule) => ({ ...rule, unknown: 'match' as const })))
    const client = { ...POLICY_CLIENT, externalAccount: undefined }
    expect(await deniedAt(open, { client, history: { [QUESTION]: 1 } })).toEqual([])
  })
})

describe('a rule that denies, with conditions of several requests', () => {
  const rule = (when: ConditionDocument, unknown: 'match' | 'skip' = 'match') =>
    policyDocument([ruleDocument('no', 'deny', when, { unknown })], { default: 'allow' })

  it('denies what is not known, whatever is asked elsewhere beside it', async () => {
    const either = { any: [orders('>=40'), key('RSA')] }
    expect(await decided(rule(either), policyFacts())).toBe('deny no')
    expect(await decided(rule(either, 'skip'), policyFacts())).toBe('allow default')
    expect(await decided(rule(either), policyFacts({ history: { [QUESTION]: 1 } }))).toBe('allow default')
  })

  it('waits for what may be false elsewhere', async () => {
    const unknown = { client: { external_account: ['x'] }, ...key('RSA') }
    const client = { ...POLICY_CLIENT, externalAccount: undefined }
    expect(await deniedAt(rule(unknown), { client })).toEqual([])
    const both = { ...unknown, ...key('ECDSA') }
    expect(await deniedAt(rule(both), { client })).toEqual(['finalize'])
  })

  it('below not, what is not known counts for it all the same', async () => {
    const client = { ...POLICY_CLIENT, externalAccount: undefined }
    const when = { not: { client: { external_account: ['x'] } } }
    expect(await decided(rule(when), policyFacts({ client }))).toBe('deny no')
    expect(await decided(rule(when, 'skip'), policyFacts({ client }))).toBe('allow default')
  })
})

describe('a condition on what a request never has', () => {
  const WHEN: readonly ConditionDocument[] = [
    { not: { names: ['.example.com'] } },
    { not: { wildcard: true } },
    { not: key('ECDSA') },
    { not: { profile: ['short'] } },
    { not: { count: comparison('<10') } },
    { not: { csr: { must_staple: true } } },
    { not: { cel: 'name.endsWith(".example.com")' } },
    { all: [{ not: { names: ['.example.com'] } }, { client: { label: ['team-web'] } }] },
  ]

  it.each(WHEN)('and its not are passed over: %j', async (when) => {
    for (const operation of ['newAccount', 'account', 'keyChange'] as const) {
      const facts = policyFacts({ operation, identifiers: [], asked: null, order: null })
      for (const one of [when, { not: when }]) {
        const denying = policyDocument([ruleDocument('r', 'deny', one)], { default: 'allow' })
        expect(await decided(denying, facts), operation).toBe('allow default')
        const allowing = policyDocument([ruleDocument('r', 'allow', one)])
        expect(await decided(allowing, facts), operation).toBe('deny default')
      }
    }
  })

  it('a rule that rests on more than it acts all the same', async () => {
    const when = { any: [{ not: { names: ['.example.com'] } }, { client: { label: ['team-web'] } }] }
    const facts = policyFacts({ operation: 'newAccount', identifiers: [], asked: null, order: null })
    const document = policyDocument([ruleDocument('r', 'deny', when)], { default: 'allow' })
    expect(await decided(document, facts)).toBe('deny r')
  })

  it('is told so by an explanation, and says false in the record', async () => {
    const rules = [ruleDocument('r', 'deny', { not: { names: ['.example.com'] } })]
    const policy = await compilePolicy(policyDocument(rules), 'digest')
    const facts = policyFacts({ operation: 'newAccount', identifiers: [], asked: null, order: null })
    expect(explain(policy, facts).names[0]!.rules[0]).toMatchObject({ matched: 'none', role: 'passed over' })
    const evaluation = evaluate(policy, facts)
    expect('verdict' in evaluation && evaluation.verdict.rules).toMatchObject([
      { rule: 'r', matched: 'false' },
    ])
  })
})
