import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { forgetting } from '../../../src/app/broker/forgetting.ts'

const HOUR = 3_600_000_000
const DAY = 24 * HOUR
const T0 = 1_800_000_000_000_000

let wall = 0
let monotonic = 0
let asked: number[] = []
const faults: unknown[] = []
let fails = false
let stop: () => void

beforeEach(() => {
  vi.useFakeTimers()
  ;[wall, monotonic, asked, fails] = [T0, 5 * HOUR, [], false]
  faults.length = 0
  stop = forgetting({
    store: {
      async prune(before) {
        if (fails) throw new Error('the disk is full')
        asked.push(before)
        return 0
      },
      pruneLocal: async () => 0,
    },
    clock: { now: () => ({ wall, monotonic }) },
    onFault: (error) => faults.push(error),
  })
})
afterEach(() => {
  stop()
  vi.useRealTimers()
})

async function hours(count: number): Promise<void> {
  for (let hour = 0; hour < count; hour++) {
    wall += HOUR
    monotonic += HOUR
    await vi.advanceTimersByTimeAsync(HOUR / 1000)
  }
}

test('each hour, what ended 90 days ago', async () => {
  await hours(2)
  expect(asked).toEqual([T0 + HOUR - 90 * DAY, T0 + 2 * HOUR - 90 * DAY])
  stop()
  await hours(2)
  expect(asked).toHaveLength(2)
})

test.each([3650 * DAY, -3650 * DAY, 2 * HOUR])(
  'not for a day by a clock that has jumped: %i µs',
  async (by) => {
    await hours(1)
    wall += by
    await hours(24)
    expect(asked).toHaveLength(1)
    await hours(1)
    expect(asked).toHaveLength(2)
  },
)

test('a clock that is put right meanwhile costs nothing', async () => {
  wall += 3650 * DAY
  await hours(5)
  wall -= 3650 * DAY
  await hours(48)
  expect(Math.max(...asked)).toBeLessThan(T0)
  expect(asked).not.toHaveLength(0)
})

test('a store that fails is told, and asked again', async () => {
  fails = true
  await hours(1)
  fails = false
  await hours(1)
  expect([faults.length, asked.length]).toEqual([1, 1])
})
