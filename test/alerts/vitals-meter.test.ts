import { expect, test } from 'vitest'
import { LatencyHistogram } from '../../src/alerts/latency-histogram.ts'
import type { CaVitals } from '../../src/alerts/vitals.ts'
import { VitalsMeter } from '../../src/alerts/vitals-meter.ts'
import type { Completed, FailureCause, FieldList, Outcome } from '../../src/exchange/exchange.ts'
import { decided, refused, response, stillClock, taught } from '../support/exchanges.ts'

const SECOND = 1_000_000

function meterAt() {
  const clock = stillClock()
  clock.monotonic = 1000 * SECOND
  const meter = new VitalsMeter(clock)
  const pass = (seconds: number) => {
    clock.monotonic += seconds * SECOND
    clock.wall += seconds * SECOND
  }
  const completed = (outcome: Outcome): Completed => {
    const exchange = { ...taught(decided('newOrder')), outcome, completedAt: clock.now() }
    meter.note(exchange)
    return exchange
  }
  return { clock, meter, pass, completed, of: () => meter.vitals(['pebble'])[0]! }
}

function answer(status: number, millis = 10, fields: FieldList = [], body: unknown = {}): Outcome {
  return { kind: 'response', response: response(status, body, fields), durationCa: millis * 1000 }
}

function failed(cause: FailureCause, message: string): Outcome {
  return {
    kind: 'failed',
    failure: { cause, message },
    problem: { type: 't', detail: 'd', status: 502 },
    durationCa: 5,
  }
}

const NOTHING: CaVitals = {
  ca: 'pebble',
  exchanges: 0,
  failed: 0,
  serverErrors: 0,
  p50: null,
  p95: null,
  error: null,
  lastExchange: null,
  skew: null,
}

test('a CA that was never asked has vitals, and one that is no longer configured has none', () => {
  const { meter, completed, of } = meterAt()
  expect(of()).toEqual(NOTHING)
  completed(answer(200))
  expect(meter.vitals(['other'])).toEqual([{ ...NOTHING, ca: 'other' }])
  expect(of()).toEqual(NOTHING)
})

test('failures and errors are counted, and the commonest is told', () => {
  const { completed, of } = meterAt()
  completed(answer(200))
  completed(answer(404))
  completed(failed('connectRefused', 'ECONNREFUSED: 192.0.2.1:443'))
  const last = completed(
    answer(500, 1, [], {
      type: 'urn:ietf:params:acme:error:serverInternal',
      detail: 'Error\nfinalizing https://ca.test/secret?jwt=x',
    }),
  )
  completed(answer(500))
  const quiet = completed(answer(200))
  expect(of()).toMatchObject({
    exchanges: 6,
    failed: 1,
    serverErrors: 2,
    error: 'HTTP 500: serverInternal: Error finalizing (link)',
  })
  expect(of().lastExchange).not.toBe(quiet.id)
  expect(of().lastExchange).not.toBe(last.id)
})

test('what says nothing of the CA does not count', () => {
  const { meter, completed, of } = meterAt()
  meter.note({ ...refused(decided('newOrder')), completedAt: { wall: 1, monotonic: 1 } })
  const kept = answer(200) as Extract<Outcome, { kind: 'response' }>
  completed({ ...kept, source: 'cache' })
  completed({ ...kept, source: 'shared' })
  completed({ ...kept, tunnel: { up: 1, down: 1, duration: 1, end: 'idle' } })
  completed(failed('aborted', 'acmetap ended before the answer was complete'))
  meter.note({
    ...taught(decided('newOrder', { destination: null })),
    completedAt: { wall: 1, monotonic: 1 },
  })
  expect(of()).toEqual(NOTHING)
})

test('after five minutes it is over', () => {
  const { completed, pass, of } = meterAt()
  completed(failed('reset', 'ECONNRESET'))
  pass(289)
  expect(of()).toMatchObject({ exchanges: 1, failed: 1, error: 'ECONNRESET' })
  pass(21)
  expect(of()).toMatchObject({ exchanges: 0, failed: 0, error: null })
})

test('counts and quantiles are those of a plain list of the last five minutes', () => {
  const { clock, completed, pass, of } = meterAt()
  let state = 7
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
  const all: { at: number; millis: number; status: number }[] = []
  for (let round = 0; round < 400; round += 1) {
    for (let n = Math.floor(random() * 12); n > 0; n -= 1) {
      const millis = Math.exp(random() * 11 - 1)
      const status = random() < 0.1 ? 503 : 200
      completed(answer(status, millis))
      all.push({ at: clock.monotonic, millis, status })
    }
    pass(random() * 8)
    const from = (Math.floor(clock.monotonic / (10 * SECOND)) - 29) * 10 * SECOND
    const recent = all.filter(({ at }) => at >= from)
    const sorted = recent.map(({ millis }) => millis).sort((one, other) => one - other)
    const vitals = of()
    expect(vitals.exchanges).toBe(recent.length)
    expect(vitals.serverErrors).toBe(recent.filter(({ status }) => status === 503).length)
    for (const [share, told] of [
      [0.5, vitals.p50],
      [0.95, vitals.p95],
    ] as const) {
      const truth = sorted[Math.max(1, Math.ceil(sorted.length * share)) - 1]
      if (truth === undefined) expect(told).toBeNull()
      else expect(Math.abs(told! / truth - 1)).toBeLessThan(0.06)
    }
  }
})

test('what is too short or too long for the histogram is at its ends', () => {
  const histogram = new LatencyHistogram()
  for (const millis of [0, -1, Number.NaN]) histogram.add(millis)
  expect(histogram.quantile(0.5)).toBeLessThan(0.2)
  histogram.clear()
  histogram.add(1e9)
  expect(histogram.quantile(0.5)).toBeGreaterThan(100_000)
})

test('skew is the median of the Dates, to a second, and follows our own clock', () => {
  const { clock, completed, pass, of } = meterAt()
  const date = (ahead: number): FieldList => [['date', new Date(clock.wall / 1000 + ahead).toUTCString()]]
  for (const ahead of [90_000, 90_000, 3_600_000, 90_000, -50_000]) {
    completed(answer(200, 1, date(ahead)))
    pass(2)
  }
  expect(Math.abs(of().skew! - 90_000)).toBeLessThanOrEqual(500)
  clock.wall += 90 * SECOND
  expect(Math.abs(of().skew!)).toBeLessThanOrEqual(500)
  pass(3 * 3600 + 1)
  expect(of().skew).toBeNull()
})

test('a Date that a cache kept, or that is none, is not taken', () => {
  const { completed, pass, of } = meterAt()
  completed(
    answer(200, 1, [
      ['date', 'Tue, 01 Jan 2019 00:00:00 GMT'],
      ['age', '5'],
    ]),
  )
  pass(2)
  completed(answer(200, 1, [['date', 'yesterday']]))
  expect(of().skew).toBeNull()
})
