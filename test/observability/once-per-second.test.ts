import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { OncePerSecond } from '../../src/observability/once-per-second.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a flood is told of at once, then once a second with its size, each key for itself', () => {
  const once = new OncePerSecond()
  const told: [string, number][] = []
  const note = (key: string) => once.note(key, (count) => told.push([key, count]))
  for (let n = 0; n < 1000; n += 1) note('intent late')
  note('outcome full')
  expect(told).toEqual([
    ['intent late', 1],
    ['outcome full', 1],
  ])
  vi.advanceTimersByTime(1000)
  expect(told).toEqual([
    ['intent late', 1],
    ['outcome full', 1],
    ['intent late', 999],
  ])
  note('intent late')
  expect(told.at(-1)).toEqual(['intent late', 1])
})
