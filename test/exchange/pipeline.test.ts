import { expect, test } from 'vitest'
import { AcmeProblem } from '../../src/acme/problem.ts'
import type { Classified, Completed, Decided, Inspected, Received } from '../../src/exchange/exchange.ts'
import {
  type Answered,
  chain,
  type Recorded,
  type Refusal,
  type Taught,
} from '../../src/exchange/pipeline.ts'
import { NOTHING_LEARNED } from '../../src/exchange/resource.ts'
import { received, response } from '../support/exchanges.ts'

const refusal: Refusal = {
  problem: () => ({ type: 'urn:ietf:params:acme:error:malformed', detail: 'no', status: 400 }),
  now: () => ({ wall: 1, monotonic: 1 }),
}

function stages(effect: 'allow' | 'deny' = 'allow') {
  const ran: string[] = []
  const seen: Taught[] = []
  const denial = { effect: 'deny', rule: 'r', problem: 'malformed', detail: 'no' } as const
  return {
    ran,
    seen,
    classify: async (e: Received): Promise<Classified> => {
      ran.push('classify')
      return { ...e, operation: 'order', resource: null, ambiguities: [] }
    },
    inspect: async (e: Classified): Promise<Inspected> => {
      ran.push('inspect')
      return { ...e, inspection: null }
    },
    decide: async (e: Inspected): Promise<Decided> => {
      ran.push('decide')
      return { ...e, decision: effect === 'allow' ? { effect } : denial }
    },
    recordRequest: async (e: Decided): Promise<Recorded> => {
      ran.push('recordRequest')
      return { ...e, intent: 'durable' }
    },
    send: async (e: Recorded, exit: string): Promise<Answered> => {
      ran.push(`send ${exit}`)
      const outcome = { kind: 'response', response: response(200, {}), durationCa: 1 } as const
      return { ...e, outcome, answeredAt: { wall: 2, monotonic: 2 } }
    },
    learn: (e: Answered): Taught => {
      ran.push('learn')
      return { ...e, learned: NOTHING_LEARNED }
    },
    recordOutcome: async (e: Taught): Promise<Completed> => {
      ran.push('recordOutcome')
      seen.push(e)
      return { ...e, completedAt: { wall: 3, monotonic: 3 } }
    },
  }
}

type Stages = ReturnType<typeof stages>
const compose = (s: Stages) =>
  chain(refusal, s.classify, s.inspect, s.decide, s.recordRequest, s.send, s.learn, s.recordOutcome)

test('every stage runs once, in order', async () => {
  const s = stages()
  const completed = await compose(s)(received(), 'exit')
  expect(s.ran).toEqual([
    'classify',
    'inspect',
    'decide',
    'recordRequest',
    'send exit',
    'learn',
    'recordOutcome',
  ])
  expect(completed.outcome.kind).toBe('response')
})

test('a denial goes straight to recordOutcome', async () => {
  const s = stages('deny')
  const completed = await compose(s)(received(), 'exit')
  expect(s.ran).toEqual(['classify', 'inspect', 'decide', 'recordOutcome'])
  expect(s.seen[0]).toMatchObject({ intent: 'none', learned: NOTHING_LEARNED, outcome: { kind: 'refused' } })
  expect(completed.outcome).toEqual({ kind: 'refused', problem: refusal.problem(s.seen[0]!) })
})

test.each(['classify', 'inspect', 'decide', 'recordRequest'] as const)(
  'an error in %s ends the exchange with that error, and nothing is sent',
  async (name) => {
    const s = stages()
    const error = new AcmeProblem('serverInternal', 'unwell', { status: 503 })
    const broken = { ...s, [name]: async () => Promise.reject(error) }
    await expect(compose(broken)(received(), 'exit')).rejects.toBe(error)
    expect(s.ran).not.toContain('send exit')
    expect(s.ran).not.toContain('recordOutcome')
  },
)

test('the compiler refuses a row that leaves a stage out or swaps two', () => {
  const s = stages()
  const rows = [
    // @ts-expect-error nothing decides
    () => chain(refusal, s.classify, s.inspect, s.recordRequest, s.send, s.learn, s.recordOutcome),
    // @ts-expect-error nothing records the request
    () => chain(refusal, s.classify, s.inspect, s.decide, s.send, s.learn, s.recordOutcome),
    // @ts-expect-error what is sent was not recorded
    () => chain(refusal, s.classify, s.inspect, s.decide, s.decide, s.send, s.learn, s.recordOutcome),
    // @ts-expect-error nothing inspects
    () => chain(refusal, s.classify, s.classify, s.decide, s.recordRequest, s.send, s.learn, s.recordOutcome),
    // @ts-expect-error nothing records the outcome
    () => chain(refusal, s.classify, s.inspect, s.decide, s.recordRequest, s.send, s.learn),
    // @ts-expect-error learned before it was sent
    () => chain(refusal, s.classify, s.inspect, s.decide, s.recordRequest, s.learn, s.send, s.recordOutcome),
  ]
  expect(rows).toHaveLength(6)
})
