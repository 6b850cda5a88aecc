import { expect, test } from 'vitest'
import type { Inspected } from '../../src/exchange/exchange.ts'
import { decide } from '../../src/policy/decide.ts'
import { classified, received } from '../support/exchanges.ts'

const inspected = (changes: Partial<Inspected> = {}): Inspected => ({
  ...classified('newOrder'),
  inspection: null,
  ...changes,
})
const never = () => null
const ambiguities = [
  { kind: 'duplicate-member', where: 'payload.identifiers' },
  { kind: 'target-form', where: 'target' },
] as const

test('what is plain is allowed, an invalid signature too: that is for the CA to judge', () => {
  expect(decide(inspected(), never).decision).toEqual({ effect: 'allow' })
})

test.each(['relay', 'intercept', 'broker', 'engine'] as const)(
  'ambiguous requests are refused in %s',
  (mode) => {
    const { decision } = decide(inspected({ mode, ambiguities }), never)
    expect(decision).toMatchObject({
      effect: 'deny',
      rule: 'ambiguous-request',
      problem: 'malformed',
      status: 400,
    })
    expect(decision).toMatchObject({ detail: expect.stringContaining('payload.identifiers (and 1 more)') })
  },
)

test('a body that is too large is 413, although what was kept of it is ambiguous', () => {
  const { request } = received({ truncated: true })
  expect(decide(inspected({ request, ambiguities }), never).decision).toMatchObject({
    rule: 'body-too-large',
    status: 413,
  })
})

test('an unknown host is 421 before anything else; what it said is quoted and bounded', () => {
  const { request } = received({ authority: `evil\n"${'x'.repeat(500)}`, truncated: true })
  const { decision } = decide(inspected({ request, destination: null, ambiguities }), never)
  expect(decision).toMatchObject({ rule: 'unknown-host', status: 421 })
  const { detail } = decision as { detail: string }
  expect(detail).not.toContain('\n')
  expect(detail.length).toBeLessThan(400)
})

test('a relay that cannot work is refused with advice, in relay only', () => {
  const advice = () => 'Use intercept.'
  expect(decide(inspected(), advice).decision).toEqual({
    effect: 'deny',
    rule: 'relay-refused',
    problem: 'serverInternal',
    status: 503,
    detail: 'Use intercept.',
    retryAfter: 3600,
  })
  expect(decide(inspected({ mode: 'engine' }), advice).decision.effect).toBe('allow')
})
