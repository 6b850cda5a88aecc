import { expect, test } from 'vitest'
import { createLog } from '../../src/observability/log.ts'
import { LOG_EVENTS } from '../../src/observability/log-events.ts'
import { createMetrics } from '../../src/observability/metrics.ts'

test('the metrics that others rely on are there, with their labels and units', async () => {
  const metrics = createMetrics(
    () => ({ inFlight: 3, tunnels: 4, waiting: 2, lastCommit: 1500, spillBytes: 64 }),
    async () => [{ name: 'siem', backlog: 7 }],
    async () => 12,
  )
  metrics.exchanges.inc({
    labels: { mode: 'relay', ca: 'pebble', operation: 'newOrder', outcome: 'response' },
  })
  metrics.problems.inc({ labels: { ca: 'pebble', type: 'rateLimited' } })
  const { contentType, body } = await metrics.exposition()
  expect(contentType).toContain('text/plain')
  for (const line of [
    'acmetap_exchanges_total{mode="relay",ca="pebble",operation="newOrder",outcome="response"} 1',
    'acmetap_problems_total{ca="pebble",type="rateLimited"} 1',
    'acmetap_record_in_flight 3',
    'acmetap_tunnels 4',
    'acmetap_sink_backlog{sink="siem"} 7',
    'acmetap_inventory_backlog 12',
    'acmetap_record_queue 2',
    'acmetap_record_spill_bytes 64',
    'acmetap_record_last_commit_seconds 0.0015',
  ])
    expect(body.split('\n')).toContain(line)
  const lag = [...body.matchAll(/^acmetap_event_loop_lag_seconds\{percentile="(.+)"\} (.+)$/gm)]
  expect(lag.map(([, percentile]) => percentile)).toEqual(['50', '99'])
  for (const [, , value] of lag) expect(Number(value)).toBeGreaterThanOrEqual(0)
  metrics.close()
})

test('a log line is one JSON object, whatever is in it', () => {
  const lines: string[] = []
  const log = createLog('info', 'a', 'json', { write: (line) => void lines.push(line) })
  log('warn', 'record.spilled', { exchange: 'x\n{"event":"forged"}\u001b[31m' })
  log('debug', 'started')
  expect(lines).toHaveLength(1)
  expect(lines[0]!.trimEnd()).not.toMatch(/[\n\u001b]/)
  expect(JSON.parse(lines[0]!)).toMatchObject({
    event: 'record.spilled',
    instance: 'a',
    msg: LOG_EVENTS['record.spilled'],
  })
})
