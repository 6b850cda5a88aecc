import { expect, test } from 'vitest'
import type { Inspected } from '../../src/exchange/exchange.ts'
import { type DecidingFacts, decide } from '../../src/policy/decide.ts'
import { classified, received } from '../support/exchanges.ts'

const inspected = (changes: Partial<Inspected> = {}): Inspected => ({
  ...classified('newOrder'),
  inspection: null,
  ...changes,
})
const never: DecidingFacts = {
  relayRefusal: () => null,
  otherHostRefusal: () => null,
  policy: async () => ({ effect: 'allow' }),
}
const ambiguities = [
  { kind: 'duplicate-member', where: 'payload.identifiers' },
  { kind: 'target-form', where: 'target' },
] as const

test('what is plain is allowed, an invalid signature too: that is for the CA to judge', async () => {
  expect((await decide(inspected(), never)).decision).toEqual({ effect: 'allow' })
})

test.each(['relay', 'intercept', 'broker', 'engine'] as const)(
  'ambiguous requests are refused in %s',
  async (mode) => {
    const { decision } = await decide(inspected({ mode, ambiguities }), never)
    expect(decision).toMatchObject({
      effect: 'deny',
      rule: 'ambiguous-request',
      problem: 'malformed',
      status: 400,
    })
    expect(decision).toMatchObject({ detail: expect.stringContaining('payload.identifiers (and 1 more)') })
  },
)

test('a body that is too large is 413, although what was kept of it is ambiguous', async () => {
  const { request } = received({ truncated: true })
  expect((await decide(inspected({ request, ambiguities }), never)).decision).toMatchObject({
    rule: 'body-too-large',
    status: 413,
  })
})

test('an unknown host is 421 before anything else; what it said is quoted and bounded', async () => {
  const { request } = received({ authority: `evil\n"${'x'.repeat(500)}`, truncated: true })
  const { decision } = await decide(inspected({ request, destination: null, ambiguities }), never)
  expect(decision).toMatchObject({ rule: 'unknown-host', status: 421 })
  const { detail } = decision as { detail: string }
  expect(detail).not.toContain('\n')
  expect(detail.length).toBeLessThan(400)
})

test('a relay that cannot work is refused with advice, in relay only', async () => {
  const advice = () => 'Use intercept.'
  expect((await decide(inspected(), { ...never, relayRefusal: advice })).decision).toEqual({
    effect: 'deny',
    rule: 'relay-refused',
    problem: 'serverInternal',
    status: 503,
    detail: 'Use intercept.',
    retryAfter: 3600,
  })
  expect(
    (await decide(inspected({ mode: 'engine' }), { ...never, relayRefusal: advice })).decision.effect,
  ).toBe('allow')
})

const otherHost = { host: 'api.example.net', port: 443, form: 'connect' } as const

test('a host outside is refused with the words of the rule, or let through', async () => {
  const outside = inspected({ mode: 'intercept', destination: null, otherHost, operation: 'tunnel' })
  const refusing = { ...never, otherHostRefusal: () => 'api.example.net is not listed' }
  expect((await decide(outside, refusing)).decision).toEqual({
    effect: 'deny',
    rule: 'other-host',
    problem: 'unauthorized',
    status: 403,
    detail: 'api.example.net is not listed',
  })
  expect((await decide(outside, never)).decision).toEqual({ effect: 'allow' })
})

test('in intercept a request must be for the CA its connection was made for', async () => {
  const { connection, request } = received({ authority: 'other.example' })
  const strayed = inspected({
    mode: 'intercept',
    destination: null,
    connection: { ...connection, mode: 'intercept', intercepted: 'ca.example' },
    request,
  })
  expect((await decide(strayed, never)).decision).toMatchObject({
    effect: 'deny',
    rule: 'unknown-host',
    status: 421,
  })
  expect((await decide(strayed, never)).decision).toMatchObject({
    detail: expect.stringMatching(/"ca\.example".*"other\.example"/),
  })
})

test('the policy is asked of what may be sent otherwise, and of nothing else', async () => {
  const asked: string[] = []
  const facts: DecidingFacts = {
    ...never,
    policy: async ({ operation }) => {
      asked.push(operation)
      return { effect: 'deny', rule: 'mine', problem: 'rejectedIdentifier', detail: 'no' }
    },
  }
  expect((await decide(inspected(), facts)).decision).toMatchObject({ rule: 'mine' })
  expect((await decide(inspected({ ambiguities }), facts)).decision).toMatchObject({
    rule: 'ambiguous-request',
  })
  const outside = inspected({ mode: 'intercept', destination: null, otherHost, operation: 'tunnel' })
  expect((await decide(outside, facts)).decision).toEqual({ effect: 'allow' })
  expect(asked).toEqual(['newOrder'])
})
