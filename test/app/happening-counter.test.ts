import { expect, test } from 'vitest'
import { HappeningCounter } from '../../src/app/happening-counter.ts'
import type { Happening } from '../../src/audit/inventory/happening.ts'
import type { HappeningPlace } from '../../src/audit/inventory/inventory-counts.ts'

/** An inventory in which happening `fact` 1, 2, 3 … took place. */
function inventory(count: number) {
  const world = { count, broken: false, asked: 0 }
  const happeningsAfter = async (after: HappeningPlace | null, limit: number) => {
    world.asked += 1
    if (world.broken) throw new Error('the thread ended')
    if (after === null) return { happenings: [], place: { fact: world.count, n: 0 } }
    const last = Math.min(world.count, after.fact + limit)
    const happenings = Array.from(
      { length: last - after.fact },
      (_, n) => ({ kind: 'validated', fact: after.fact + n + 1, n: 0 }) as Happening,
    )
    return { happenings, place: { fact: last, n: 0 } }
  }
  return { world, counts: { happeningsAfter } }
}

test('everything from the start on is told once and in order, however many pages it takes', async () => {
  const { world, counts } = inventory(7)
  const told: number[] = []
  const counter = new HappeningCounter(counts, ({ fact }) => told.push(fact))
  await counter.catchUp()
  expect(told).toEqual([])
  world.count = 2507
  await counter.catchUp()
  await counter.catchUp()
  expect(told).toEqual(Array.from({ length: 2500 }, (_, n) => n + 8))
})

test('an inventory that cannot be asked now is asked again, and nothing is told twice', async () => {
  const { world, counts } = inventory(3)
  const told: number[] = []
  const counter = new HappeningCounter(counts, ({ fact }) => told.push(fact))
  await counter.catchUp()
  world.broken = true
  await expect(counter.catchUp()).rejects.toThrow('the thread ended')
  world.broken = false
  world.count = 5
  await counter.catchUp()
  expect(told).toEqual([4, 5])
})
