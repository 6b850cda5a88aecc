import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProgram } from '../../src/cli/demo/child.ts'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { type Dashboard, dashboards, metricsIn, PROJECT, rulesIn, substituted } from '../dashboards/files.ts'
import { httpsTransport, TestAcmeClient, type Transport } from '../support/acme-client.ts'
import { type Acmetap, type AcmetapOptions, startAcmetap } from '../support/acmetap-process.ts'
import { freePort } from '../support/child-process.ts'
import {
  type Monitoring,
  reasonWithoutMonitoring,
  type Sample,
  startMonitoring,
} from '../support/peers/prometheus.ts'
import { Refusal } from '../support/test-ca/answer.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'

const reason =
  (await reasonWithoutMonitoring()) ??
  ((await findProgram('pebble')) === null ? 'pebble is not installed' : null)

/** Alerts that this drill makes fire, with what it does for each. The others are fired by the tests of the rules. */
const DRIVEN = [
  'AcmetapHeartbeat',
  'AcmetapCaDown', // the CA breaks off connections
  'AcmetapCaSlow', // and then answers after eleven seconds
  'AcmetapLimitHit', // 429 to newOrder
  'AcmetapAccountPaused',
  'AcmetapValidationFailed',
  'AcmetapIssuanceFailed', // badCSR
  'AcmetapRefused', // a host that is no CA
  'AcmetapSinkDown', // syslog where nothing listens
  'AcmetapChannelDown', // a webhook where nothing listens
  'AcmetapClockSkew', // its Date is an hour late
]

/** What this drill does not cause; tests of their own move them. */
const NOT_CAUSED = [
  'acmetap_record_failures_total', // the store refuses a fact
  'acmetap_retention_removed_total', // the record is pruned
  'acmetap_tunnel_bytes_total', // a blind tunnel
  'acmetap_turn_wait_seconds_bucket', // a request waits under the pace of a CA
]

let folder: string
let ca: TestCa
let pebble: Pebble
let monitoring: Monitoring
let acmetap: Acmetap
let options: AcmetapOptions
let hooks: Server
let ports: { acme: number; admin: number }
const transports: Transport[] = []

beforeAll(async () => {
  if (reason !== null) return
  folder = await mkdtemp(path.join(tmpdir(), 'prometheus-drill-'))
  ca = await startTestCa()
  pebble = await startPebble({ folder: path.join(folder, 'pebble'), nonceReject: 0, alwaysValid: true })
  hooks = createServer((request, response) => {
    request.resume()
    response.end()
  })
  await new Promise<void>((listening) => hooks.listen(0, '127.0.0.1', listening))
  const { port: hookPort } = hooks.address() as { port: number }
  ports = { acme: await freePort(), admin: await freePort() }
  const nobody = await freePort()
  await writeFile(
    path.join(folder, 'policy.yaml'),
    'version: 1\nrules:\n  - { name: seen, when: { operation: newOrder }, effect: warn, message: somebody ordered }\n',
  )
  options = {
    folder,
    directory: ca.directory,
    trust: ca.trust,
    ports,
    sections: {
      cas: {
        test: { directory: ca.directory, trust: path.join(folder, 'ca-root.pem') },
        pebble: { directory: pebble.directory, trust: pebble.trust },
      },
      listeners: { acme: { address: '127.0.0.1', port: ports.acme, names: ['localhost', '127.0.0.1'] } },
      relay: [
        { host: `localhost:${ports.acme}`, ca: 'test' },
        { host: `127.0.0.1:${ports.acme}`, ca: 'pebble' },
      ],
      policy: path.join(folder, 'policy.yaml'),
      sinks: [
        { name: 'file', file: { path: path.join(folder, 'audit.json') } },
        { name: 'siem', syslog: { url: `tcp://127.0.0.1:${nobody}` } },
      ],
      alerts: {
        channels: [
          { name: 'good', webhook: { url: `http://127.0.0.1:${hookPort}/` } },
          { name: 'dead', webhook: { url: `http://127.0.0.1:${nobody}/` } },
        ],
        // The time to a message is measured where an alert is told first.
        routes: [{ rules: ['ca-down', 'sink-down'], channels: ['dead'] }, { channels: ['good'] }],
        wait: '0s',
      },
      watch: { endpoints: [`localhost:${pebble.port}`], every: '1m' },
    },
  }
  acmetap = await startAcmetap(options)
  monitoring = await startMonitoring(folder, `127.0.0.1:${ports.admin}`)
  // Counters without labels that rise from their first scrape on.
  await until(async () => (await monitoring.query('up{job="acmetap"} == 1')).length === 1, 'a scrape')
  await drive()
}, 300_000)

afterAll(async () => {
  for (const transport of transports) transport.close()
  await monitoring?.stop()
  await acmetap?.stop()
  await pebble?.stop()
  await ca?.close()
  hooks?.close()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

/** Asks again until it is so; rejects after `seconds` with what was waited for. */
async function until(so: () => Promise<boolean>, what: string, seconds = 90): Promise<void> {
  for (let asked = 0; asked < seconds * 2; asked++) {
    if (await so()) return
    await sleep(500)
  }
  throw new Error(`waited in vain for ${what}`)
}

async function client(host: 'localhost' | '127.0.0.1'): Promise<TestAcmeClient> {
  const transport = httpsTransport(acmetap.trust)
  transports.push(transport)
  const made = new TestAcmeClient(transport)
  await made.discover(host === 'localhost' ? acmetap.directory : `https://${host}:${ports.acme}/dir`)
  await made.newAccount()
  return made
}

const failing = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it should have failed')
    },
    () => undefined,
  )

/** Everything that can go wrong from outside, twice with a scrape between, so that counters are seen to rise. */
async function drive(): Promise<void> {
  // What is scripted later wins: a second behaviour for an answer takes this one's place.
  ca.script({}, { kind: 'field', name: 'Date', value: new Date(Date.now() - 3_600_000).toUTCString() })
  const good = await client('127.0.0.1')
  const bad = await client('localhost')
  const { newOrder = '', newNonce = '' } = bad.directory ?? {}
  const order = { identifiers: [{ type: 'dns', value: 'www.example.com' }] }
  for (const round of [1, 2]) {
    await good.issue([`good${round}.example.com`])
    await client('127.0.0.1')
    await bad.issue([`fine${round}.example.com`])

    ca.validate(
      (identifier) => new Refusal('connection', `Fetching http://${identifier.value}/: Connection refused`),
    )
    await failing(bad.issue([`unreachable${round}.example.com`]))
    ca.validate(() => null)

    for (const [operation, type, status, detail] of [
      [
        'newOrder',
        'rateLimited',
        429,
        'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s',
      ],
      [
        'newOrder',
        'rateLimited',
        429,
        'Your account is temporarily prevented from requesting certificates for www.example.com and possibly others. Please visit: https://ca.example/unpause',
      ],
      ['finalize', 'badCSR', 400, 'Error parsing certificate request'],
    ] as const) {
      const scripted = ca.script({ operation }, { kind: 'problem', type, status, detail })
      await failing(operation === 'newOrder' ? bad.post(newOrder, order) : bad.issue(['csr.example.com']))
      scripted.remove()
    }

    const plain = bad.transport
    await plain.send('GET', acmetap.directory, undefined, { Host: 'no-ca.example' })
    const twoWays = Buffer.from('{"protected":"","protected":"","payload":"","signature":""}')
    await plain.send('POST', newOrder, twoWays)
    await new Promise<void>((ended) => {
      connect(ports.acme, '127.0.0.1')
        .on('error', () => undefined)
        .on('close', () => ended())
        .end('no TLS\r\n\r\n')
    })
    await sleep(2500)
  }
  const many = httpsTransport(acmetap.trust, { sockets: 32 })
  transports.push(many)
  const ask = (times: number) =>
    Promise.allSettled(Array.from({ length: times }, () => many.send('HEAD', newNonce)))
  const slow = ca.script({ operation: 'newNonce' }, { kind: 'slow', ms: 11_000 })
  await ask(30)
  slow.remove()
  ca.script({ operation: 'newNonce' }, { kind: 'reset', when: 'before-reading' })
  for (let round = 0; round < 4; round++) {
    await ask(100)
    await sleep(1000)
  }
}

describe.skipIf(reason !== null)('a real Prometheus and a real Alertmanager', () => {
  test('take the metrics, with exemplars that name exchanges', async () => {
    expect(await monitoring.query('up{job="acmetap"} == 1')).toHaveLength(1)
    const response = await fetch(
      `${monitoring.url}/api/v1/query_exemplars?${new URLSearchParams({
        query: 'acmetap_exchange_duration_seconds_bucket',
        start: String(Date.now() / 1000 - 300),
        end: String(Date.now() / 1000),
      })}`,
    )
    const { data } = (await response.json()) as {
      data: { exemplars: { labels: Record<string, string> }[] }[]
    }
    const ids = data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.exchange ?? ''))
    expect(ids.length).toBeGreaterThan(0)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/)
  })

  test.each(DRIVEN)('%s fires, and Alertmanager has it', async (name) => {
    await until(
      async () => (await monitoring.alerts()).some(({ labels }) => labels.alertname === name),
      `${name} to fire`,
    )
    const isIt = ({ labels }: { labels: Readonly<Record<string, string>> }) => labels.alertname === name
    await until(async () => (await monitoring.received()).some(isIt), `${name} at Alertmanager`)
    const annotations = (await monitoring.received()).find(isIt)?.annotations
    expect(annotations?.summary).toMatch(/\S/)
    expect(await readFile(path.join(PROJECT, annotations?.runbook_url ?? ''), 'utf8')).toMatch(/^# /)
  })

  describe.each(dashboards().map((dashboard) => [dashboard.file, dashboard] as const))(
    '%s',
    (_file, dashboard) => {
      test.each(panelsOf(dashboard))('%s has data', async (_title, { type, targets = [] }) => {
        const instant = ['stat', 'table', 'bargauge'].includes(type)
        for (const { expr } of targets) {
          const query = substituted(expr, '30s', '5m')
          const ask = () => (instant ? monitoring.query(query) : monitoring.queryRange(query))
          await until(
            async () => (await ask()).some(hasNumber),
            `${query} (${metricsIn(expr).join(', ')})`,
            20,
          )
        }
      })
    },
  )

  test('every counter they name has risen, and every gauge is there, but for what this drill cannot cause', async () => {
    const rules = ['acmetap.rules.yml', 'acmetap.alerts.yml'].flatMap(rulesIn).map(({ expr }) => expr)
    const panels = dashboards().flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets))
    const named = [...rules, ...panels.map(({ expr }) => expr)].flatMap(metricsIn)
    const own = [...new Set(named)].filter((name) => name.startsWith('acmetap_'))
    expect(own.length).toBeGreaterThan(40)
    const still: string[] = []
    for (const name of own.sort()) {
      const moved = /_(total|count|bucket|sum)$/.test(name) ? `max(${name}) > 0` : `count(${name})`
      if ((await monitoring.query(moved)).length === 0) still.push(name)
    }
    expect(still.filter((name) => !NOT_CAUSED.includes(name))).toEqual([])
  })

  test('AcmetapRestarting and AcmetapDown fire when it starts again and again, and is gone', async () => {
    const fires = (name: string) => async () =>
      (await monitoring.received()).some(({ labels }) => labels.alertname === name)
    for (let start = 0; start < 3; start++) {
      await acmetap.kill()
      acmetap = await startAcmetap(options)
      await until(
        async () =>
          (await monitoring.query(`changes(process_start_time_seconds{job="acmetap"}[15m]) > ${start}`))
            .length > 0,
        'a scrape after the start',
      )
    }
    await until(fires('AcmetapRestarting'), 'AcmetapRestarting')
    await acmetap.stop()
    await until(fires('AcmetapDown'), 'AcmetapDown')
  }, 120_000)
})

/** A quantile of nothing is NaN. */
function hasNumber({ value, values = [] }: Sample): boolean {
  return [...(value ? [value] : []), ...values].some(([, number]) => number !== 'NaN')
}

function panelsOf({ panels }: Dashboard) {
  return panels.filter(({ targets = [] }) => targets.length > 0).map((panel) => [panel.title, panel] as const)
}
