import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Retention } from '../../src/app/retention.ts'
import type { Pruned } from '../../src/audit/keeping.ts'
import { stillClock } from '../support/exchanges.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const DAY = 86_400_000
const progress = { projected: 77, recorded: 80, rebuilding: false, fault: null }

function world(answer: (asked: unknown[]) => Promise<readonly Pruned[]>) {
  const asked: unknown[][] = []
  const told: (readonly Pruned[] | Error)[] = []
  const clock = stillClock()
  const state = { ...progress }
  const retention = new Retention(
    {
      forget: () => Promise.reject(new Error('not asked for')),
      prune: (before, through) => {
        asked.push([before, through])
        return answer(asked)
      },
    },
    { progress: async () => state },
    clock,
    () => ({ exchanges: 10 * DAY, bodies: 'forever', personal: 5 * DAY }),
    (report) => told.push(report),
  )
  return { asked, told, clock, state, retention }
}

test('once an hour, up to what the inventory has taken in', async () => {
  const { asked, told, clock, retention } = world(async () => [{ kind: 'exchanges', removed: 0 }])
  await vi.advanceTimersByTimeAsync(59_000)
  expect(asked).toEqual([])
  await vi.advanceTimersByTimeAsync(2_000)
  expect(asked).toEqual([
    [{ exchanges: clock.wall - 10 * DAY * 1000, bodies: null, personal: clock.wall - 5 * DAY * 1000 }, 77],
  ])
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(asked).toHaveLength(2)
  expect(told).toEqual([])
  await retention.close()
  await vi.advanceTimersByTimeAsync(3_600_000 * 5)
  expect(asked).toHaveLength(2)
})

test('what went is told, and a failure does not end it', async () => {
  const gone: Pruned[] = [{ kind: 'exchanges', removed: 5 }]
  const { told, retention } = world(async (asked) => {
    if (asked.length === 1) throw new Error('disk full')
    return gone
  })
  await vi.advanceTimersByTimeAsync(61_000 + 3_600_000)
  expect(told).toEqual([new Error('disk full'), gone])
  await retention.close()
})

test('nothing goes while the inventory is made anew', async () => {
  const { asked, state, retention } = world(async () => [])
  state.rebuilding = true
  await vi.advanceTimersByTimeAsync(61_000 + 3_600_000)
  expect(asked).toEqual([])
  await retention.close()
})
