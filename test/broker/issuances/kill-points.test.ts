import { afterEach, beforeEach, expect, test } from 'vitest'
import { BROKER_STEPS, type BrokerStep } from '../../../src/broker/issuances/broker-step.ts'
import { IssuanceDrill, type IssuingTask } from '../../support/broker/issuance-drill.ts'

let drill: IssuanceDrill
beforeEach(() => {
  drill = new IssuanceDrill()
})
afterEach(() => drill.close())

test('H3: killed before and after each durable step, an order has one certificate, and none is lost or stuck', {
  timeout: 300_000,
}, async () => {
  const special: readonly BrokerStep[] = ['order.moved', 'order.failed']
  const inTurn = async (story: IssuingTask['story'], steps: readonly BrokerStep[]) => {
    const name = `${story}.example.com`
    for (const step of steps)
      for (const when of ['before', 'after']) {
        const point = `broker.${step}:${when}=kill`
        expect(await drill.run(name, story, point), point).toMatchObject({ killed: true })
      }
    return (await drill.run(name, story, null)).ended
  }
  const plain = await inTurn(
    'plain',
    BROKER_STEPS.filter((step) => !special.includes(step)),
  )
  const moved = await inTurn('moved', ['order.moved'])
  const failed = await inTurn('failed', ['order.failed'])
  expect([plain, moved, failed]).toEqual(['valid', 'valid', 'invalid'])
  // What a kill after the last word has left is taken away by whoever starts next.
  await drill.run('last.example.com', 'plain', null)
  expect(await drill.verdict()).toEqual([])
})
