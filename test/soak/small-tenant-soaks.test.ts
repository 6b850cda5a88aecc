import { expect, test } from 'vitest'
import { brokerEabTiming } from './broker-eab-timing.ts'
import { brokerErrors } from './broker-errors.ts'
import { brokerNonces } from './broker-nonces.ts'
import { brokerProofs } from './broker-proofs.ts'
import { brokerTenants } from './broker-tenants.ts'
import { LONGEST, quiet } from './small.ts'

test("broker: another tenant's objects are as those of nobody", { timeout: LONGEST }, async () => {
  const { failures, figures } = await brokerTenants.run({ size: 3, ...quiet })
  expect(failures).toEqual([])
  expect(figures.pairs).toBeGreaterThan(200)
})

test("broker: no tenant gets a name by another's proof", { timeout: LONGEST }, async () => {
  const { failures, figures } = await brokerProofs.run({ size: 6, ...quiet })
  expect(failures).toEqual([])
  expect(figures['certificates issued']).toBeGreaterThan(0)
  expect(figures['orders refused']).toBeGreaterThan(0)
})

test('broker: a nonce is good once', { timeout: LONGEST }, async () => {
  const { failures, figures } = await brokerNonces.run({ size: 500, ...quiet })
  expect(failures).toEqual([])
  expect(figures['of those succeeded']).toBe(1)
  expect(figures['forged refused']).toBe(50)
})

test('broker: EAB keys that are guessed are all answered alike', { timeout: LONGEST }, async () => {
  const { failures, figures } = await brokerEabTiming.run({ size: 20, ...quiet })
  expect(failures).toEqual([])
  expect(figures['different answers']).toBe(1)
})

test('broker: what a CA says is what clients are told', { timeout: LONGEST }, async () => {
  const { failures, figures } = await brokerErrors.run({ size: 2, ...quiet })
  expect(failures).toEqual([])
  expect(figures).toMatchObject({
    'wire, newOrder': 'detail 2 of 2, type 2 of 2, subproblems 1 of 1, fields 2 of 2',
  })
})
