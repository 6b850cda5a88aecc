import { expect, test } from 'vitest'
import { alertExample, deliveryExample } from '../../src/api/alert-examples.ts'
import { observeWith } from '../../src/app/observe.ts'
import type { Happening } from '../../src/audit/inventory/happening.ts'
import type { Completed, Outcome } from '../../src/exchange/exchange.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { answered, decided, received, refused, response } from '../support/exchanges.ts'

const ENDED = { wall: 1_700_000_000_250_000, monotonic: 251_000 }
const HOSTILE = (n: number) => `evil-${n}"} 1\nacmetap_forged{x="${n}`

function measured() {
  const metrics = createMetrics(() => ({
    inFlight: 0,
    tunnels: 0,
    waiting: 0,
    lastCommit: 0,
    spillBytes: 0,
  }))
  const observe = observeWith(() => undefined, metrics)
  const series = async () =>
    (await metrics.exposition()).body.split('\n').filter((line) => /^acmetap_[^ ]+ /.test(line)).length
  return { metrics, observe, series }
}

/** What clients and CAs may word as they like, another word each time. */
function hostileExchanges(n: number): Completed[] {
  const word = HOSTILE(n)
  const from = received({
    method: word,
    target: `/${word}`,
    authority: word,
    fields: [
      ['User-Agent', word],
      [word, word],
    ],
  })
  const problem = { type: `urn:ietf:params:acme:error:${word}`, detail: word }
  const failure = { cause: 'tls', message: word } as const
  const document = { type: word, detail: word, status: 400 }
  const outcomes: Outcome[] = [
    { kind: 'response', response: response(200 + (n % 400), problem), durationCa: n },
    { kind: 'response', response: response(700 + n, problem), durationCa: n, source: 'ca' },
    { kind: 'response', response: response(400, { type: word }), durationCa: n, source: 'cache' },
    { kind: 'refused', problem: document },
    { kind: 'failed', failure, problem: document, durationCa: n },
  ]
  const denied = decided('newOrder', {
    ...from,
    destination: null,
    decision: { effect: 'deny', rule: word, problem: 'malformed', detail: word },
  })
  return [
    ...outcomes.map((outcome): Completed => {
      const exchange = decided('unrecognised', from)
      return { ...answered(exchange, response(200, {})), outcome, completedAt: ENDED }
    }),
    { ...refused(denied), completedAt: ENDED },
  ]
}

function hostileHappenings(n: number): Happening[] {
  const word = HOSTILE(n)
  const about = {
    fact: n,
    n: 0,
    at: '2026-01-01T00:00:00.000Z',
    exchange: `01a202f4-81e3-77fc-a44d-${String(n).padStart(12, '0')}`,
    ca: 'pebble',
    mode: 'relay',
    operation: 'newOrder',
    account: null,
    client: null,
    order: null,
    names: [word],
  }
  const limit = { key: word, until: null, status: 429, detail: word }
  return [
    { kind: 'limited', ...about, by: 'ca', limit: word, ...limit },
    { kind: 'limited', ...about, by: 'ca', limit: 'NewOrdersPerAccount', ...limit },
    { kind: 'ordered', ...about, replaces: word, profile: word },
    { kind: 'validated', ...about },
    { kind: 'accountSeen', ...about, created: true },
  ]
}

test('whatever clients and CAs say, the number of series stays the same', async () => {
  const { metrics, observe, series } = measured()
  const all = (from: number, to: number) => {
    for (let n = from; n < to; n += 1) {
      for (const exchange of hostileExchanges(n)) observe.completed(exchange)
      for (const happening of hostileHappenings(n)) observe.happened(happening)
    }
  }
  all(0, 400)
  const before = await series()
  all(400, 1000)
  expect(await series()).toBe(before)
  const { body } = await metrics.exposition()
  expect(body).not.toContain('evil')
  expect(body).not.toContain('acmetap_forged')
  for (const line of [
    'acmetap_refusals_total{ca="none",rule="other"} 1000',
    'acmetap_rate_limits_total{ca="pebble",by="ca",limit="other"} 1000',
    'acmetap_rate_limits_total{ca="pebble",by="ca",limit="NewOrdersPerAccount"} 1000',
    'acmetap_failures_total{ca="pebble",cause="tls"} 1000',
    'acmetap_ca_responses_total{ca="pebble",status="other"} 1000',
    'acmetap_orders_total{ca="pebble",mode="relay"} 1000',
  ])
    expect(body.split('\n')).toContain(line)
  expect(body).toMatch(/^acmetap_problems_total\{ca="pebble",type="other"\} \d+$/m)
  metrics.close()
})

test('answers that were kept or shared are no answers of the CA', async () => {
  const { metrics, observe } = measured()
  const { outcome } = answered(decided('directory'), response(200, {}))
  for (const source of ['ca', 'cache', 'shared'] as const)
    observe.completed({
      ...answered(decided('directory'), response(200, {})),
      outcome: { ...outcome, source } as Outcome,
      completedAt: ENDED,
    })
  const lines = (await metrics.exposition()).body.split('\n')
  expect(lines).toContain('acmetap_ca_responses_total{ca="pebble",status="2xx"} 1')
  expect(lines).toContain('acmetap_answers_total{ca="pebble",source="shared"} 1')
  metrics.close()
})

test('what retention removed is counted by kind', async () => {
  const { metrics, observe } = measured()
  observe.retention([
    { kind: 'exchanges', removed: 5 },
    { kind: 'bodies', removed: 2 },
  ])
  observe.retention([{ kind: 'exchanges', removed: 1 }])
  observe.retention(new Error('disk full'))
  const lines = (await metrics.exposition()).body.split('\n')
  expect(lines).toContain('acmetap_retention_removed_total{kind="exchanges"} 6')
  expect(lines).toContain('acmetap_retention_removed_total{kind="bodies"} 2')
  metrics.close()
})

test('alerts that are not evaluated, or cannot be asked about, are seen', async () => {
  const pressure = { inFlight: 0, tunnels: 0, waiting: 0, lastCommit: 0, spillBytes: 0 }
  const evaluated = async (fault: string | null | Error) => {
    const metrics = createMetrics(() => pressure, undefined, undefined, {
      alerts: async () => {
        if (fault instanceof Error) throw fault
        return { firing: [], began: [], waiting: [], endpoints: [], fault }
      },
    })
    const found = /^acmetap_alerts_evaluated (\S+)$/m.exec((await metrics.exposition()).body)?.[1]
    metrics.close()
    return found
  }
  expect(await evaluated(null)).toBe('1')
  expect(await evaluated('disk full')).toBe('0')
  expect(await evaluated(new Error('the thread ended'))).toBeUndefined()
})

test('how soon somebody was told is measured once for each alert and channel', async () => {
  const { metrics, observe } = measured()
  const made = new Date(Date.now() + 3000).toISOString()
  const since = new Date(Date.now() + 1000).toISOString()
  const earlier = { ...alertExample, id: '0'.repeat(16), since: '2020-01-01T00:00:00.000Z' }
  const alerts = [{ ...alertExample, since }, earlier]
  const notification = { ...deliveryExample.notification, made, alerts }
  for (const channel of ['ops', 'pager', 'ops']) {
    const told = { ...notification, channel }
    observe.delivery(told, { state: 'waiting', at: 0, next: 1, error: 'down' })
    observe.delivery(told, { state: 'delivered', at: 0 })
  }
  observe.delivery({ ...notification, kind: 'resolved' }, { state: 'delivered', at: 0 })
  const { body } = await metrics.exposition()
  expect(body).toMatch(/^acmetap_alert_latency_seconds_count(\{\})? 2$/m)
  expect(body).toMatch(/^acmetap_alert_latency_seconds_sum(\{\})? 4$/m)
})
