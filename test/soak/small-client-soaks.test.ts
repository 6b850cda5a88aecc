import { expect, test } from 'vitest'
import { clientHellos } from './client-hellos.ts'
import { hostile } from './hostile.ts'
import { instances } from './instances.ts'
import { runRollout } from './rollout.ts'
import { LONGEST, quiet } from './small.ts'

/** The same limits for each client and the same seconds of bunching as for 8,000 in a minute. */
const small = { size: 120, ...quiet }

test('a roll-out meets no limit by address, and no client fails', { timeout: LONGEST }, async () => {
  const { failures, figures } = await runRollout(small, { mode: 'intercept', stretch: 0.08 })
  expect(failures).toEqual([])
  expect(figures['worst: certificates']).toBe(small.size)
})

test('the same roll-out fails without pacing', { timeout: LONGEST }, async () => {
  const { failures } = await runRollout(
    { ...small, size: 60 },
    { mode: 'intercept', stretch: 0.03, paced: false },
  )
  expect(failures.join()).toContain('the CA answered')
})

test('two instances, one killed under load: all clients succeed by their next run, both records tell all', {
  timeout: LONGEST,
}, async () => {
  const { failures, figures } = await instances.run({ size: 16, ...quiet })
  expect(failures).toEqual([])
  expect(figures['succeeded in the second run']).toBeGreaterThan(0)
})

test('N8: idle and dripping connections are cut, and delay nobody so that it fails', {
  timeout: LONGEST,
}, async () => {
  const { failures, figures } = await hostile.run({ size: 150, ...quiet })
  expect(failures).toEqual([])
  expect(figures['connections opened in all']).toBeGreaterThanOrEqual(150)
})

test('N11: mutated ClientHellos mint nothing and end nothing', { timeout: LONGEST }, async () => {
  expect((await clientHellos.run({ size: 450, ...quiet })).failures).toEqual([])
})
