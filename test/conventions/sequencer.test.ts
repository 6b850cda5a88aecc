import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { expectedOf, LONG, packed } from '../sequencer.ts'

const root = resolve(import.meta.dirname, '..', '..')
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => ({ path: join('test', name), bytes: name.length }))

test('the order of test files holds each of them once', () => {
  expect(files.length).toBeGreaterThan(200)
  expect(new Set(packed(files))).toEqual(new Set(files))
  expect(packed(files)).toHaveLength(files.length)
  expect(packed([])).toEqual([])
})

test('every entry of the long ones is of a file that is there', () => {
  const used = new Set(files.map(({ path }) => LONG.find(([begin]) => path.startsWith(begin))))
  expect(LONG.filter((entry) => !used.has(entry))).toEqual([])
})

test('long ones come early, and those that wait go along with those that work', () => {
  const order = packed(files).map(({ path }) => expectedOf(path))
  expect(order.slice(0, 2).map(({ kind }) => kind)).toEqual(['waits', 'works'])
  expect(order.slice(-100).every(({ seconds }) => seconds < 60)).toBe(true)
  const total = { waits: 0, works: 0 }
  for (const { kind, seconds } of order) total[kind] += seconds
  const done = { waits: 0, works: 0 }
  for (const { kind, seconds } of order) {
    done[kind] += seconds
    // In step but for the one file that is the longest.
    expect(Math.abs(done.waits / total.waits - done.works / total.works)).toBeLessThan(0.2)
  }
})
