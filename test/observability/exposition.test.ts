import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { prefersOpenMetrics } from '../../src/observability/exposition.ts'
import { createMetrics } from '../../src/observability/metrics.ts'

/** As Prometheus 2.42 asks. */
const PROMETHEUS =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const PRESSURE = { inFlight: 3, tunnels: 4, waiting: 2, lastCommit: 1500, spillBytes: 64 }
const LABELS = { mode: 'relay', ca: 'pebble', operation: 'newOrder', outcome: 'response' }

function measured() {
  const metrics = createMetrics(
    () => PRESSURE,
    async () => [{ name: 'siem', backlog: 7, lastError: 'refused' }],
    async () => 12,
    { version: '1.2.3' },
  )
  metrics.exchanges.inc({ labels: LABELS, exemplarLabels: { exchange: 'id-1' } })
  const labels = { mode: 'relay', operation: 'newOrder' }
  for (const value of [0.3, 100])
    metrics.duration.observe({ labels, value, exemplarLabels: { exchange: `id-of-${value}` } })
  return metrics
}

test('OpenMetrics for who prefers it, the plain format for all others', () => {
  expect(prefersOpenMetrics(PROMETHEUS)).toBe(true)
  expect(prefersOpenMetrics('application/openmetrics-text')).toBe(true)
  expect(prefersOpenMetrics('Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8')).toBe(true)
  for (const accept of [
    undefined,
    '',
    '*/*',
    'text/plain',
    'application/openmetrics-text;version=2.0.0',
    'application/openmetrics-text;q=0',
    'application/openmetrics-text;q=0.3,text/plain;q=0.8',
    'application/openmetrics-text;q=nonsense',
    ';;,,=;q',
  ])
    expect([accept, prefersOpenMetrics(accept)]).toEqual([accept, false])
})

test('exemplars lead to the exchange, in OpenMetrics alone', async () => {
  const metrics = measured()
  const open = await metrics.exposition(PROMETHEUS)
  expect(open.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  const lines = open.body.split('\n')
  expect(lines.slice(-2)).toEqual(['# EOF', ''])
  expect(lines).toContain('# TYPE acmetap_exchanges counter')
  const found = (start: string) => lines.filter((line) => line.startsWith(start))
  expect(found('acmetap_exchanges_total{')).toEqual([
    expect.stringMatching(
      /^acmetap_exchanges_total\{mode="relay",ca="pebble",operation="newOrder",outcome="response"\} 1 # \{exchange="id-1"\} 1 \d+(\.\d+)?$/,
    ),
  ])
  const bucket = 'acmetap_exchange_duration_seconds_bucket{mode="relay",operation="newOrder",le='
  expect(found(`${bucket}"0.5"`)[0]).toMatch(/ 1 # \{exchange="id-of-0.3"\} 0.3 /)
  expect(found(`${bucket}"1.0"`)[0]).toMatch(/ 1$/)
  expect(found(`${bucket}"+Inf"`)[0]).toMatch(/ 2 # \{exchange="id-of-100"\} 100 /)

  const plain = await metrics.exposition()
  expect(plain.contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(plain.body).toContain('\n# TYPE acmetap_exchanges_total counter\n')
  expect(plain.body).toContain(`${bucket}"1"} 1\n`)
  expect(plain.body).not.toMatch(/exchange="id|# EOF/)
  metrics.close()
})

test('scrapes of both kinds at the same time do not mix', async () => {
  const metrics = measured()
  const kinds = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? PROMETHEUS : 'text/plain'))
  const scraped = await Promise.all(kinds.map((accept) => metrics.exposition(accept)))
  for (const [n, { contentType, body }] of scraped.entries()) {
    const isOpen = n % 2 === 0
    expect(contentType.startsWith('application/openmetrics-text')).toBe(isOpen)
    expect(body.endsWith('# EOF\n')).toBe(isOpen)
    expect(body.includes('# TYPE acmetap_exchanges counter')).toBe(isOpen)
    expect(body.includes('# TYPE acmetap_exchanges_total counter')).toBe(!isOpen)
    expect(body.match(/^acmetap_sink_backlog\{sink="siem"\} 7$/gm)).toHaveLength(1)
  }
  metrics.close()
})

const PYTHON = '/usr/bin/python3'
const hasParser = () =>
  existsSync(PYTHON) && spawnSync(PYTHON, ['-c', 'import prometheus_client.openmetrics.parser']).status === 0

const COUNT = `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain
families = list((open_metrics if sys.argv[1] == 'open' else plain)(sys.stdin.read()))
samples = [s for f in families for s in f.samples]
print(len(families), len(samples), sum(1 for s in samples if s.exemplar), [s.labels['ca'] for s in samples if s.name == 'acmetap_problems_total'])
`

test('both formats are read by the parsers of the Prometheus project for Python', () => {
  expect(hasParser(), "Debian's python3-prometheus-client is not installed").toBe(true)
})

test.each(['open', 'plain'])('%s: a real parser reads every family and sample', async (kind) => {
  const metrics = measured()
  metrics.problems.inc({ labels: { ca: 'a"b\\c\nd', type: 'other' } })
  const { body } = await metrics.exposition(kind === 'open' ? PROMETHEUS : undefined)
  const ran = spawnSync(PYTHON, ['-c', COUNT, kind], { input: body, encoding: 'utf8' })
  expect(ran.stderr).toBe('')
  const families = body.match(/^# TYPE /gm)?.length
  const samples = body.match(/^[^#\n]/gm)?.length
  const exemplars = kind === 'open' ? 3 : 0
  expect(ran.stdout.trim()).toBe(`${families} ${samples} ${exemplars} ['a"b\\\\c\\nd']`)
  metrics.close()
})
