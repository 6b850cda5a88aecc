import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createTraffic } from '../../src/app/traffic.ts'
import type { OutgoingRequest, Sent } from '../../src/ca/dispatcher.ts'
import { Pacer } from '../../src/ca/pacer.ts'
import { SharedAnswers } from '../../src/ca/shared-answers.ts'
import type { ObservedRequest } from '../../src/exchange/exchange.ts'
import type { Admitted } from '../../src/exchange/pipeline.ts'
import { sendRequest } from '../../src/proxy/send.ts'
import { decided, received, response } from '../support/exchanges.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const clock = {
  now: () => ({ wall: 1_700_000_000_000_000, monotonic: Math.round(performance.now() * 1000) }),
}
const slow = { rate: 1 / 0.98, burst: 1 }

function trafficOf(addresses: readonly string[] = []) {
  const byCa = new Map([['pebble', { directory: slow, newNonce: slow }]])
  const pacer = new Pacer(clock, { byCa, addresses, wait: 5000 })
  const hangUps = new WeakMap<ObservedRequest, AbortSignal>()
  const shared = new SharedAnswers(clock, pacer)
  const traffic = createTraffic(clock, pacer, shared, (request) => hangUps.get(request))
  const sent: OutgoingRequest[] = []
  let answer: Sent = { kind: 'response', response: response(200, { newNonce: 'x' }), durationCa: 7 }
  return {
    pacer,
    hangUps,
    sent,
    answerWith(next: Sent) {
      answer = next
    },
    /** pace, recordRequest (as good as), forward. */
    async run(exchange: Admitted) {
      const turn = await traffic.pace(exchange)
      if ('effect' in turn) return turn
      const exit = traffic.exitOf(exchange, async (_ca, outgoing) => {
        sent.push(outgoing)
        return answer
      })
      const recorded = { ...exchange, turn, intent: 'durable' } as const
      return { ...recorded, outcome: await sendRequest(recorded, exit) }
    },
  }
}

function directory(changes: Partial<Admitted> = {}): Admitted {
  const get = { method: 'GET', target: '/dir', body: Buffer.alloc(0) }
  return decided('directory', { ...received(get), ...changes })
}

test('directory requests that wait together are sent once; each keeps its own exchange, with its source', async () => {
  const traffic = trafficOf()
  await traffic.run(directory())
  const exchanges = [directory(), directory(), directory()]
  const running = exchanges.map((exchange) => traffic.run(exchange))
  await vi.advanceTimersByTimeAsync(1000)
  const answered = await Promise.all(running)
  expect(traffic.sent).toHaveLength(2)
  expect(answered.map((each) => ('id' in each ? each.id : null))).toEqual(exchanges.map(({ id }) => id))
  expect(
    answered.map((each) => ('outcome' in each && 'source' in each.outcome ? each.outcome.source : 'ca')),
  ).toEqual(['ca', 'shared', 'shared'])
  expect(answered.map((each) => ('turn' in each ? each.turn.waited : 0))).toEqual([1e6, 1e6, 1e6])
})

test('a signed or peculiar request for the directory, and acmetap’s own, are paced and never shared', async () => {
  const traffic = trafficOf()
  const peculiar = received({
    method: 'GET',
    target: '/dir',
    body: Buffer.alloc(0),
    fields: [['Cookie', 'a=b']],
  })
  const own = directory({ mode: 'engine' })
  const running = [decided('directory', peculiar), own, decided('directory', received())].map(traffic.run)
  await vi.advanceTimersByTimeAsync(2000)
  await Promise.all(running)
  expect(traffic.sent).toHaveLength(3)
})

test('what acmetap asked for itself answers clients while it is fresh', async () => {
  const traffic = trafficOf()
  const fresh = response(200, { newNonce: 'x' }, [['cache-control', 'max-age=60']])
  traffic.answerWith({ kind: 'response', response: fresh, durationCa: 7 })
  await traffic.run(directory({ mode: 'engine' }))
  const answered = await traffic.run(directory())
  expect(answered).toMatchObject({ outcome: { source: 'cache' } })
  expect(traffic.sent).toHaveLength(1)
})

test('beyond the wait the client is refused with 503, rateLimited and Retry-After; nothing is sent', async () => {
  const traffic = trafficOf()
  const exchange = decided('newNonce', received({ method: 'HEAD' }))
  const running = Array.from({ length: 7 }, () => traffic.run(exchange))
  await vi.advanceTimersByTimeAsync(5000)
  const last = (await Promise.all(running)).at(-1)
  expect(last).toMatchObject({
    effect: 'deny',
    rule: 'paced-out',
    status: 503,
    problem: 'rateLimited',
    retryAfter: 6,
  })
  expect(traffic.sent).toHaveLength(6)
})

test('a busy CA is left alone; a limit of one account holds nobody else back', async () => {
  const traffic = trafficOf(['192.0.2.1'])
  const problem = (status: number, detail: string): Sent => ({
    kind: 'response',
    response: response(status, { type: 'urn:ietf:params:acme:error:rateLimited', detail }, [
      ['retry-after', '4'],
    ]),
    durationCa: 7,
  })
  const ask = () => traffic.run(decided('newNonce', received({ method: 'HEAD' })))
  traffic.answerWith(problem(429, 'too many new orders (300) from this account in the last 3h0m0s'))
  await ask()
  await vi.advanceTimersByTimeAsync(1000)
  traffic.answerWith(problem(503, 'Service busy; retry later.'))
  await ask()
  expect(traffic.sent.map(({ from }) => from)).toEqual(['192.0.2.1', '192.0.2.1'])
  const held = ask()
  await vi.advanceTimersByTimeAsync(3999)
  expect(traffic.sent).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(1)
  await held
  expect(traffic.sent).toHaveLength(3)
})

test('a client that hangs up while it waits is refused, and its turn goes to the next', async () => {
  const traffic = trafficOf()
  await traffic.run(decided('newNonce', received({ method: 'HEAD' })))
  const gone = decided('newNonce', received({ method: 'HEAD' }))
  const controller = new AbortController()
  traffic.hangUps.set(gone.request, controller.signal)
  const running = [traffic.run(gone), traffic.run(decided('newNonce', received({ method: 'HEAD' })))]
  await vi.advanceTimersByTimeAsync(10)
  controller.abort()
  await vi.advanceTimersByTimeAsync(990)
  expect(await running[0]).toMatchObject({ effect: 'deny', rule: 'paced-out' })
  expect(await running[1]).toHaveProperty('outcome')
})
