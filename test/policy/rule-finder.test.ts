import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Operation } from '../../src/acme/operation.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { parseComparison } from '../../src/policy/document/comparison.ts'
import type { Comparison, ConditionDocument, TimeCondition } from '../../src/policy/document.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import { Judging } from '../../src/policy/judging.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { acts } from '../../src/policy/possible.ts'
import { subjectsOf } from '../../src/policy/standing.ts'
import { POLICY_CLIENT, policyDocument, policyFacts, ruleDocument } from '../support/policy-documents.ts'

/** Rules that are found for any of the request's names. */
function foundFor(policy: Policy, facts: PolicyFacts): readonly string[] {
  const found = policy.finder.found(new Judging(facts, policy.slots))
  const indices = new Set(subjectsOf(facts).flatMap(({ judged }) => found.of(judged)))
  return policy.rules.filter(({ index }) => indices.has(index)).map(({ name }) => name)
}

function compiled(conditions: Readonly<Record<string, ConditionDocument>>): Promise<Policy> {
  const rules = Object.entries(conditions).map(([name, when]) => ruleDocument(name, 'deny', when))
  return compilePolicy(
    policyDocument(rules, { lists: { nets: ['192.0.2.0/24', '2001:db8::/32'] } }),
    'digest',
  )
}

const CONDITIONS: Readonly<Record<string, ConditionDocument>> = {
  'another label': { client: { label: ['team-b'] } },
  'its label': { client: { label: ['team-b', 'team-web'] } },
  'another network': { client: { address: ['10.0.0.0/8', '192.0.2.128/25'] } },
  'its network': { client: { address: ['@nets'] } },
  'another account': { client: { account: ['https://ca.example/acct/10'] } },
  'its key': { client: { account: ['thumbprint-1'] } },
  'another client': { client: { software: ['certbot'] } },
  'its client': { client: { software: ['certbot', 'XENOLF-acme'] } },
  'another CA': { ca: ['toString'] },
  'another operation': { operation: ['finalize'], names: ['**'] },
  'one of both': { any: [{ client: { label: ['team-b'] } }, { names: ['.example.com'] }] },
  'neither of both': { any: [{ client: { label: ['team-b'] } }, { names: ['.example.org'] }] },
  nothing: { any: [] },
  'not another label': { not: { client: { label: ['team-b'] } } },
  'both of both': { all: [{ any: [{ mode: ['relay'] }, { ca: ['x'] }] }, { names: ['*.example.com'] }] },
  'none of many': { any: Array.from({ length: 40 }, (_, i) => ({ client: { label: [`team-${i}`] } })) },
  'one of many': { any: Array.from({ length: 40 }, (_, i) => ({ ca: [i === 39 ? 'pebble' : `ca-${i}`] })) },
  'no longer to be told': {
    any: Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? { ca: [`ca-${i}`] } : { wildcard: true })),
  },
  anything: {},
}

test('rules that surely do not match are not asked', async () => {
  const found = foundFor(await compiled(CONDITIONS), policyFacts())
  expect(found).toEqual([
    'its label',
    'its network',
    'its key',
    'its client',
    'one of both',
    'not another label',
    'both of both',
    'one of many',
    'no longer to be told',
    'anything',
  ])
})

test('what is not known rules nothing out', async () => {
  const { account } = POLICY_CLIENT
  const nothing = {
    account,
    address: undefined,
    label: undefined,
    proxyUser: undefined,
    userAgent: undefined,
    thumbprint: undefined,
    contacts: undefined,
    externalAccount: undefined,
  }
  const found = foundFor(await compiled(CONDITIONS), policyFacts({ client: nothing, identifiers: undefined }))
  expect(found).toEqual(
    Object.keys(CONDITIONS).filter((name) => !['another CA', 'another operation', 'nothing'].includes(name)),
  )
})

const some = <T>(...values: readonly T[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 })
const plain: fc.Arbitrary<ConditionDocument> = fc.oneof(
  some('a.example', '*.a.example', '**.b.example', '.co.uk', '**{2}.test', '*.*.test').map((names) => ({
    names,
  })),
  some('a.example', 'x.co.uk').map((registered_domain) => ({ registered_domain })),
  some('co.uk', 'example').map((public_suffix) => ({ public_suffix })),
  some('192.0.2.0/24', '2001:db8::/32', '@nets').map((ip) => ({ ip })),
  some('dns' as const, 'ip' as const).map((identifier_type) => ({ identifier_type })),
  fc.boolean().map((wildcard) => ({ wildcard })),
  some('192.0.2.0/25', '192.0.2.7', '2001:db8::/33', '@nets').map((address) => ({ client: { address } })),
  some('team-a', 'team-b').map((label) => ({ client: { label } })),
  some('user').map((proxy_user) => ({ client: { proxy_user } })),
  some('kid-1', '__proto__').map((external_account) => ({ client: { external_account } })),
  some('https://ca.example/1', 'key-1').map((account) => ({ client: { account } })),
  some('certbot', 'Lego').map((software) => ({ client: { software } })),
  some('lego').map((software) => ({
    client: { software, version: parseComparison('>3', 'version') as Comparison },
  })),
  fc
    .constantFrom<TimeCondition>(
      { zone: 'UTC', from: 1000, until: 90_000 },
      { zone: 'UTC', until: 60_500 },
      { zone: 'Europe/Berlin', hours: { from: 60, until: 61 } },
      { zone: 'UTC', days: [3] },
    )
    .map((time) => ({ time })),
  some('^lego', 'bot').map((user_agent) => ({ client: { user_agent } })),
  some('relay' as const, 'intercept' as const).map((mode) => ({ mode })),
  some('pebble', 'constructor').map((ca) => ({ ca })),
  some<Operation>('newOrder', 'finalize', 'newAccount', 'revokeCert').map((operation) => ({ operation })),
  fc.constant({ key: { type: ['RSA'] } }),
  fc.constantFrom('name.startsWith("*")', 'ca == "pebble"').map((cel) => ({ cel })),
)
const { condition } = fc.letrec<{ condition: ConditionDocument }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small' },
    plain,
    fc.tuple(plain, plain).map(([a, b]) => ({ ...a, ...b })),
    fc.tuple(plain, tie('condition')).map(([a, not]) => ({ ...a, not })),
    fc.array(tie('condition'), { maxLength: 3 }).map((all) => ({ all })),
    fc.array(tie('condition'), { maxLength: 6 }).map((any) => ({ any })),
  ),
}))
const dns = fc.constantFrom(
  'a.example',
  '*.a.example',
  'x.b.example',
  'x.co.uk',
  '*.co.uk',
  'p.q.test',
  'a..b',
)
const identifier = fc.oneof(
  dns.map((value) => ({ type: 'dns', value })),
  fc.constantFrom('192.0.2.7', '198.51.100.1', '2001:db8::1').map((value) => ({ type: 'ip', value })),
)
const request: fc.Arbitrary<PolicyFacts> = fc
  .record({
    operation: fc.constantFrom<Operation>(
      'newOrder',
      'newAuthz',
      'finalize',
      'newAccount',
      'revokeCert',
      'order',
    ),
    identifiers: fc.option(fc.uniqueArray(identifier, { maxLength: 3 }), { nil: undefined, freq: 10 }),
    mode: fc.constantFrom('relay' as const, 'intercept' as const),
    at: fc.constantFrom(0, 999, 1000, 59_999, 60_000, 60_499, 60_500, 89_999, 90_000, 86_400_000),
    ca: fc.constantFrom('pebble', 'constructor', 'other'),
    client: fc.record({
      address: fc.constantFrom(
        undefined,
        null,
        'local',
        '192.0.2.7',
        '::ffff:192.0.2.200',
        '2001:db8::9%eth0',
      ),
      label: fc.constantFrom(undefined, null, 'team-a', 'team-b'),
      proxyUser: fc.constantFrom(undefined, null, 'user'),
      userAgent: fc.constantFrom(undefined, null, 'lego/4', 'CertbotACMEClient/2 (x; certbot)', ''),
      account: fc.constantFrom(null, 'https://ca.example/1', 'https://ca.example/2'),
      thumbprint: fc.constantFrom(undefined, null, 'key-1', 'key-2'),
      contacts: fc.constantFrom(undefined, []),
      externalAccount: fc.constantFrom(undefined, null, 'kid-1', '__proto__'),
    }),
    asked: fc.constantFrom(null, { kind: 'authorization' as const, subdomains: true }),
  })
  .map(({ asked, operation, ...more }) =>
    policyFacts({ ...more, operation, asked: operation === 'newAuthz' ? asked : null }),
  )

test('a rule that is not found would not have acted, whatever it asks', { timeout: 120_000 }, async () => {
  let passedOver = 0
  let found = 0
  const rule = fc.record({
    when: condition,
    effect: fc.constantFrom('allow' as const, 'deny' as const),
    unknown: fc.constantFrom('match' as const, 'skip' as const),
  })
  const requests = fc.array(request, { minLength: 20, maxLength: 20 })
  const property = fc.asyncProperty(fc.array(rule, { maxLength: 8 }), requests, async (rules, asked) => {
    const documents = rules.map(({ when, effect, unknown }, i) =>
      ruleDocument(`rule-${i}`, effect, when, { unknown }),
    )
    const lists = { nets: ['192.0.2.0/24', '2001:db8::/32'] }
    const policy = await compilePolicy(policyDocument(documents, { lists }), 'digest')
    for (const facts of asked) {
      const judging = new Judging(facts, policy.slots)
      const finding = policy.finder.found(judging)
      for (const { judged } of subjectsOf(facts)) {
        const indices = new Set(finding.of(judged))
        for (const one of policy.rules) {
          if (indices.has(one.index)) found++
          else {
            expect(acts(one, one.when.judge(judging, judged))).toBe(false)
            passedOver++
          }
        }
      }
    }
  })
  await fc.assert(property, { numRuns: 1000 })
  expect(passedOver).toBeGreaterThan(20_000)
  expect(found).toBeGreaterThan(20_000)
})
