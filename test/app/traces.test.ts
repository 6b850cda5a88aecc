import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { afterEach, expect, test } from 'vitest'
import { traceExchanges } from '../../src/app/traces.ts'
import type { Completed, Outcome } from '../../src/exchange/exchange.ts'
import { answered, decided, denied, ORIGIN, refused, resource, response } from '../support/exchanges.ts'
import { RecordingTracers } from '../support/recording-tracers.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened, until } from './composed.ts'

const opened = new Opened()
afterEach(async () => {
  await opened.close()
  trace.disable()
})

const ENDED = { wall: 1_700_000_000_250_000, monotonic: 251_000 }

function completed(operation: Completed['operation'], changes: Partial<Completed> = {}): Completed {
  return { ...answered(decided(operation), response(200, {})), completedAt: ENDED, ...changes }
}

const of = (issuance: string) => ({ resource: resource({ url: `${ORIGIN}/order/1`, issuance }) })

test('a newOrder begins a trace, and what is asked of its order goes on in it', () => {
  const tracers = new RecordingTracers()
  const traced = traceExchanges(tracers.getTracer('test'))
  const first = completed('newOrder')
  const second = completed('newOrder')
  traced(first)
  traced(second)
  traced(completed('challenge', of(first.id)))
  traced(completed('finalize', of(second.id)))
  traced(completed('certificate', of(first.id)))
  const [a, b, challenge, finalize, certificate] = tracers.spans
  expect(a?.parent).toBeNull()
  expect(b?.trace).not.toBe(a?.trace)
  expect(challenge).toMatchObject({ name: 'challenge', trace: a?.trace, parent: a?.span })
  expect(certificate).toMatchObject({ name: 'certificate', trace: a?.trace, parent: a?.span })
  expect(finalize).toMatchObject({ name: 'finalize', trace: b?.trace, parent: b?.span })
  expect(challenge?.attributes['acmetap.issuance']).toBe(first.id)
})

test('a span says when it was, how it ended, and which exchange of the record it is', () => {
  const tracers = new RecordingTracers()
  const traced = traceExchanges(tracers.getTracer('test'))
  const exchange = completed('newOrder')
  traced(exchange)
  expect(tracers.spans).toEqual([
    {
      name: 'newOrder',
      trace: expect.any(String),
      span: expect.any(String),
      parent: null,
      kind: SpanKind.SERVER,
      start: [1_700_000_000, 0],
      end: [1_700_000_000, 250_000_000],
      status: null,
      attributes: {
        'acmetap.exchange': exchange.id,
        'acmetap.issuance': exchange.id,
        'acmetap.mode': 'relay',
        'acmetap.ca': 'pebble',
        'acmetap.operation': 'newOrder',
        'acmetap.outcome': 'response',
        'acmetap.source': 'ca',
        'acmetap.ca_seconds': 0.0005,
        'http.response.status_code': 200,
      },
    },
  ])
})

test('a failure, a refusal and a problem are told by words of closed lists', () => {
  const tracers = new RecordingTracers()
  const traced = traceExchanges(tracers.getTracer('test'))
  const failed: Outcome = {
    kind: 'failed',
    failure: { cause: 'connectRefused', message: 'connect 192.0.2.1:443 refused' },
    problem: { type: 'urn:ietf:params:acme:error:serverInternal', detail: 'secret.example', status: 502 },
    durationCa: 2_000_000,
  }
  traced(completed('newOrder', { outcome: failed }))
  traced({ ...refused(denied('newOrder')), completedAt: ENDED })
  const problem = { type: 'https://evil.example/unbounded/42', detail: 'victim.example' }
  traced(
    completed('newOrder', { outcome: { ...answered(decided('newOrder'), response(500, problem)).outcome } }),
  )
  const [failure, refusal, wrong] = tracers.spans
  expect(failure).toMatchObject({ status: { code: SpanStatusCode.ERROR, message: 'connectRefused' } })
  expect(failure?.attributes).toMatchObject({
    'acmetap.cause': 'connectRefused',
    'acmetap.problem': 'serverInternal',
    'acmetap.ca_seconds': 2,
  })
  expect(refusal).toMatchObject({ status: null })
  expect(refusal?.attributes).toMatchObject({
    'acmetap.outcome': 'refused',
    'acmetap.rule': 'ambiguous-request',
  })
  expect(wrong).toMatchObject({ status: { code: SpanStatusCode.ERROR } })
  expect(wrong?.attributes['acmetap.problem']).toBe('other')
  expect(JSON.stringify(tracers.spans)).not.toMatch(/evil|victim|secret|192\.0\.2/)
})

test('what is not sampled stays so for the whole issuance; an issuance nobody remembers begins anew', () => {
  const tracers = new RecordingTracers()
  const traced = traceExchanges(tracers.getTracer('test'))
  tracers.sampled = false
  const unsampled = completed('newOrder')
  traced(unsampled)
  tracers.sampled = true
  traced(completed('order', of(unsampled.id)))
  expect(tracers.spans).toEqual([])
  const old = completed('newOrder')
  traced(old)
  for (let n = 0; n < 10_000; n += 1) traced(completed('newOrder'))
  traced(completed('order', of(old.id)))
  const last = tracers.spans.at(-1)
  expect(last).toMatchObject({ name: 'order', parent: null })
  expect(last?.attributes['acmetap.issuance']).toBe(old.id)
})

test('without an SDK nothing is made, and one that comes later is used', () => {
  const traced = traceExchanges()
  expect(() => traced(completed('newOrder'))).not.toThrow()
  const tracers = new RecordingTracers()
  trace.setGlobalTracerProvider(tracers)
  traced(completed('directory'))
  expect(tracers.spans).toMatchObject([{ name: 'directory', parent: null }])
})

test('an issuance through the relay is one trace, and each exchange of the record one span', async () => {
  const tracers = new RecordingTracers()
  trace.setGlobalTracerProvider(tracers)
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount()
  await client.issue(['one.example', 'two.example'])
  await client.issue(['three.example'])
  const recorded = await world.running.operations.exchanges({ after: 0 }, 1000)
  await until(() => tracers.spans.length === recorded.length)
  expect(tracers.spans.map(({ attributes }) => attributes['acmetap.exchange']).sort()).toEqual(
    recorded.map(({ id }) => id).sort(),
  )
  const orders = tracers.spans.filter(({ name }) => name === 'newOrder')
  expect(orders).toHaveLength(2)
  const operations = (order: (typeof orders)[number] | undefined) =>
    tracers.spans.filter(({ parent }) => parent === order?.span).map(({ name }) => name)
  const perName = ['authorization', 'challenge', 'authorization']
  const end = ['finalize', 'order', 'certificate']
  expect(operations(orders[0])).toEqual([...perName, ...perName, ...end])
  expect(operations(orders[1])).toEqual([...perName, ...end])
  expect(JSON.stringify(tracers.spans)).not.toMatch(/example|127\.0\.0\.1|acct/)
})
