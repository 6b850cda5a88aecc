import { beforeEach, describe, expect, test } from 'vitest'
import { IssuerError } from '../../../src/broker/issuer.ts'
import { CaHealth, type CaStanding } from '../../../src/broker/routing/ca-health.ts'
import type { LimitedOrder } from '../../../src/broker/routing/limit-scope.ts'
import { ForwardClock } from '../../support/broker/issuance-world.ts'

let clock = new ForwardClock()
let changes: CaStanding[] = []
let health = new CaHealth(clock, () => undefined)
beforeEach(() => {
  clock = new ForwardClock()
  changes = []
  health = new CaHealth(clock, (standing) => changes.push(standing))
})

const order = (
  names: readonly string[] = ['www.example.com'],
  tenant: string | null = null,
): LimitedOrder => ({
  identifiers: names.map((value) => ({ type: 'dns', value })),
  tenant,
})
const kind = (wanted = order()) => health.outlook('ca', wanted).kind
const down = (timedOut = false) => new IssuerError('ca', 'unavailable', 'CA "ca": 502', { timedOut })
const fail = (error: IssuerError, step: 'place' | 'finalize' = 'place', wanted = order()) =>
  health.begin('ca', step, wanted).failed(error)

test('two failures in a row open a circuit, one between that succeeds does not', () => {
  fail(down())
  expect(kind()).toBe('good')
  health.begin('ca', 'place', order()).succeeded()
  fail(down())
  expect(kind()).toBe('good')
  fail(down())
  expect(kind()).toBe('down')
  expect(changes).toMatchObject([{ ca: 'ca', state: 'open', why: 'CA "ca": 502' }])
})

test('one time-out opens it', () => {
  fail(down(true))
  expect(kind()).toBe('down')
})

test('what the CA says to an order is no failure of the CA; what it says wrongly is one', () => {
  for (const fault of ['refused', 'unfit', 'aborted'] as const)
    for (let i = 0; i < 3; i++) fail(new IssuerError('ca', fault, 'no'))
  expect(kind()).toBe('good')
  for (let i = 0; i < 2; i++) {
    health.begin('ca', 'place', order()).succeeded()
    fail(new IssuerError('ca', 'wrong', 'other names'), 'finalize')
  }
  expect(kind()).toBe('down')
})

test('what was on its way when it opened keeps it open for no longer', () => {
  const others = Array.from({ length: 5 }, () => health.begin('ca', 'place', order()))
  fail(down(true))
  for (const other of others) other.failed(down(true))
  expect(changes).toHaveLength(1)
  clock.forward(10_001)
  expect(kind()).toBe('probe')
})

test('half open, one order finds out while the others stay away', () => {
  fail(down(true))
  clock.forward(10_001)
  expect(kind()).toBe('probe')
  const probe = health.begin('ca', 'place', order())
  expect(kind()).toBe('down')
  probe.succeeded()
  expect(kind()).toBe('good')
  expect(changes.map(({ state }) => state)).toEqual(['open', 'closed'])
})

test('each probe that fails doubles the time, up to five minutes', () => {
  fail(down(true))
  const waits: number[] = []
  for (let i = 0; i < 8; i++) {
    let waited = 0
    while (kind() === 'down') {
      clock.forward(1000)
      waited += 1
    }
    waits.push(waited)
    fail(down())
  }
  expect(waits.map((each) => Math.round(each / 10) * 10)).toEqual([10, 20, 40, 80, 160, 300, 300, 300])
})

test('a probe that says nothing does not keep the circuit open for ever', () => {
  fail(down(true))
  clock.forward(10_001)
  health.begin('ca', 'place', order())
  clock.forward(60_001)
  expect(kind()).toBe('probe')
})

test('a circuit that finalize opened is closed by a finalize alone', () => {
  for (let i = 0; i < 2; i++) fail(down(), 'finalize')
  clock.forward(10_001)
  health.begin('ca', 'place', order()).succeeded()
  expect(kind()).toBe('down')
  health.begin('ca', 'finalize', order()).succeeded()
  expect(kind()).toBe('good')
})

test('a CA that keeps somebody waiting is no first choice', () => {
  const waiting = health.begin('ca', 'place', order())
  expect(kind()).toBe('good')
  clock.forward(3001)
  expect(kind()).toBe('suspect')
  waiting.succeeded()
  expect(kind()).toBe('good')
})

test('so is one that finalizes nothing for long; one order that hangs among others that do not is no sign', () => {
  const hung = health.begin('ca', 'finalize', order())
  health.begin('ca', 'authorize', order())
  clock.forward(30_001)
  expect(kind()).toBe('suspect')
  health.begin('ca', 'finalize', order()).succeeded()
  expect(kind()).toBe('good')
  hung.failed(new IssuerError('ca', 'aborted', 'stopped'))
})

const limited = (detail: string, retryAfter: number | null = 3600) =>
  new IssuerError('ca', 'limited', `CA "ca": ${detail}`, {
    type: 'urn:ietf:params:acme:error:rateLimited',
    detail,
    status: 429,
    retryAfter,
  })
const at = 'retry after 2026-11-23 00:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/'

/** Boulder's words, and which other orders they are about. */
test.each<[string, string, readonly LimitedOrder[], readonly LimitedOrder[]]>([
  [
    'certificates of a domain',
    `too many certificates (50) already issued for "example.com" in the last 168h0m0s, ${at}`,
    [order(['other.example.com']), order(['x.example', '*.example.com']), order(['a.example.com'], 't')],
    [order(['example.org'])],
  ],
  [
    'an exact set',
    `too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, ${at}`,
    [order(['b.example.org', 'a.example.com'])],
    [order(['a.example.com']), order(['a.example.com', 'b.example.org', 'c.example'])],
  ],
  [
    'failed authorizations',
    `too many failed authorizations (5) for "a.example.com" in the last 1h0m0s, ${at}`,
    [order(['a.example.com', 'z.example'])],
    [order(['b.example.org']), order(['a.example.com'], 'team-b')],
  ],
  [
    'orders of an account',
    `too many new orders (300) from this account in the last 3h0m0s, ${at}`,
    [order(['z.example'])],
    [order(['a.example.com'], 'team-b')],
  ],
  ['everything', 'Service busy; retry later.', [order(['z.example']), order(['z.example'], 'team-b')], []],
  ['nobody knows what', 'you have had enough', [order(['z.example'], 'team-b')], []],
])('a limit on %s holds for exactly these orders', (_name, detail, meant, others) => {
  const wanted = order(['a.example.com', 'b.example.org'])
  fail(limited(detail), 'place', wanted)
  expect(kind(wanted)).toBe('limited')
  expect(meant.map((each) => kind(each))).toEqual(meant.map(() => 'limited'))
  expect(others.map((each) => kind(each))).toEqual(others.map(() => 'good'))
})

test("it holds for as long as Retry-After says, and is told in the CA's words meanwhile", () => {
  fail(limited('Service busy; retry later.', 120))
  clock.forward(100_000)
  expect(health.outlook('ca', order())).toMatchObject({
    kind: 'limited',
    error: { detail: 'Service busy; retry later.', status: 429, retryAfter: 20 },
  })
  expect(health.standing('ca').limits).toMatchObject({ count: 1, why: 'CA "ca": Service busy; retry later.' })
  clock.forward(20_001)
  expect(kind()).toBe('good')
  expect(health.standing('ca').limits.count).toBe(0)
})

test('limits are forgotten before they fill the memory', () => {
  for (let i = 0; i < 10_100; i++) {
    const name = `n${i}.example`
    fail(
      limited(`too many failed authorizations (5) for "${name}" in the last 1h0m0s, ${at}`),
      'place',
      order([name]),
    )
  }
  expect(health.standing('ca').limits.count).toBe(10_000)
  expect(kind(order(['n0.example']))).toBe('good')
  expect(kind(order(['n10099.example']))).toBe('limited')
})

describe('J15: what a CA said of the names of one client is not told to another', () => {
  const secret = 'merger.a.example'
  const words = `too much for ${secret} (of a kind that nobody knows)`
  const about = { type: 'dns', value: secret }
  const error = new IssuerError('ca', 'limited', `the CA "ca" refused newOrder: ${words}`, {
    type: 'urn:ietf:params:acme:error:rateLimited',
    detail: words,
    status: 429,
    retryAfter: 600,
    links: [`<https://ca.example/unpause?names=${secret}>;rel="help"`],
    exchange: 'of another client',
    subproblems: [{ type: 'urn:ietf:params:acme:error:rateLimited', detail: words, identifier: about }],
  })
  const outlook = (wanted: LimitedOrder) => {
    const found = health.outlook('ca', wanted)
    if (found.kind !== 'limited') throw new Error(found.kind)
    return found.error
  }

  test('the limit holds, without them', () => {
    fail(error, 'place', order([secret]))
    const told = outlook(order(['www.b.example']))
    expect(told).toMatchObject({
      type: error.type,
      status: 429,
      retryAfter: 600,
      detail: null,
      exchange: null,
    })
    expect(JSON.stringify([told, told.message])).not.toContain('merger')
    expect(told.message).toBe('CA "ca" limits orders')
  })

  test('whose names they are hears all of it, and so does who has a name below', () => {
    fail(error, 'place', order([secret]))
    for (const wanted of [order([secret]), order([`*.${secret}`]), order([`www.${secret}`, 'b.example'])]) {
      const { detail, subproblems, links } = error
      expect(outlook(wanted)).toMatchObject({ detail, subproblems, links })
    }
  })

  test('what names none of them is told', () => {
    fail(limited('Service busy; retry later.', 120), 'place', order([secret]))
    expect(outlook(order(['www.b.example'])).detail).toBe('Service busy; retry later.')
  })
})
