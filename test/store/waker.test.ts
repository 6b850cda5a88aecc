import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { wakerOf } from '../../src/store/waker.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('wakes once for all that comes in a while, and again for what comes while it is at work', async () => {
  const ends: (() => void)[] = []
  const wake = wakerOf(() => new Promise((resolve) => ends.push(resolve)), 20)
  for (let n = 0; n < 5; n++) wake()
  expect(ends).toHaveLength(0)
  await vi.advanceTimersByTimeAsync(20)
  expect(ends).toHaveLength(1)
  wake()
  wake()
  await vi.advanceTimersByTimeAsync(100)
  expect(ends).toHaveLength(1)
  ends[0]!()
  await vi.advanceTimersByTimeAsync(20)
  expect(ends).toHaveLength(2)
  ends[1]!()
  await vi.advanceTimersByTimeAsync(100)
  expect(ends).toHaveLength(2)
})

test('is woken again after it has failed', async () => {
  let woken = 0
  const wake = wakerOf(async () => {
    woken += 1
    throw new Error('the thread ended')
  }, 20)
  for (let n = 1; n <= 2; n++) {
    wake()
    await vi.advanceTimersByTimeAsync(20)
    expect(woken).toBe(n)
  }
})
