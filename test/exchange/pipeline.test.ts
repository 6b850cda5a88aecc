import { expect, test } from 'vitest'
import { AcmeProblem } from '../../src/acme/problem.ts'
import type { Classified, Completed, Decided, Inspected, Received } from '../../src/exchange/exchange.ts'
import {
  type Admitted,
  type Answered,
  chain,
  type Recorded,
  type Refusal,
  type Taught,
} from '../../src/exchange/pipeline.ts'
import { NOTHING_LEARNED } from '../../src/exchange/resource.ts'
import { AT_ONCE } from '../../src/exchange/turn.ts'
import { received, response } from '../support/exchanges.ts'

const refusal: Refusal = {
  problem: () => ({ type: 'urn:ietf:params:acme:error:malformed', detail: 'no', status: 400 }),
  now: () => ({ wall: 1, monotonic: 1 }),
}

function stages(effect: 'allow' | 'deny' = 'allow', late = false) {
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
      return { ...e, asked: null, decision: effect === 'allow' ? { effect } : denial }
    },
    pace: async (e: Decided): Promise<Admitted> => {
      ran.push('pace')
      return { ...e, turn: AT_ONCE, ...(late ? { decision: denial } : {}) }
    },
    recordRequest: async (e: Admitted): Promise<Recorded> => {
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
  chain(refusal, s.classify, s.inspect, s.decide, s.pace, s.recordRequest, s.send, s.learn, s.recordOutcome)

test('every stage runs once, in order', async () => {
  const s = stages()
  const completed = await compose(s)(received(), 'exit')
  expect(s.ran).toEqual([
    'classify',
    'inspect',
    'decide',
    'pace',
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

test('a turn denied goes straight to recordOutcome', async () => {
  const s = stages('allow', true)
  const completed = await compose(s)(received(), 'exit')
  expect(s.ran).toEqual(['classify', 'inspect', 'decide', 'pace', 'recordOutcome'])
  expect(s.seen[0]).toMatchObject({ intent: 'none', turn: AT_ONCE, outcome: { kind: 'refused' } })
  expect(completed.outcome.kind).toBe('refused')
})

test.each(['classify', 'inspect', 'decide', 'pace', 'recordRequest'] as const)(
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
  const front = [refusal, s.classify, s.inspect] as const
  const blind = [refusal, s.classify, s.classify] as const
  const rows = [
    // @ts-expect-error nothing decides
    () => chain(...front, s.pace, s.recordRequest, s.send, s.learn, s.recordOutcome),
    // @ts-expect-error nothing waits for its turn
    () => chain(...front, s.decide, s.recordRequest, s.send, s.learn, s.recordOutcome),
    // @ts-expect-error nothing records the request
    () => chain(...front, s.decide, s.pace, s.send, s.learn, s.recordOutcome),
    // @ts-expect-error what is sent was not recorded
    () => chain(...front, s.decide, s.pace, s.pace, s.send, s.learn, s.recordOutcome),
    // @ts-expect-error nothing inspects
    () => chain(...blind, s.decide, s.pace, s.recordRequest, s.send, s.learn, s.recordOutcome),
    // @ts-expect-error nothing records the outcome
    () => chain(...front, s.decide, s.pace, s.recordRequest, s.send, s.learn),
    // @ts-expect-error learned before it was sent
    () => chain(...front, s.decide, s.pace, s.recordRequest, s.learn, s.send, s.recordOutcome),
  ]
  expect(rows).toHaveLength(7)
})
