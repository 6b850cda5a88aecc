import { expect, test } from 'vitest'
import { runPolicyReload } from './policy-reload.ts'
import { LONGEST, quiet } from './small.ts'

test('policies that come and go under load fail no request and mix no decision', {
  timeout: LONGEST,
}, async () => {
  const { figures, failures } = await runPolicyReload({ size: 25, long: 2000, rate: 40, ...quiet })
  expect(failures).toEqual([])
  expect(figures['mixed decisions']).toBe(0)
  expect(figures['recorded decisions, recomputed']).toBeGreaterThan(50)
  expect(figures['policies that decided']).toBeGreaterThan(3)
  expect(figures.denied).toBeGreaterThan(10)
})
