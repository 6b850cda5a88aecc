import { expect, test } from 'vitest'
import { brokerFailover } from './broker-failover.ts'
import { LONGEST, quiet } from './small.ts'

test('broker: whatever the first CA does, every order is served once', { timeout: LONGEST }, async () => {
  const { failures, figures } = await brokerFailover.run({ size: 96, ...quiet })
  expect(failures).toEqual([])
  expect(figures['served by another']).toBeGreaterThan(20)
  expect(figures['served by the first CA']).toBeGreaterThan(0)
})
