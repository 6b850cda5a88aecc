import { expect, test } from 'vitest'
import { reasonWithoutFakedClock } from '../support/alerts/faked-clock.ts'
import { alertOutbox } from './alert-outbox.ts'
import { runStorm } from './alert-storm.ts'
import { alertsKill } from './alerts-kill.ts'
import { LONGEST, quiet } from './small.ts'

test('alerts: kills while they are evaluated and sent lose nothing, and change nothing', {
  timeout: LONGEST,
}, async () => {
  const { failures, figures } = await alertsKill.run({ size: 6, ...quiet })
  expect(failures).toEqual([])
  expect(figures.notifications).toBeGreaterThan(10)
})

test('alerts: a channel that is down for an hour misses nothing, whatever is killed meanwhile', {
  timeout: LONGEST,
}, async (context) => {
  const reason = await reasonWithoutFakedClock()
  if (reason !== null) return context.skip(reason)
  const { failures, figures } = await alertOutbox.run({ size: 5, ...quiet })
  expect(failures).toEqual([])
  expect(figures['names that failed']).toBe(30)
  expect(figures.notifications).toBeGreaterThan(4)
})

test('alerts: a thousand failures become a handful of messages that say the count and the cause', {
  timeout: LONGEST,
}, async () => {
  const { failures } = await runStorm({ size: 1000, progress: quiet.progress }, '20s')
  expect(failures).toEqual([])
})
