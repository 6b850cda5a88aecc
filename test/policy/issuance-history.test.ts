import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { type CountedOrder, type HistoryQuestion, questionText } from '../../src/policy/history.ts'
import { type HistoryBounds, IssuanceHistory } from '../../src/policy/issuance-history.ts'

const DAY = 86_400_000
const NOW = Date.parse('2026-03-02T12:00:00Z')

let made = 0
function order(parts: Partial<CountedOrder> = {}): CountedOrder {
  made += 1
  return {
    id: `order-${made}`,
    at: NOW,
    ca: 'pebble',
    client: 'client-1',
    account: 'https://ca.test/acct/1',
    address: '192.0.2.7',
    label: 'team-a',
    names: ['a.example.com'],
    ...parts,
  }
}

async function* these(orders: readonly CountedOrder[]): AsyncIterable<CountedOrder> {
  yield* orders
}

async function knowing(
  questions: readonly HistoryQuestion[],
  orders: readonly CountedOrder[] = [],
  most?: Partial<HistoryBounds>,
): Promise<IssuanceHistory> {
  const history = new IssuanceHistory(most)
  const back = history.use(questions)
  await history.seed(these(orders), NOW - (back ?? 0))
  return history
}

const week = (per: 'client' | 'account' | 'address' | 'label' | 'domain' | 'all'): HistoryQuestion => ({
  kind: 'orders',
  per,
  within: 7 * DAY,
})
const DUPLICATES: HistoryQuestion = { kind: 'duplicates', within: 7 * DAY }

describe('what is counted together', () => {
  const before = [
    order(),
    order({ client: 'client-2', account: 'other', names: ['b.example.com', 'c.example.org'] }),
    order({ address: '192.0.2.8', label: 'team-b', names: ['example.co.uk'] }),
    order({ ca: 'another' }),
  ]
  test.each([
    [week('client'), 2],
    [week('account'), 2],
    [week('address'), 2],
    [week('label'), 2],
    [week('domain'), 2],
    [week('all'), 3],
    [DUPLICATES, 1],
  ])('%o: %i', async (question, count) => {
    const history = await knowing([question], before)
    expect(history.count(question, order())).toBe(count)
  })

  test('a set of names is the same in any order, and no other is', async () => {
    const history = await knowing([DUPLICATES], [order({ names: ['a.example', 'b.example'] })])
    expect(history.count(DUPLICATES, order({ names: ['a.example', 'b.example'] }))).toBe(1)
    expect(history.count(DUPLICATES, order({ names: ['a.example'] }))).toBe(0)
    expect(history.count(DUPLICATES, order({ names: ['a.example', 'b.example', 'c.example'] }))).toBe(0)
  })

  test('of several registrable domains the one with the most counts', async () => {
    const orders = [1, 2, 3].map((n) => order({ names: [`w${n}.example.co.uk`] }))
    const history = await knowing([week('domain')], [...orders, order({ names: ['x.example.com'] })])
    const both = order({ names: ['new.example.com', '*.example.co.uk'] })
    expect(history.count(week('domain'), both)).toBe(3)
    expect(history.count(week('domain'), order({ names: ['www.example.uk'] }))).toBe(0)
  })

  test('whoever is not known is nobody, and nobody is not counted', async () => {
    const history = await knowing([week('address'), week('all')], [order({ address: null })])
    expect(history.count(week('address'), order({ address: null }))).toBeUndefined()
    expect(history.count(week('all'), order({ address: null }))).toBe(1)
  })
})

describe('windows', () => {
  test('slide, and are open at their beginning', async () => {
    const history = await knowing(
      [week('all')],
      [order({ at: NOW - 7 * DAY }), order({ at: NOW - 7 * DAY + 1 })],
    )
    expect(history.count(week('all'), order())).toBe(1)
    expect(history.count(week('all'), order({ at: NOW + 1 }))).toBe(0)
  })

  test('of several lengths share what is counted', async () => {
    const day: HistoryQuestion = { kind: 'orders', per: 'all', within: DAY }
    const history = await knowing([week('all'), day], [order({ at: NOW - 2 * DAY }), order({ at: NOW - 1 })])
    expect(history.counts([week('all'), day], order())).toEqual({
      'orders per all within 7d': 2,
      'orders per all within 1d': 1,
    })
    expect(history.size).toBe(2)
  })

  test('equal a count by hand, whatever comes in whatever order', async () => {
    let seed = 7
    const random = (most: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return seed % most
    }
    const questions = [week('client'), week('domain'), week('all'), DUPLICATES]
    const history = await knowing(questions)
    const kept: CountedOrder[] = []
    const same = (a: CountedOrder, b: CountedOrder) => a.ca === b.ca
    for (let n = 0; n < 1500; n++) {
      const next = order({
        at: NOW + n * 1_200_000 - random(50_000),
        client: `client-${random(5)}`,
        names: [`h${random(3)}.d${random(3)}.example`, `h${random(2)}.example.net`].sort(),
        ca: `ca-${random(2)}`,
      })
      const within = kept.filter((one) => same(one, next) && one.at > next.at - 7 * DAY)
      const domain = (of: string) =>
        within.filter(({ names }) => names.some((name) => name.endsWith(of))).length
      const mine = [...new Set(next.names.map((name) => name.split('.').slice(-2).join('.')))]
      expect(history.counts(questions, next)).toEqual({
        'orders per client within 7d': within.filter(({ client }) => client === next.client).length,
        'orders per domain within 7d': Math.max(...mine.map(domain)),
        'orders per all within 7d': within.length,
        'duplicates within 7d': within.filter(({ names }) => names.join() === next.names.join()).length,
      })
      history.begin(next)
      if (random(4) === 0) history.forget(next.id)
      else kept.push(next)
    }
    // What no window reaches is gone.
    expect(history.size).toBeLessThan(600)
  })
})

describe('orders that are decided at once', () => {
  test('a budget of ten lets ten of a hundred pass', async () => {
    const history = await knowing([week('label')])
    const passed = Array.from({ length: 100 }, () => order()).filter((one) => {
      const count = history.count(week('label'), one)!
      history.begin(one)
      if (count >= 10) history.forget(one.id)
      return count < 10
    })
    expect(passed).toHaveLength(10)
    expect(history.count(week('label'), order())).toBe(10)
  })

  test('what the CA did not take gives its place back, once', async () => {
    const history = await knowing([week('all'), DUPLICATES])
    const [first, second] = [order(), order()]
    history.begin(first)
    history.begin(second)
    history.forget(first.id)
    history.forget(first.id)
    history.forget('nobody')
    expect(history.counts([week('all'), DUPLICATES], order())).toEqual({
      'orders per all within 7d': 1,
      'duplicates within 7d': 1,
    })
  })

  test('one order has one place', async () => {
    const history = await knowing([week('all')])
    const one = order()
    history.begin(one)
    history.begin(one)
    expect(history.count(week('all'), order())).toBe(1)
  })
})

describe('after a start', () => {
  test('nothing is known until what was before was read', async () => {
    const history = new IssuanceHistory()
    const back = history.use([week('all')])
    expect(back).toBeGreaterThanOrEqual(7 * DAY)
    expect(history.counts([week('all')], order())).toEqual({})
    await history.seed(these([order({ at: NOW - DAY })]), NOW - back!)
    expect(history.count(week('all'), order())).toBe(1)
  })

  test('what came meanwhile, and is in the record already, counts once', async () => {
    const history = new IssuanceHistory()
    const back = history.use([week('all')])!
    const [early, late] = [order({ at: NOW - 5 }), order({ at: NOW - 3 })]
    history.begin(early)
    const gate = Promise.withResolvers<void>()
    async function* slow() {
      yield order({ at: NOW - DAY })
      await gate.promise
      yield early
    }
    const seeding = history.seed(slow(), NOW - back)
    history.begin(late)
    gate.resolve()
    await seeding
    expect(history.count(week('all'), order())).toBe(3)
  })

  test('longer windows are read anew, and orders under way stay', async () => {
    const history = await knowing([{ kind: 'orders', per: 'all', within: DAY }])
    const underWay = order()
    history.begin(underWay)
    const back = history.use([week('all')])
    expect(back).not.toBeNull()
    expect(history.count(week('all'), order())).toBeUndefined()
    await history.seed(these([order({ at: NOW - 3 * DAY })]), NOW - back!)
    expect(history.count(week('all'), order())).toBe(2)
    history.forget(underWay.id)
    expect(history.count(week('all'), order())).toBe(1)
  })

  test('shorter windows and fewer questions are counted already', async () => {
    const history = await knowing([week('all'), week('label')], [order({ at: NOW - 2 * DAY })])
    const day: HistoryQuestion = { kind: 'orders', per: 'all', within: 3 * DAY }
    expect(history.use([day])).toBeNull()
    expect(history.count(day, order())).toBe(1)
    expect(history.use([week('all')])).toBeNull()
    expect(history.count(week('all'), order())).toBe(1)
  })

  test('a reading that was begun for other questions has no effect', async () => {
    const history = new IssuanceHistory()
    const back = history.use([week('all')])!
    const gate = Promise.withResolvers<void>()
    async function* slow() {
      await gate.promise
      yield order()
    }
    const seeding = history.seed(slow(), NOW - back)
    history.use([week('label')])
    gate.resolve()
    await seeding
    expect(history.seeded).toBe(false)
    expect(history.size).toBe(0)
  })

  test('a reading that fails leaves it unknown', async () => {
    const history = new IssuanceHistory()
    history.use([week('all')])
    async function* broken(): AsyncIterable<CountedOrder> {
      yield order()
      throw new Error('no')
    }
    await expect(history.seed(broken(), 0)).rejects.toThrow('no')
    expect(history.count(week('all'), order())).toBeUndefined()
  })

  test('without questions nothing is kept', async () => {
    const history = new IssuanceHistory()
    expect(history.use([])).toBeNull()
    history.begin(order())
    expect(history.size).toBe(0)
  })
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
function heapUsed(): number {
  collect()
  return process.memoryUsage().heapUsed
}

describe('bounds', () => {
  test('of too many the oldest go, and windows that reach them are not known', async () => {
    const orders = Array.from({ length: 20 }, (_, n) => order({ at: NOW - (20 - n) * 3_600_000 }))
    const hours: HistoryQuestion = { kind: 'orders', per: 'all', within: 5 * 3_600_000 }
    const history = await knowing([week('all'), hours], orders, { orders: 10 })
    expect(history.size).toBe(10)
    expect(history.cutAt).toBe(NOW - 11 * 3_600_000)
    expect(history.counts([week('all'), hours], order())).toEqual({ 'orders per all within 5h': 4 })
  })

  test.each([
    ['series', { series: 1_005 }, 10],
    ['entries', { entries: 1_050 }, 10],
  ] as const)('of too many %s too: one order may be in a thousand', async (_, most, left) => {
    const names = (n: number) => Array.from({ length: 100 }, (_, at) => `d${n}x${at}.example`)
    const orders = Array.from({ length: 20 }, (_, n) =>
      order({ at: NOW - (20 - n) * 3_600_000, names: names(n) }),
    )
    const hours = (n: number): HistoryQuestion => ({ kind: 'orders', per: 'domain', within: n * 3_600_000 })
    const history = await knowing([week('domain'), hours(5), hours(12)], orders, most)
    expect(history.held).toEqual({ orders: left, series: left * 100, entries: left * 100 })
    expect(history.cutAt).toBe(NOW - 11 * 3_600_000)
    const late = order({ names: names(18) })
    expect(history.counts([week('domain'), hours(5), hours(12)], late)).toEqual({
      'orders per domain within 5h': 1,
    })
    for (const { id } of orders) history.forget(id)
    expect(history.held).toEqual({ orders: 0, series: 0, entries: 0 })
  })

  test('an order that is more than all there may be is not counted, and nothing is known then', async () => {
    const history = await knowing([week('domain')], [], { series: 2 })
    const large = order({ names: ['a.example', 'b.example', 'c.example'] })
    history.begin(large)
    expect(history.held.orders).toBe(0)
    expect(history.count(week('domain'), order({ at: NOW + DAY }))).toBeUndefined()
  })

  test('of what is remembered whole, names have a bound as orders have', async () => {
    const history = await knowing([week('all')])
    const names = Array.from({ length: 1_000 }, (_, at) => `h${at}.example.com`)
    for (let n = 0; n < 250; n++) history.begin(order({ at: NOW + n, names }))
    expect(history.held.orders).toBe(250)
    history.use([week('label')])
    expect(history.held.orders).toBe(201)
  })

  test('orders of a thousand domains each: memory has a bound', async () => {
    const history = await knowing([week('domain')], [], { series: 20_000 })
    const domains = (n: number) => Array.from({ length: 1_000 }, (_, at) => `name-${n}-${at}.example`)
    const add = (from: number, to: number) => {
      for (let n = from; n < to; n++) history.begin(order({ at: NOW + n, names: domains(n) }))
    }
    add(0, 120)
    const before = heapUsed()
    add(120, 260)
    const grown = (heapUsed() - before) / 2 ** 20
    expect(history.held).toEqual({ orders: 20, series: 20_000, entries: 20_000 })
    // MiB; without a bound these orders take fifty.
    expect(grown).toBeLessThan(15)
  })

  test('a clock that was set ahead and back again makes it unknown, not too small', async () => {
    const history = await knowing([week('all')], [order({ at: NOW - DAY })])
    history.begin(order({ at: NOW + 3650 * DAY }))
    expect(history.count(week('all'), order())).toBeUndefined()
    history.begin(order({ at: NOW }))
    expect(history.seeded).toBe(false)
    const back = history.use([week('all')])
    await history.seed(these([order({ at: NOW - DAY })]), NOW - back!)
    // Its own order is there; one of the far future is in no window.
    expect(history.count(week('all'), order({ at: NOW + 1 }))).toBe(2)
  })

  test('30,000 orders: a count looks at a handful of times', async () => {
    const orders = Array.from({ length: 30_000 }, (_, n) =>
      order({ at: NOW - 6 * DAY + n * 15_000, names: [`h${n}.example.com`], client: `client-${n % 100}` }),
    )
    const history = await knowing([week('client'), week('domain'), week('all'), DUPLICATES], orders)
    const last = order({ client: 'client-3' })
    const before = process.cpuUsage().user
    for (let n = 0; n < 2000; n++) history.count(week('all'), last)
    const spent = (process.cpuUsage().user - before) / 2000
    expect(history.count(week('all'), last)).toBe(30_000)
    expect(history.count(week('client'), last)).toBe(300)
    // µs of CPU each; a scan of them all would be a thousand times as much.
    expect(spent).toBeLessThan(100)
  })
})

test('questions have names that people read', () => {
  expect(questionText({ kind: 'orders', per: 'client', within: 7 * DAY })).toBe('orders per client within 7d')
  expect(questionText({ kind: 'duplicates', within: 36 * 3_600_000 })).toBe('duplicates within 36h')
  expect(questionText({ kind: 'orders', per: 'all', within: 90_000 })).toBe('orders per all within 90s')
  expect(questionText({ kind: 'orders', per: 'all', within: 1500 })).toBe('orders per all within 1500ms')
})
