import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Operation } from '../../src/acme/operation.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { parseComparison } from '../../src/policy/document/comparison.ts'
import type {
  Comparison,
  ConditionDocument,
  PolicyDocument,
  RuleDocument,
} from '../../src/policy/document.ts'
import { evaluate } from '../../src/policy/evaluate.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import { LABELS, type NaiveVerdict, naiveVerdict } from '../support/naive-policy.ts'
import {
  dnsNames,
  POLICY_CLIENT,
  POLICY_NOON,
  policyDocument,
  policyFacts,
  requestFor,
  ruleDocument,
} from '../support/policy-documents.ts'

const POLICIES = 1000
const REQUESTS = 20

const LIST = ['a.example', '*.b.example', '**.c.test']
const HOOKS = ['hook', 'constructor'] as const

const host = fc
  .tuple(fc.array(fc.constantFrom(...LABELS), { maxLength: 2 }), fc.constantFrom('example', 'test'))
  .map(([labels, top]) => [...labels, top].join('.'))
const certificateName = fc
  .tuple(fc.boolean(), host)
  .map(([isWildcard, name]) => (isWildcard ? `*.${name}` : name))
const pattern = fc.oneof(
  host,
  host.map((name) => `*.${name}`),
  host.map((name) => `**.${name}`),
  host.map((name) => `.${name}`),
  host.map((name) => `www.*.${name}`),
  fc.constantFrom('**', '@list'),
)
const comparison = fc
  .constantFrom('>1', '<3', '=1', '=2', '2..5', '>100')
  .map((text) => parseComparison(text) as Comparison)
const some = <T>(...values: readonly T[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 })

const plain: fc.Arbitrary<ConditionDocument> = fc.oneof(
  { weight: 5, arbitrary: fc.array(pattern, { minLength: 1, maxLength: 3 }).map((names) => ({ names })) },
  fc.boolean().map((wildcard) => ({ wildcard })),
  some('team-a', 'team-b').map((label) => ({ client: { label } })),
  some('kid-1', '__proto__').map((external_account) => ({ client: { external_account } })),
  some('relay' as const, 'intercept' as const).map((mode) => ({ mode })),
  some('pebble', 'constructor').map((ca) => ({ ca })),
  some<Operation>('newOrder', 'finalize', 'newAccount').map((operation) => ({ operation })),
  comparison.map((count) => ({ count })),
  some('RSA', 'ECDSA').map((type) => ({ key: { type } })),
  comparison.map((count) => ({ orders: { per: 'all' as const, within: 86_400_000, count } })),
  fc.constantFrom(...HOOKS).map((webhook) => ({ webhook })),
)
const { condition } = fc.letrec<{ condition: ConditionDocument }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    plain,
    fc.tuple(plain, plain).map(([a, b]) => ({ ...a, ...b })),
    fc.tuple(plain, tie('condition')).map(([a, not]) => ({ ...a, not })),
    fc.array(tie('condition'), { maxLength: 3 }).map((all) => ({ all })),
    fc.array(tie('condition'), { maxLength: 3 }).map((any) => ({ any })),
  ),
}))
const rule = fc.record({
  effect: fc.constantFrom('allow' as const, 'deny' as const, 'warn' as const),
  when: condition,
  mode: fc.constantFrom(null, null, 'observe' as const, 'warn' as const, 'enforce' as const),
  unknown: fc.constantFrom(null, 'match' as const, 'skip' as const),
  expires: fc.constantFrom<number | null>(null, null, null, POLICY_NOON, POLICY_NOON + 1),
})
const policy: fc.Arbitrary<PolicyDocument> = fc
  .record({
    rules: fc.array(rule, { maxLength: 8 }),
    mode: fc.constantFrom('observe' as const, 'warn' as const, 'enforce' as const),
    default: fc.constantFrom('allow' as const, 'deny' as const),
  })
  .map(({ rules, ...rest }) =>
    policyDocument(
      rules.map(
        ({ effect, when, ...more }, i): RuleDocument => ruleDocument(`rule-${i}`, effect, when, more),
      ),
      { ...rest, lists: { list: LIST } },
    ),
  )
const OPERATIONS = [
  'newOrder',
  'newAuthz',
  'authorization',
  'challenge',
  'order',
  'finalize',
  'certificate',
  'revokeCert',
  'newAccount',
  'keyChange',
] as const
const answer = fc.constantFrom(true, false, null).map((allow) => ({ allow, reason: null, data: null }))
const request: fc.Arbitrary<PolicyFacts> = fc
  .record({
    operation: fc.constantFrom(...OPERATIONS),
    names: fc.uniqueArray(certificateName, { minLength: 1, maxLength: 4 }),
    label: fc.constantFrom(null, 'team-a', 'team-b'),
    externalAccount: fc.constantFrom(undefined, null, 'kid-1', '__proto__'),
    mode: fc.constantFrom('relay' as const, 'intercept' as const),
    ca: fc.constantFrom('pebble', 'constructor', '__proto__'),
    type: fc.constantFrom('RSA', 'ECDSA'),
    history: fc.constantFrom<PolicyFacts['history']>(
      {},
      { 'orders per all within 1d': 0 },
      { 'orders per all within 1d': 2 },
    ),
    hook: answer,
    other: answer,
  })
  .map(({ operation, names, label, externalAccount, mode, ca, type, history, hook, other }) => {
    const identifiers = dnsNames(...names)
    const csr = requestFor(identifiers, { key: { ...requestFor([]).key, type } })
    return policyFacts({
      operation,
      identifiers,
      mode,
      ca,
      history,
      client: { ...POLICY_CLIENT, label, externalAccount },
      asked: operation === 'finalize' ? { kind: 'finalize', csr } : null,
      webhooks: { hook, constructor: other },
    })
  })

it(`a naive reading agrees on ${POLICIES * REQUESTS} requests`, { timeout: 300_000 }, async () => {
  let cases = 0
  const seen = new Set<string>()
  const property = fc.asyncProperty(
    policy,
    fc.array(request, { minLength: REQUESTS, maxLength: REQUESTS }),
    async (document, requests) => {
      const compiled = await compilePolicy(document, 'digest')
      for (const facts of requests) {
        const naive = naiveVerdict(document, facts)
        expect(verdictAfterAsking(compiled, facts)).toEqual(naive)
        seen.add(`${naive.effect} ${naive.wouldEffect} ${naive.warned.length > 0} ${facts.operation}`)
        cases++
      }
    },
  )
  await fc.assert(property, { numRuns: POLICIES })
  expect(cases).toBeGreaterThanOrEqual(POLICIES * REQUESTS)
  // Outcomes and operations of every kind were among them.
  expect(seen.size).toBeGreaterThan(40)
})

/** Nothing is answered before it is asked, and nothing is asked twice. */
function verdictAfterAsking(
  policy: Awaited<ReturnType<typeof compilePolicy>>,
  facts: PolicyFacts,
): NaiveVerdict {
  let webhooks: PolicyFacts['webhooks'] = {}
  for (let round = 0; round <= HOOKS.length; round++) {
    const evaluation = evaluate(policy, { ...facts, webhooks })
    if ('verdict' in evaluation) {
      const { decided, would, warnings, names, deniedNames } = evaluation.verdict
      const isWhole = names.length === 0 && (decided.effect === 'deny' || would.effect === 'deny')
      const all = facts.identifiers!.map(({ value }) => value)
      const isOfAccount = ['newAccount', 'keyChange'].includes(facts.operation)
      expect(deniedNames).toBe(names.length)
      return {
        effect: decided.effect,
        rule: decided.rule,
        wouldEffect: would.effect,
        wouldRule: would.rule,
        warned: warnings.map(({ rule }) => rule).toSorted(),
        denied: isWhole
          ? isOfAccount
            ? ['']
            : all.toSorted()
          : names.map(({ identifier }) => identifier.value).toSorted(),
      }
    }
    expect(evaluation.ask.length).toBeGreaterThan(0)
    for (const name of evaluation.ask) {
      expect(Object.hasOwn(webhooks, name)).toBe(false)
      webhooks = { ...webhooks, [name]: facts.webhooks[name]! }
    }
  }
  throw new Error('it asks on and on')
}
