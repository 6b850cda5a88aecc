import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { endpointOf, type NoTurn, Pacer, type PacerSettings, paceDenial } from '../../src/ca/pacer.ts'
import type { Pacing } from '../../src/config/presets.ts'
import { AT_ONCE, type Turn } from '../../src/exchange/turn.ts'

const START = 1_000_000
/** One turn each 100 ms (98 ms and the margin), none in advance. */
const TEN: Pacing = { newNonce: { rate: 10 / 0.98, burst: 1 } }
const TURN = 100

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** One clock for timers and pacer. */
const clock = { now: () => ({ wall: 0, monotonic: START + Math.round(performance.now() * 1000) }) }

function settings(pacing: Pacing, more: Partial<PacerSettings> = {}): PacerSettings {
  return { byCa: new Map([['le', pacing]]), addresses: [], wait: 20_000, ...more }
}

function pacerOf(pacing: Pacing, more: Partial<PacerSettings> = {}) {
  return new Pacer(clock, settings(pacing, more))
}

interface Asked {
  readonly client: string
  readonly at: number
  given: Turn | NoTurn | null
  /** ms; when it was given. */
  on: number
}

/** Asks and keeps what came of it, for counting. */
function ask(pacer: Pacer, client: string, signal?: AbortSignal): Asked {
  const asked: Asked = { client, at: performance.now(), given: null, on: -1 }
  void pacer.turn('le', 'newNonce', client, signal).then((given) => {
    asked.given = given
    asked.on = performance.now()
  })
  return asked
}

const got = ({ given }: Asked) => given !== null && 'from' in given
const told = ({ given }: Asked) => (given !== null && 'why' in given ? given : null)
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

test('what is not paced goes at once, without a timer', async () => {
  const pacer = pacerOf(TEN)
  expect(await pacer.turn('other', 'newNonce', 'a')).toBe(AT_ONCE)
  expect(await pacer.turn('le', 'order', 'a')).toBe(AT_ONCE)
  const addressed = pacerOf({}, { addresses: ['192.0.2.1', '192.0.2.2'] })
  expect(await addressed.turn('le', 'newNonce', 'a')).toEqual({ from: '192.0.2.1', waited: 0 })
})

test('every operation counts against one endpoint', () => {
  expect(endpointOf('renewalInfo')).toBe('renewalInfo')
  for (const operation of [
    'order',
    'finalize',
    'challenge',
    'keyChange',
    'newAuthz',
    'unrecognised',
  ] as const)
    expect(endpointOf(operation)).toBe('objects')
})

test('turns come at the rate, and say how long they were waited for', async () => {
  const pacer = pacerOf(TEN)
  const asked = Array.from({ length: 4 }, () => ask(pacer, 'a'))
  await pass(0)
  expect(asked.filter(got)).toHaveLength(1)
  await pass(2 * TURN)
  expect(asked.filter(got)).toHaveLength(3)
  await pass(TURN)
  expect(asked.map(({ given }) => given)).toEqual(
    [0, 1, 2, 3].map((n) => ({ from: null, waited: n * TURN * 1000 })),
  )
})

test('a request beyond the wait is told at once, and coming back when told it is served at once', async () => {
  const pacer = pacerOf(TEN, { wait: 1000 })
  const asked = Array.from({ length: 12 }, () => ask(pacer, 'a'))
  await pass(0)
  expect(told(asked[11]!)).toEqual({ why: 'full', retryAfter: 2 })
  expect(asked.filter((each) => told(each))).toHaveLength(1)
  await pass(1000)
  expect(asked.slice(0, 11).every(got)).toBe(true)
  await pass(1000)
  const again = ask(pacer, 'a')
  await pass(0)
  expect(again.given).toEqual({ from: null, waited: 0 })
})

describe('fairness', () => {
  test('a thousand requests of one client delay another by one turn', async () => {
    const pacer = pacerOf(TEN, { wait: 200_000 })
    for (let i = 0; i < 1000; i++) ask(pacer, 'greedy')
    await pass(350)
    const asked = ask(pacer, 'modest')
    await pass(2 * TURN)
    expect(got(asked)).toBe(true)
    pacer.close()
    await pass(0)
  })

  test('one of 100 clients that asks for 50 times as much costs the others less than a fifth of their wait', async () => {
    const meanWait = async (greedy: boolean): Promise<number> => {
      const pacer = pacerOf(TEN)
      const waits: number[] = []
      for (let wave = 0; wave < 5; wave++) {
        const asked: Asked[] = []
        if (greedy) for (let i = 0; i < 50; i++) ask(pacer, 'greedy')
        for (let i = 0; i < 99; i++) asked.push(ask(pacer, `client ${(i * 37) % 99}`))
        await pass(99 * TURN + 150 * TURN)
        expect(asked.every(got)).toBe(true)
        waits.push(...asked.map(({ at, on }) => (on - at) / TURN))
      }
      return waits.reduce((sum, wait) => sum + wait, 0) / waits.length
    }
    const alone = await meanWait(false)
    expect(await meanWait(true)).toBeLessThan(1.2 * alone)
  })

  test('the same where its requests never stop coming: no other is refused, none waits beyond its share', async () => {
    const pacer = pacerOf(TEN, { wait: 5000 })
    const greedy: Asked[] = []
    const others: Asked[] = []
    for (let step = 0; step < 300; step++) {
      for (let i = 0; i < 5; i++) greedy.push(ask(pacer, 'greedy'))
      if (step % 2 === 0) others.push(ask(pacer, `client ${step % 20}`))
      await pass(TURN)
    }
    await pass(5000)
    expect(others.every(got)).toBe(true)
    // Every second turn is another's; its own turn comes after the one in progress and greedy's.
    for (const { at, on } of others) expect((on - at) / TURN).toBeLessThanOrEqual(3)
    expect(greedy.filter(got).length).toBeGreaterThanOrEqual(150)
    expect(greedy.some((each) => told(each)?.why === 'displaced')).toBe(true)
  })
})

test('property: whoever is not told has its turn within the wait; the rate is kept; an only request is never displaced', async () => {
  const steps = fc.array(
    fc.record({
      clients: fc.array(fc.constantFrom('a', 'a', 'a', 'a', 'b', 'b', 'c', 'd', 'e', 'f'), { maxLength: 12 }),
      pause: fc.nat(400),
      hangUp: fc.option(fc.nat(200), { nil: null, freq: 3 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  const rate = fc.record({ rate: fc.constantFrom(5, 10, 40), burst: fc.integer({ min: 1, max: 8 }) })
  await fc.assert(
    fc.asyncProperty(
      steps,
      rate,
      fc.constantFrom(300, 1000, 3000),
      fc.integer({ min: 1, max: 3 }),
      async (script, newNonce, wait, addresses) => {
        const pacer = pacerOf(
          { newNonce },
          { wait, addresses: Array.from({ length: addresses }, (_, i) => `192.0.2.${i}`) },
        )
        const all: { asked: Asked; hangUp: AbortController; only: boolean }[] = []
        for (const { clients, pause, hangUp } of script) {
          for (const client of clients) {
            const controller = new AbortController()
            const only = pacer.waiting('le', 'newNonce', client) === 0
            all.push({ asked: ask(pacer, client, controller.signal), hangUp: controller, only })
          }
          if (hangUp !== null) all[hangUp]?.hangUp.abort()
          await pass(pause)
        }
        await pass(wait + 100)
        for (const { asked, only } of all) {
          expect(asked.given).not.toBeNull()
          expect(asked.on - asked.at).toBeLessThanOrEqual(wait + 100)
          if (only) expect(told(asked)?.why).not.toBe('displaced')
          if (told(asked)?.why === 'full') expect(asked.on).toBe(asked.at)
        }
        // By address: never more in a stretch of time than its burst and its rate.
        const byAddress = Map.groupBy(
          all.filter(({ asked }) => got(asked)),
          ({ asked }) => (asked.given as Turn).from,
        )
        for (const given of byAddress.values()) {
          const times = given.map(({ asked }) => asked.on).sort((a, b) => a - b)
          for (const [i, from] of times.entries()) {
            for (const [n, until] of times.slice(i).entries())
              expect(n + 1).toBeLessThanOrEqual(
                newNonce.burst + ((until - from) / 1000) * newNonce.rate + 1e-6,
              )
          }
        }
        // In order, for each client.
        for (const mine of Map.groupBy(all, ({ asked }) => asked.client).values()) {
          const times = mine.filter(({ asked }) => got(asked)).map(({ asked }) => asked.on)
          expect(times).toEqual([...times].sort((a, b) => a - b))
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('what became bunched between its turn and its sending is spread again, by address', async () => {
  const pacer = pacerOf(TEN, { addresses: ['192.0.2.1', '192.0.2.2'] })
  const gone: number[] = []
  const depart = async (from: string) => {
    await pacer.departure('le', 'newNonce', from)
    gone.push(performance.now())
  }
  for (let i = 0; i < 4; i++) void depart('192.0.2.1')
  void depart('192.0.2.2')
  await pacer.departure('le', 'newOrder', null)
  const began = performance.now()
  await pass(3 * TURN)
  expect(gone.map((at) => at - began)).toEqual([0, 0, TURN, 2 * TURN, 3 * TURN])
})

test('several addresses carry several times as much', async () => {
  const pacer = pacerOf(TEN, { addresses: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] })
  const asked = Array.from({ length: 30 }, () => ask(pacer, 'a'))
  await pass(9 * TURN)
  const from = asked.map(({ given }) => (given as Turn).from)
  for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
    expect(from.filter((each) => each === address)).toHaveLength(10)
})

test('a client that hangs up gives its turn away', async () => {
  const pacer = pacerOf(TEN)
  const gone = new AbortController()
  ask(pacer, 'a')
  const abandoned = ask(pacer, 'b', gone.signal)
  const next = ask(pacer, 'c')
  gone.abort()
  await pass(TURN)
  expect(told(abandoned)?.why).toBe('abandoned')
  expect(next.on).toBe(TURN)
  const late = ask(pacer, 'd', AbortSignal.abort())
  await pass(0)
  expect(told(late)?.why).toBe('abandoned')
})

describe('a CA that is busy all the same', () => {
  test('is left alone for as long as it says, and who cannot wait so long is told then', async () => {
    const pacer = pacerOf(TEN, { wait: 3000 })
    ask(pacer, 'a')
    const early = Array.from({ length: 15 }, (_, i) => ask(pacer, `c${i}`))
    pacer.observe('le', 'newNonce', null, 503, 2)
    await pass(0)
    // 3 s less 2 s leave room for the turns at 2.0, 2.1 … 3.0 s.
    expect(early.filter((each) => told(each)?.why === 'displaced')).toHaveLength(4)
    await pass(1999)
    expect(early.some(got)).toBe(false)
    await pass(1001)
    expect(early.filter(got)).toHaveLength(11)
  })

  test('is left alone for the wait at most, and a second where it says nothing', async () => {
    const pacer = pacerOf(TEN, { wait: 3000 })
    pacer.observe('le', 'newNonce', null, 503, 86_400)
    const first = ask(pacer, 'a')
    await pass(3000)
    expect(first.on).toBe(3000)
    pacer.observe('le', 'newNonce', null, 429, null)
    const second = ask(pacer, 'a')
    await pass(1000)
    expect(second.on).toBe(4000)
  })

  test('holds back one address and one endpoint, and no other status does', async () => {
    const pacer = pacerOf(
      { ...TEN, newOrder: { rate: 10, burst: 1 } },
      { addresses: ['192.0.2.1', '192.0.2.2'] },
    )
    pacer.observe('le', 'newNonce', '192.0.2.1', 503, 10)
    pacer.observe('le', 'newOrder', '192.0.2.1', 500, 10)
    expect(await pacer.turn('le', 'newNonce', 'a')).toEqual({ from: '192.0.2.2', waited: 0 })
    expect(await pacer.turn('le', 'newOrder', 'a')).toEqual({ from: '192.0.2.1', waited: 0 })
  })
})

test('new settings keep the turns that were given and the places in line', async () => {
  const pacer = pacerOf(TEN)
  const asked = Array.from({ length: 5 }, () => ask(pacer, 'a'))
  await pass(TURN)
  expect(asked.filter(got)).toHaveLength(2)
  pacer.use(settings({ newNonce: { rate: 5 / 0.98, burst: 1 } }))
  await pass(2 * TURN)
  expect(asked.filter(got)).toHaveLength(3)
  pacer.use(settings({}))
  await pass(0)
  expect(asked.every(got)).toBe(true)
})

test('closing tells everybody', async () => {
  const pacer = pacerOf(TEN)
  const asked = [ask(pacer, 'a'), ask(pacer, 'b')]
  pacer.close()
  await pass(0)
  expect(told(asked[1]!)).toEqual({ why: 'closing', retryAfter: 1 })
  expect(await pacer.turn('le', 'newNonce', 'a')).toEqual({ why: 'closing', retryAfter: 1 })
})

test('what the client is told looks like the load balancer, and says whose doing it is', () => {
  const denial = paceDenial('le', 'newNonce', { retryAfter: 21, why: 'full' })
  expect(denial).toMatchObject({
    effect: 'deny',
    problem: 'rateLimited',
    status: 503,
    retryAfter: 21,
    rule: 'paced-out',
  })
  expect(denial.detail).toMatch(
    /^Service busy; retry in 21 s\. acmetap did not send this request: .*newNonce.*"le"/,
  )
})
