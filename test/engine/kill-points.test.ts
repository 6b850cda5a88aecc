import { afterEach, beforeEach, expect, test } from 'vitest'
import { DURABLE_STEPS, type DurableStep } from '../../src/engine/durable-step.ts'
import { KillDrill } from '../support/engine/kill-drill.ts'

let drill: KillDrill
beforeEach(async () => {
  drill = await KillDrill.start()
})
afterEach(() => drill.close())

/** While the certificate is fetched, answers are taken away: no process can be killed at one and then at the other. */
const WITHDRAWN: DurableStep = 'challenge.withdrawn'

test('H3: killed before and after each durable step, one job comes to its end with one order and one finalize', {
  timeout: 300_000,
}, async () => {
  const points = (steps: readonly DurableStep[]) =>
    steps.flatMap((step) => ['before', 'after'].map((when) => `engine.${step}:${when}=kill`))
  const inTurn = async (certificate: string, steps: readonly DurableStep[]) => {
    for (const point of points(steps))
      expect(await drill.run(certificate, point), point).toMatchObject({ killed: true })
    return drill.run(certificate, null)
  }
  const one = await inTurn(
    'one',
    DURABLE_STEPS.filter((step) => step !== WITHDRAWN),
  )
  const two = await inTurn('two', [WITHDRAWN])
  expect([one.ended, two.ended]).toEqual(Array(2).fill({ step: 'done', error: null }))
  expect(await drill.verdict()).toEqual([])
})
