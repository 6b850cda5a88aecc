import { expect, test } from 'vitest'
import { parsePolicy } from '../../../src/policy/document/parse-policy.ts'
import { type CheckOptions, checkPolicy } from '../../../src/policy/document/remarks/check-policy.ts'
import { bundleOf } from './bundles.ts'

const NOW = Date.UTC(2026, 10, 22)

async function remarks(text: string, options: Partial<CheckOptions> = {}): Promise<string[]> {
  const bundle = bundleOf(text)
  const found = await checkPolicy(await parsePolicy(bundle), bundle, { now: NOW, ...options })
  return found.map(({ kind, line, rule, message }) => `${line} ${kind} ${rule}: ${message}`)
}

/** Rules in flow style from line 4 on, in a policy that enforces, has a message, and allows what no rule decides. */
const enforced = (...rules: string[]) =>
  `version: 1\nmode: enforce\nrules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}message: ask us\n`

const SHADOWED: readonly (readonly [first: string, second: string])[] = [
  ['when: { names: "**.example.com" }, effect: allow', 'when: { names: a.b.example.com }, effect: allow'],
  ['when: { names: "*.example.com" }, effect: deny', 'when: { names: a.example.com }, effect: deny'],
  [
    'when: { names: .example.com }, effect: deny',
    'when: { names: ["*.a.example.com", a.example.com] }, effect: allow',
  ],
  [
    'when: { operation: issuance }, effect: deny',
    'when: { operation: newOrder, names: a.example }, effect: allow',
  ],
  ['when: { ca: [a, b] }, effect: allow', 'when: { ca: a, client: { label: x } }, effect: deny'],
  ['when: { client: { label: [a, b] } }, effect: deny', 'when: { client: { label: a } }, effect: deny'],
  ['when: { count: ">10" }, effect: deny', 'when: { count: "20..30" }, effect: deny'],
  [
    'when: { key: { type: RSA } }, effect: deny',
    'when: { all: [{ key: { type: RSA, size: "<2048" } }], operation: finalize }, effect: deny',
  ],
  [
    'when: { any: [{ ca: a }, { ca: b }] }, effect: deny',
    'when: { any: [{ ca: a }, { ca: b }], wildcard: true }, effect: deny',
  ],
  ['when: { time: { days: sat } }, effect: deny', 'when: { time: { days: sat }, ca: a }, effect: allow'],
]

test.for(SHADOWED)('a rule that an earlier one leaves nothing: %s', async ([first, second]) => {
  const told = await remarks(enforced(`{ name: first, ${first} }`, `{ name: second, ${second} }`))
  expect(told.filter((line) => line.includes('never second: can never match: first in line 4'))).toHaveLength(
    1,
  )
})

const NOT_SHADOWED: readonly (readonly [first: string, second: string])[] = [
  // A deny is met by names that only touch it, which the allow does not take.
  ['when: { names: "**.example.com" }, effect: allow', 'when: { names: "**.example.com" }, effect: deny'],
  ['when: { names: "*.example.com" }, effect: allow', 'when: { names: "**.example.com" }, effect: allow'],
  ['when: { names: a.example.com, ca: x }, effect: allow', 'when: { names: a.example.com }, effect: allow'],
  [
    'when: { names: a.example.com }, effect: allow, mode: observe',
    'when: { names: a.example.com }, effect: allow',
  ],
  ['when: { names: a.example.com }, effect: warn', 'when: { names: a.example.com }, effect: deny'],
  [
    'when: { names: a.example.com }, effect: deny, expires: 2030-01-01',
    'when: { names: a.example.com }, effect: deny',
  ],
  // Where the label is not known the first is passed over and the second is not.
  ['when: { client: { label: a } }, effect: allow', 'when: { client: { label: a } }, effect: deny'],
  // Where the key is not there yet the first is passed over and the second is taken.
  ['when: { key: { type: RSA } }, effect: deny', 'when: { key: { type: RSA } }, effect: allow'],
  ['when: { wildcard: true }, effect: allow', 'when: { wildcard: true }, effect: deny'],
]

test.for(NOT_SHADOWED)('a rule that still has something to do: %s', async ([first, second]) => {
  const told = await remarks(enforced(`{ name: first, ${first} }`, `{ name: second, ${second} }`))
  expect(told.filter((line) => line.includes('never second'))).toEqual([])
})

const NEVER: readonly (readonly [rule: string, why: string])[] = [
  [
    'when: { all: [{ names: a.example }, { names: b.example }] }, effect: allow',
    'no name matches a.example and b.example',
  ],
  ['when: { ca: a, all: [{ ca: b }] }, effect: deny', 'no request is of every ca'],
  ['when: { names: a.example, ip: 10.0.0.0/8 }, effect: deny', 'never both'],
  ['when: { names: a.example, identifier_type: ip }, effect: deny', 'take identifier_type out'],
  ['when: { count: ">10", all: [{ count: "<5" }] }, effect: deny', 'no number meets'],
  ['when: { operation: accounts, names: a.example }, effect: allow', 'names is not asked at newAccount'],
  ['when: { operation: newOrder, key: { size: "<3072" } }, effect: deny', 'a CSR comes with finalize'],
  [
    'when: { operation: finalize, orders: { within: 7d, count: ">5" } }, effect: deny',
    'orders are counted at newOrder',
  ],
  ['when: { time: { until: 2026-01-01 } }, effect: deny', 'its time ended at 2026-01-01'],
]

test.for(NEVER)('a rule that can match nothing: %s', async ([rule, why]) => {
  const told = await remarks(enforced(`{ name: a, ${rule} }`))
  expect(told.join('\n')).toMatch(
    /4 (?:never a: can never match|nothing-told a: matches nothing that can be told): /,
  )
  expect(told.join('\n')).toContain(why)
})

test.for([
  'when: { operation: newOrder, key: { size: ">=3072" } }, effect: allow',
  // One wildcard may touch both.
  'when: { all: [{ names: a.example }, { names: b.example }] }, effect: deny',
  'when: { any: [{ names: a.example }, { ip: 10.0.0.0/8 }] }, effect: deny',
])('a rule that may match: %s', async (rule) => {
  expect((await remarks(enforced(`{ name: a, ${rule} }`))).filter((line) => line.includes('never'))).toEqual(
    [],
  )
})

test('an allow that takes the ground from a later deny, with a name for an example', async () => {
  const told = await remarks(
    enforced(
      '{ name: ours, when: { names: "**.example.com" }, effect: allow }',
      '{ name: pay, when: { names: ["*.*.example.com"] }, effect: deny }',
    ),
  )
  expect(told).toEqual([
    '5 overlap pay: does not deny what ours in line 4 allows before it, host.host.example.com for one; move it before that rule if it should',
  ])
})

test('an exception before a deny is meant', async () => {
  const exception = '{ name: ours, when: { names: pay.example.com, client: { label: x } }, effect: allow }'
  expect(
    await remarks(enforced(exception, '{ name: pay, when: { names: .example.com }, effect: deny }')),
  ).toEqual([])
  const apart = '{ name: ours, when: { names: "**.example.com", ca: a }, effect: allow }'
  expect(
    await remarks(enforced(apart, '{ name: pay, when: { names: pay.example.com, ca: b }, effect: deny }')),
  ).toEqual([])
})

test('what else is odd', async () => {
  const text = `version: 1
mode: enforce
default: deny
lists: { none: [], unused: [a.example] }
webhooks: { used: { url: https://a.example }, unused: { url: https://b.example } }
rules:
  - { name: old, when: { ca: x }, effect: deny, expires: 2026-11-01 }
  - { name: soon, when: { ca: x }, effect: deny, expires: 2026-12-01 }
  - { name: watched, when: { ca: pebble }, effect: allow, mode: observe }
  - { name: key, when: { key: { size: '<2048' } }, effect: deny }
  - { name: key-told, when: { operation: finalize, key: { type: Ed448 } }, effect: deny }
  - { name: asks, when: { cel: 'webhooks.used.allow == false' }, effect: deny, unknown: skip }
  - { name: trusts, when: { names: a.example, webhook: used }, effect: allow, unknown: match }
  - { name: empty, when: { not: { names: '@none' }, operation: newOrder }, effect: deny }
  - { name: rest, when: always, effect: deny }
  - { name: after, when: { names: b.example }, effect: allow }
`
  const told = await remarks(text, { cas: ['pebble'] })
  expect(told.map((line) => line.split(':')[0])).toEqual([
    '3 no-accounts null',
    '4 empty-list null',
    '4 unused null',
    '5 unused null',
    '7 untold old',
    '7 expired old',
    '7 unknown-ca old',
    '8 expires-soon soon',
    '8 unknown-ca soon',
    '9 allows-nothing watched',
    '10 at-finalize key',
    '12 unknown-passes asks',
    '13 unknown-passes trusts',
    '15 catch-all rest',
  ])
  expect(told[0]).toContain('add - { name: accounts, when: { operation: accounts }, effect: allow }')
  expect(told.at(-1)).toContain('decides everything, so the rule after can never match: move it to the end')
})

test('denials that help nobody are told once; a message of the rule or the policy, an owner or a link is help', async () => {
  const silent = (more: string, ...rules: string[]) =>
    remarks(`version: 1\n${more}rules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}`)
  const deny = (name: string, more = '') =>
    `{ name: ${name}, when: { names: ${name}.example }, effect: deny${more} }`
  expect(
    await silent('', deny('a', ', owner: us'), deny('b'), deny('c'), deny('d', ', message: ask')),
  ).toEqual([
    expect.stringMatching(
      /^4 untold b: denies and tells the client neither why nor whom to ask \(and 1 more\)/,
    ),
  ])
  expect(await silent('', deny('a', ', link: "https://a.example"'))).toEqual([])
  expect(await silent('', '{ name: a, when: { names: a.example }, effect: warn }')).toEqual([])
  expect(await silent('message: ask us\n', deny('a'))).toEqual([])
  expect(await silent('link: https://a.example\n', deny('a'))).toEqual([])
})

test('of more rules than can be compared with each other the check still comes to an end, and says so', async () => {
  const rules = Array.from(
    { length: 1_500 },
    (_, n) => `{ name: r${n}, when: { names: h${n}.example }, effect: deny }`,
  )
  expect(await remarks(enforced(...rules))).toEqual([
    expect.stringMatching(/^1 unfinished null: has too many rules/),
  ])
}, 60_000)

const BUDGET = 'orders: { per: all, within: 7d, count: ">=9" }'
const TWO_REQUESTS: readonly (readonly [rule: string, told: boolean])[] = [
  [`when: { key: { type: RSA }, ${BUDGET} }, effect: deny`, true],
  [`when: { all: [{ csr: { must_staple: true } }, { ${BUDGET} }] }, effect: warn`, true],
  [`when: { not: { any: [{ key: { type: RSA } }, { ${BUDGET} }] } }, effect: deny`, true],
  [`when: { any: [{ key: { type: RSA } }, { ${BUDGET} }] }, effect: deny`, false],
  [`when: { any: [{ key: { type: RSA } }, { ${BUDGET} }] }, effect: allow`, true],
  [`when: { not: { key: { type: RSA }, ${BUDGET} } }, effect: allow`, true],
  [`when: { key: { type: RSA }, ${BUDGET} }, effect: allow`, false],
  [`when: { not: { any: [{ key: { type: RSA } }, { ${BUDGET} }] } }, effect: allow`, false],
  [`when: { key: { type: RSA }, count: ">9" }, effect: deny`, false],
]
test.for(TWO_REQUESTS)('a rule that no one request can be held to: %s: %s', async ([rule, told]) => {
  const kinds = (await remarks(enforced(`name: r, ${rule}`.replace(/^(.*)$/, '{ $1 }')))).map(
    (line) => line.split(' ')[1],
  )
  expect(kinds.includes('two-requests')).toBe(told)
})
