import { expect, test } from 'vitest'
import { reasonWithout } from '../support/missing.ts'
import { failoverAtOnce } from './broker-failover.ts'
import { brokerIssuances } from './broker-issuances.ts'
import { killAtPoints, killAtRandom, POINTS } from './broker-kills.ts'
import { LONGEST, quiet } from './small.ts'

const pebbleMissing = await reasonWithout('pebble', 'pebble-challtestsrv')
/** Of each part and story some. */
const EVERY = 13

test('broker: whatever the first CA does, every order is served once', { timeout: LONGEST }, async () => {
  const { failures, figures } = await brokerIssuances.run({ size: 96, ...quiet })
  expect(failures).toEqual([])
  expect(figures['served by another']).toBeGreaterThan(20)
  expect(figures['served by the first CA']).toBeGreaterThan(0)
})

test.skipIf(pebbleMissing !== null)(
  'broker: the same of the program over CAs by HTTPS, by the logs of the CAs',
  { timeout: LONGEST },
  async () => {
    const { failures, figures } = await failoverAtOnce({ size: 96, ...quiet })
    expect(failures).toEqual([])
    expect(figures.orders).toBe(96)
  },
)

test('H3: acmetap serve is killed at durable steps of orders, and clients have their certificates', {
  timeout: LONGEST,
}, async () => {
  const points = POINTS.filter((_, index) => index % EVERY === 0)
  const { failures, kills } = await killAtPoints(points)
  expect(failures).toEqual([])
  expect(kills).toBe(points.length)
})

test.skipIf(pebbleMissing !== null)(
  'H3: acmetap serve is killed under load, and no order is lost or issued twice',
  { timeout: LONGEST },
  async () => {
    const { failures, orders } = await killAtRandom({ size: 2, ...quiet })
    expect(failures).toEqual([])
    expect(orders).toBeGreaterThan(0)
  },
)
