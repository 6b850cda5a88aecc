import { expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { readDocument } from '../../src/config/document.ts'
import { NestedTooDeep, parseYaml } from '../../src/config/parse-yaml.ts'

const MANY = 300_000

/** Nothing of this comes to an end within minutes, or at all, where each is compared with each. */
test.each([
  ['lists without end', '['.repeat(MANY), 1],
  ['lists that end', `a: ${'['.repeat(MANY)}${']'.repeat(MANY)}`, 1],
  ['mappings without end', '{'.repeat(MANY), 1],
  ['mappings in each other', '{a: '.repeat(30_000), 1],
  ['entries in entries', '- '.repeat(MANY), 1],
  ['keys in keys', '? '.repeat(MANY), 1],
  ['a\n b\n  c', Array.from({ length: 700 }, (_, n) => `${' '.repeat(n)}a:\n`).join(''), 200],
])('%s are nested too deep', (_, text, line) => {
  const { faults, value, locate } = readDocument(text, null)
  expect(value).toBeUndefined()
  expect(faults).toMatchObject([{ message: 'is nested too deep' }])
  expect(faults[0]!.line).toBeGreaterThanOrEqual(line)
  expect(locate([], 'value').line).toBe(faults[0]!.line)
  expect(() => parseYaml(text)).toThrow(NestedTooDeep)
})

test('lists that each line leaves open are mistakes, and are read to the end', () => {
  const lines = Array.from({ length: 10_000 }, (_, n) => `a${n}: [{\n`)
  const { value, faults } = readDocument(lines.join(''), null)
  expect(value).toBeUndefined()
  expect(faults.length).toBeGreaterThan(100)
})

test('what is nested as deep as it may be is read', () => {
  const deep = (levels: number) => `a: ${'['.repeat(levels)}x${']'.repeat(levels)}\n`
  expect(readDocument(deep(20), null).faults).toEqual([])
  expect(readDocument(deep(150), null).faults).toMatchObject([{ message: 'is nested too deep' }])
})

test('of 100,000 keys the one that is written twice is found, and each has its place', () => {
  const keys = Array.from({ length: 100_000 }, (_, n) => `k${n}: ${n}\n`)
  const { value, locate } = readDocument(keys.join(''), null)
  expect(Object.keys(value as object)).toHaveLength(100_000)
  for (const [at] of keys.entries()) expect(locate([`k${at}`], 'key').line).toBe(at + 1)
  const twice = readDocument(`${keys.join('')}k7: 1\na: {b: 1, c: 2, b: 3}\n`, null)
  expect(twice.faults).toEqual([
    { line: 100_001, column: 1, message: 'the same key is written twice' },
    { line: 100_002, column: 17, message: 'the same key is written twice' },
  ])
})

test('several documents are refused', () => {
  expect(readDocument('a: 1\n---\nb: 1\n', null).faults).toMatchObject([
    { line: 2, message: expect.stringContaining('multiple documents') },
  ])
  expect(readDocument('---\n'.repeat(10_000), null).value).toBeUndefined()
})

test('of more than a hundred problems the first are told, and how many there are', () => {
  const at = (line: number) => ({
    ...{ file: 'a.yaml', line, column: 1, path: '', instead: null },
    message: `problem ${line}`,
  })
  const problems = Array.from({ length: 5_000 }, (_, n) => at(5_000 - n))
  const error = new ConfigError(problems)
  expect(error.problems).toHaveLength(101)
  expect(error.message).toMatch(/^a\.yaml:1:1: problem 1\n/)
  expect(error.message).toMatch(
    /problem 100\na\.yaml:101:1: and 4900 more problems\. Mend those above first$/,
  )
  expect(new ConfigError(error.problems).message).toBe(error.message)
  expect(new ConfigError(problems.slice(0, 101)).problems).toHaveLength(101)
  expect(new ConfigError(problems.slice(0, 101)).message).not.toContain('more problems')
})
