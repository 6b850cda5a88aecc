import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalise } from '../../../src/policy/names/normalise.ts'
import { parsePattern, patternCovers, patternOf, patternsTouch } from '../../../src/policy/names/pattern.ts'
import { patternOf as pattern } from '../../support/policy-names/bypass.ts'
import { hostMatches } from '../../support/policy-names/naive.ts'

test.for([
  ['Example.com', { labels: ['com', 'example'], apex: true, depth: 0 }],
  ['*.example.com', { labels: ['com', 'example', '*'], apex: true, depth: 0 }],
  ['*.*.example.com', { labels: ['com', 'example', '*', '*'], apex: true, depth: 0 }],
  ['www.*.com', { labels: ['com', '*', 'www'], apex: true, depth: 0 }],
  ['.example.com', { labels: ['com', 'example'], apex: true, depth: Number.POSITIVE_INFINITY }],
  ['**.example.com', { labels: ['com', 'example'], apex: false, depth: Number.POSITIVE_INFINITY }],
  ['**{3}.example.com', { labels: ['com', 'example'], apex: false, depth: 3 }],
  ['**', { labels: [], apex: false, depth: Number.POSITIVE_INFINITY }],
  ['**{1}', { labels: [], apex: false, depth: 1 }],
  ['**.*', { labels: ['*'], apex: false, depth: Number.POSITIVE_INFINITY }],
  [`${'*.'.repeat(20)}com`, { labels: ['com', ...Array(20).fill('*')], apex: true, depth: 0 }],
  ['a.*.b.c.d.e.f.g.h.com', { labels: 'com.h.g.f.e.d.c.b.*.a'.split('.'), apex: true, depth: 0 }],
  ['localhost', { labels: ['localhost'], apex: true, depth: 0 }],
] as const)('%s', ([text, expected]) => {
  expect(parsePattern(text)).toEqual({ text: text.toLowerCase(), ...expected })
})

test.for([
  ['', 'write ** for every name'],
  ['.', 'write ** for every name'],
  ['**.', 'write ** for every name'],
  ['**{3}.', 'write ** for every name'],
  ['*', 'write **{1} for names of one label, or ** for every name'],
  ['.*', 'write **{1} for names of one label, or ** for every name'],
  ['**{0}.example.com', 'limits the depth to 0: write 1 to 126'],
  ['**{127}.example.com', 'write 1 to 126'],
  ['**{1,2}.example.com', 'only its beginning'],
  ['***.example.com', 'only its beginning'],
  ['**.**.example.com', 'only its beginning'],
  ['www.**.example.com', 'only its beginning'],
  ['**example.com', 'only its beginning'],
  ['w*.example.com', '* stands for a whole label'],
  ['example.com.', 'ends with a dot'],
  ['..example.com', 'has an empty label'],
  ['www..com', 'has an empty label'],
  ['bücher.example', 'write xn--bcher-kva.example'],
  ['**.bücher.example', 'write xn--bcher-kva.example there'],
  ['10.0.0.0/8', 'belongs under ip'],
  ['::1', 'belongs under ip'],
  ['*.10', 'ends with the number 10'],
  ['a b.com', 'has U+0020 in it'],
  ['a.*.b.c.d.e.f.g.h.i.com', 'has a * right of another label and 11 labels; 10 are allowed then'],
  ['**.a.*.b.c.d.e.f.g.h.i.com', '10 are allowed then'],
  ['a.*.*.*.*.*.*.*.*.*.*', '10 are allowed then'],
  [`${'a.'.repeat(130)}com`, 'is longer than any name'],
] as const)('%j: %s', ([text, words]) => {
  const parsed = parsePattern(text)
  expect('fault' in parsed ? parsed.fault : null).toContain(words)
})

const label = fc.constantFrom('a', 'b', '*')
const patterns = fc
  .tuple(
    fc.constantFrom('', '.', '**.', '**{1}.', '**{2}.'),
    fc.array(label, { maxLength: 2 }),
    fc.constantFrom('a', 'b'),
  )
  .map(([start, labels, last]) => `${start}${[...labels, last].join('.')}`)

/** Every name of up to six labels of three, one of which no pattern has. */
const HOSTS = (() => {
  let longest = ['a', 'b', 'c']
  const hosts = [...longest]
  for (let length = 2; length <= 6; length++) {
    longest = longest.flatMap((host) => ['a', 'b', 'c'].map((first) => `${first}.${host}`))
    hosts.push(...longest)
  }
  return hosts
})()

test('what covers and what touches is what the hosts say', () => {
  let covering = 0
  fc.assert(
    fc.property(patterns, patterns, (one, other) => {
      const theirs = HOSTS.filter((host) => hostMatches(other, host))
      const common = theirs.filter((host) => hostMatches(one, host))
      // Six labels: what has no end differs within them from what has one.
      expect(patternsTouch(pattern(one), pattern(other)), `${one} touches ${other}`).toBe(common.length > 0)
      expect(patternCovers(pattern(one), pattern(other)), `${one} covers ${other}`).toBe(
        common.length === theirs.length,
      )
      if (common.length === theirs.length) covering++
    }),
    { numRuns: 600, seed: 6 },
  )
  expect(covering).toBeGreaterThan(10)
})

test('a name is a pattern of what it stands for', () => {
  for (const [value, covers, text] of [
    ['example.com', undefined, 'example.com'],
    ['*.example.com', undefined, '*.example.com'],
    ['example.com', 'subtree', '.example.com'],
  ] as const) {
    const name = normalise({ type: 'dns', value }, covers)
    if ('fault' in name) throw new Error(name.fault)
    expect(patternOf(name)).toEqual(parsePattern(text))
  }
})
