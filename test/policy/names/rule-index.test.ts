import { expect, test } from 'vitest'
import { normalise } from '../../../src/policy/names/normalise.ts'
import { RuleIndex } from '../../../src/policy/names/rule-index.ts'
import { patternOf } from '../../support/policy-names/bypass.ts'

function rulesFor(index: RuleIndex, value: string, type = 'dns'): readonly number[] {
  const name = normalise({ type, value })
  if ('fault' in name) throw new Error(name.fault)
  return index.rulesFor(name)
}

test('rules in order, those that ask nothing of names among them', () => {
  const rules = [
    ['**.example.com'],
    null,
    ['pay.example.com', '*.example.com'],
    ['example.org'],
    null,
    ['**{2}.com'],
  ]
  const index = RuleIndex.of(rules.map((set) => set?.map(patternOf) ?? null))
  expect(rulesFor(index, 'pay.example.com')).toEqual([0, 1, 2, 4, 5])
  expect(rulesFor(index, '*.example.com')).toEqual([0, 1, 2, 4, 5])
  expect(rulesFor(index, 'a.b.example.com')).toEqual([0, 1, 4])
  expect(rulesFor(index, '*.org')).toEqual([1, 3, 4])
  expect(rulesFor(index, 'localhost')).toEqual([1, 4])
  expect(rulesFor(index, '192.0.2.1', 'ip')).toEqual([1, 4])
})

test('a thousand rules on one list share what they hold', () => {
  const list = Array.from({ length: 50 }, (_, at) => patternOf(`host-${at}.example.com`))
  const index = RuleIndex.of(Array.from({ length: 1000 }, () => list))
  const found = rulesFor(index, 'host-7.example.com')
  expect(found).toHaveLength(1000)
  expect(rulesFor(index, 'host-8.example.com')).toBe(found)
})

test('no rules', () => {
  expect(rulesFor(RuleIndex.of([]), 'example.com')).toEqual([])
  expect(rulesFor(RuleIndex.of([[]]), 'example.com')).toEqual([])
})
