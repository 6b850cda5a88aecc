import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NameSet } from '../../../src/policy/names/name-set.ts'
import { normalise } from '../../../src/policy/names/normalise.ts'
import type { PolicyName } from '../../../src/policy/names/policy-name.ts'
import { RuleIndex } from '../../../src/policy/names/rule-index.ts'
import { random } from '../../soak/soak.ts'
import { patternOf } from '../../support/policy-names/bypass.ts'
import { naiveOpinion } from '../../support/policy-names/naive.ts'

const setOf = (...texts: readonly string[]) => NameSet.of(texts.map(patternOf))

function nameOf(value: string, covers?: 'subtree'): PolicyName {
  const name = normalise({ type: 'dns', value }, covers)
  if ('fault' in name) throw new Error(name.fault)
  return name
}

/** W8, J9: pattern, name, whether the one covers the other, whether it touches it. */
test.for([
  ['pay.example.com', 'pay.example.com', true, true],
  ['pay.example.com', '*.example.com', false, true],
  ['pay.example.com', 'example.com', false, false],
  ['pay.example.com', 'www.pay.example.com', false, false],
  ['pay.example.com', '*.pay.example.com', false, false],
  ['*.example.com', 'pay.example.com', true, true],
  ['*.example.com', '*.example.com', true, true],
  ['*.example.com', 'example.com', false, false],
  ['*.example.com', 'a.pay.example.com', false, false],
  ['*.*.example.com', '*.pay.example.com', true, true],
  ['*.*.example.com', '*.example.com', false, false],
  ['**.example.com', '*.example.com', true, true],
  ['**.example.com', 'a.b.c.example.com', true, true],
  ['**.example.com', 'example.com', false, false],
  ['**.example.com', '*.com', false, false],
  ['.example.com', 'example.com', true, true],
  ['.example.com', '*.example.com', true, true],
  ['.example.com', '*.com', false, true],
  ['**{2}.example.com', 'a.b.example.com', true, true],
  ['**{2}.example.com', '*.b.example.com', true, true],
  ['**{2}.example.com', '*.a.b.example.com', false, false],
  ['www.*.example.com', '*.b.example.com', false, true],
  ['www.*.example.com', 'www.b.example.com', true, true],
  ['**', '*.com', true, true],
  ['**{1}', 'localhost', true, true],
  ['**{1}', '*.local', false, false],
] as const)('%s and %s: covers %s, touches %s', ([pattern, name, covers, touches]) => {
  expect(setOf(pattern).covers(nameOf(name))).toBe(covers)
  expect(setOf(pattern).touches(nameOf(name))).toBe(touches)
})

test.for([
  [['.example.com'], true, true],
  [['**.example.com'], false, true],
  [['example.com', '**.example.com'], true, true],
  [['example.com', '*.example.com', '**.*.example.com'], true, true],
  [['example.com', '**.*.example.com'], false, true],
  [['example.com', '**{2}.example.com', '**.*.*.example.com'], true, true],
  [['**.com'], true, true],
  [['**{1}.com', '**.*.com'], true, true],
  [['**{1}.com', '**.*.*.com'], false, true],
  [['a.b.c.example.com'], false, true],
  [['www.example.org', 'com'], false, false],
  [['**'], true, true],
] as const)(
  '%j and everything from example.com down: covers %s, touches %s',
  ([patterns, covers, touches]) => {
    expect(setOf(...patterns).covers(nameOf('example.com', 'subtree'))).toBe(covers)
    expect(setOf(...patterns).touches(nameOf('example.com', 'subtree'))).toBe(touches)
  },
)

test('an address is in no set', () => {
  const address = normalise({ type: 'ip', value: '192.0.2.1' })
  if ('fault' in address) throw new Error(address.fault)
  expect(setOf('**').covers(address)).toBe(false)
  expect(setOf('**').touches(address)).toBe(false)
})

const label = fc.constantFrom('a', 'b', 'com')
const names = fc.tuple(
  fc.array(label, { minLength: 1, maxLength: 5 }),
  fc.constantFrom('host', 'wildcard', 'subtree'),
)
const patterns = fc
  .tuple(
    fc.constantFrom('', '.', '**.', '**{1}.', '**{2}.', '*.'),
    fc.array(fc.oneof(label, fc.constant('*')), { maxLength: 3 }),
    label,
  )
  .map(([start, labels, last]) => `${start}${[...labels, last].join('.')}`)

test('sets and the index of rules say what the naive matcher says', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(patterns, { maxLength: 4 }), { maxLength: 6 }),
      names,
      (sets, [labels, kind]) => {
        const value = `${kind === 'wildcard' ? '*.' : ''}${labels.join('.')}`
        const subtree = kind === 'subtree'
        const name = nameOf(value, subtree ? 'subtree' : undefined)
        const expected: number[] = []
        for (const [rule, set] of sets.entries()) {
          const question = { family: '', type: 'dns', value, subtree, scope: 0 } as const
          const scope = { denied: set, allowed: set, deniedNetworks: [], allowedNetworks: [] }
          const { touched, covered } = naiveOpinion(question, scope)
          expect(setOf(...set).touches(name)).toBe(touched)
          expect(setOf(...set).covers(name)).toBe(covered)
          if (touched) expected.push(rule)
        }
        const index = RuleIndex.of(sets.map((set) => set.map(patternOf)))
        expect(index.rulesFor(name)).toEqual(expected)
      },
    ),
    { numRuns: 3000, seed: 8 },
  )
})

test('W8: one protected name among 1 to 100 is found at every place', () => {
  const denied = setOf('pay.example.com', '.vault.example.com', '**{2}.keys.example.org')
  const bad = [
    'pay.example.com',
    '*.example.com',
    'a.b.vault.example.com',
    '*.keys.example.org',
    'PAY.Example.com',
  ]
  const good = Array.from({ length: 100 }, (_, at) => nameOf(`host-${at}.example.com`))
  let requests = 0
  for (const spelling of bad) {
    for (let count = 1; count <= 100; count++) {
      for (let place = 0; place < count; place++) {
        const asked = good.slice(0, count)
        asked[place] = nameOf(spelling)
        requests++
        expect(asked.findIndex((name) => denied.touches(name))).toBe(place)
      }
    }
  }
  expect(requests).toBe(5 * 5050)
})

test('a list of 100,000 lets others run while it is built, and answers the same', async () => {
  const list = Array.from({ length: 100_000 }, (_, at) =>
    patternOf(`host-${at}.unit-${at % 997}.example.com`),
  )
  let turns = 0
  let open = true
  const others = (async () => {
    while (open) {
      await new Promise((resolve) => setImmediate(resolve))
      turns++
    }
  })()
  const set = await NameSet.built(list)
  open = false
  await others
  expect(turns).toBeGreaterThanOrEqual(190)
  expect(set.covers(nameOf('host-99999.unit-299.example.com'))).toBe(true)
  expect(set.covers(nameOf('host-99999.unit-298.example.com'))).toBe(false)
  expect(set.touches(nameOf('*.unit-996.example.com'))).toBe(true)
})

/** Reads of labels, one for each node that is come to. */
function counting(name: PolicyName): { readonly name: PolicyName; readonly count: () => number } {
  let reads = 0
  const labels = new Proxy(name.labels, {
    get(target, key) {
      if (key !== 'length') reads++
      return Reflect.get(target, key)
    },
  })
  return { name: { ...name, labels }, count: () => reads }
}

test('W7: the ways through a set of patterns that are all * and the same label are bounded', () => {
  const next = random(7)
  let most = 0
  for (let round = 0; round < 20; round++) {
    const evil = Array.from({ length: 5000 }, () =>
      patternOf(`b.${Array.from({ length: 9 }, () => (next() < 0.5 ? '*' : 'a')).join('.')}`),
    )
    const { name, count } = counting(nameOf(Array.from({ length: 10 + round }, () => 'a').join('.')))
    expect(NameSet.of(evil).covers(name)).toBe(false)
    most = Math.max(most, count())
  }
  expect(most).toBeGreaterThan(500)
  expect(most).toBeLessThanOrEqual(1024)
})

test('W7: so are those through patterns that begin with *, of every length', () => {
  const evil = Array.from({ length: 120 }, (_, at) =>
    Array.from({ length: 120 - at }, (_, stars) => patternOf(`${'*.'.repeat(stars)}b${'.a'.repeat(at + 1)}`)),
  ).flat()
  const { name, count } = counting(nameOf(Array.from({ length: 126 }, () => 'a').join('.')))
  expect(evil.length).toBeGreaterThan(7000)
  expect(NameSet.of(evil).covers(name)).toBe(false)
  expect(count()).toBeLessThanOrEqual((127 * 128) / 2)
})

test('W7: a list of 20,000 is asked in as many steps as a name has labels', () => {
  const set = NameSet.of(Array.from({ length: 20_000 }, (_, at) => patternOf(`*.host-${at}.example.com`)))
  const { name, count } = counting(nameOf('www.host-19999.example.com'))
  expect(set.covers(name)).toBe(true)
  expect(count()).toBeLessThanOrEqual(6)
})
