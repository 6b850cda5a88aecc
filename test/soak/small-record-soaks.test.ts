import { expect, test } from 'vitest'
import { reasonWithout } from '../support/missing.ts'
import { inventoryScale } from './inventory-scale.ts'
import { kill } from './kill.ts'
import { leak } from './leak.ts'
import { LONGEST, quiet } from './small.ts'
import { storeFault } from './store-faults.ts'
import { syscalls } from './syscalls.ts'

const untraceable = await reasonWithout('strace')

test('H8: six kills under load lose nothing', { timeout: LONGEST }, async () => {
  const { failures, figures } = await kill.run({ size: 6, ...quiet })
  expect(failures).toEqual([])
  expect(figures['outcome response']).toBeGreaterThan(0)
})

test('H8: the log is synced before sending and before answering, by the system calls', {
  timeout: LONGEST,
}, async (context) => {
  if (untraceable !== null) return context.skip(untraceable)
  const { failures, figures } = await syscalls.run({ size: 60, ...quiet })
  expect(failures).toEqual([])
  expect(figures['exchanges in the trace']).toBe(60)
})

test.for(['disk-full', 'locked', 'slow', 'io-error'] as const)(
  'H1, H7: store %s: nothing without an intent, and it recovers',
  { timeout: LONGEST },
  async (fault, context) => {
    if (fault === 'disk-full' && process.getuid?.() !== 0)
      return context.skip('mounting a small disk takes root')
    if ((fault === 'slow' || fault === 'io-error') && untraceable !== null) return context.skip(untraceable)
    expect((await storeFault(fault, 1, quiet.progress)).failures).toEqual([])
  },
)

test('H14: descriptors stay level under steady load', { timeout: LONGEST }, async () => {
  expect((await leak.run({ size: 0.05, ...quiet })).failures).toEqual([])
})

test('the inventory of 20,000 exchanges holds everything that was generated', {
  timeout: LONGEST,
}, async () => {
  const { failures, figures } = await inventoryScale.run({ size: 20_000, ...quiet })
  expect(failures).toEqual([])
  expect(figures.exchanges).toBeGreaterThan(15_000)
})
