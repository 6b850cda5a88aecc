import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { ACMETAP } from '../../src/audit/event.ts'
import { startPebble } from '../../src/cli/demo/pebble.ts'
import { StoreFaults } from '../../src/store/sqlite/faults.ts'
import { freePort } from '../support/child-process.ts'
import { Refusal } from '../support/test-ca/answer.ts'
import { issueLeaf, makeRoot } from '../support/test-ca/certificates.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { askConnect } from '../support/tunnel-client.ts'
import { type Composed, compose, Opened, until } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

/** Those that no server can be made to change within a test, and why. */
const STANDING_STILL = new Map([
  ['acmetap_build_info', 'the version stays while a process runs'],
  ['acmetap_retention_removed_total', 'a day must pass; metric-labels.test.ts moves it'],
  ['acmetap_engine_jobs_total', 'engine-metrics.test.ts moves it'],
  ['acmetap_engine_failures_total', 'engine-metrics.test.ts moves it'],
  ['acmetap_broker_orders_total', 'broker/server.test.ts moves it'],
  ['acmetap_broker_issuance_seconds', 'broker/server.test.ts moves it'],
  ['acmetap_dns_queries_total', 'dns-metrics.test.ts moves it'],
  ['acmetap_dns_api_calls_total', 'dns-metrics.test.ts moves it'],
])
/** Of these every value is one somebody must have seen. */
const SWITCHES = ['acmetap_record_writable', 'acmetap_sink_up', 'acmetap_ca_up']

/** Values by metric and by series, `_bucket` and `_sum` left out, as they were seen over time. */
class Watched {
  readonly #world: Composed
  readonly seen = new Map<string, Map<string, Set<number>>>()

  constructor(world: Composed) {
    this.#world = world
  }

  async look(): Promise<void> {
    for (const line of (await this.#world.admin('/metrics')).body.split('\n')) {
      const declared = /^# TYPE (acmetap_\w+) /.exec(line)?.[1]
      if (declared !== undefined && !this.seen.has(declared)) this.seen.set(declared, new Map())
      const [, name = '', labels = '', value] =
        /^(acmetap_\w+?)(?:_count)?(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      const series = this.seen.get(name)
      if (series === undefined) continue
      series.set(labels, (series.get(labels) ?? new Set()).add(Number(value)))
    }
  }

  values(name: string): number[] {
    return [...(this.seen.get(name)?.values() ?? [])].flatMap((values) => [...values])
  }

  hasMoved(name: string): boolean {
    const values = this.values(name)
    if (SWITCHES.includes(name)) return values.includes(0) && values.includes(1)
    return values.some((value) => value !== 0)
  }

  still(): string[] {
    return [...this.seen.keys()].filter((name) => !STANDING_STILL.has(name) && !this.hasMoved(name))
  }

  async untilMoved(...names: string[]): Promise<void> {
    for (let attempt = 0; attempt < 800; attempt += 1) {
      await this.look()
      if (names.every((name) => this.hasMoved(name))) return
      await sleep(50)
    }
    throw new Error(`never moved: ${names.filter((name) => !this.hasMoved(name)).join(', ')}`)
  }
}

/** A receiver of webhooks that takes nothing until it is told to. */
async function receiver() {
  const state = { takes: false, got: 0 }
  const server = createHttpServer((request, response) => {
    request.resume().on('end', () => {
      if (state.takes) state.got += 1
      response.writeHead(state.takes ? 204 : 503).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.add({
    close() {
      server.closeAllConnections()
      server.close()
    },
  })
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

/** Warns of nearly everything, and lets it pass; its webhook is not there. */
const policyAsking = (webhook: string) => `version: 1
mode: warn
default: allow
webhooks: { gone: { url: '${webhook}' } }
rules:
  - name: unlisted
    when: { not: { webhook: gone } }
    effect: warn
    unknown: skip
  - name: examples
    when: { names: '.example.com' }
    effect: warn
`

test('every metric is moved by something that happens', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-metrics-'))
  opened.add({ close: () => rm(folder, { recursive: true, force: true }) })
  const faults = new StoreFaults()
  const ca = opened.add(await startTestCa())
  const pebble = await startPebble({ folder, nonceReject: 0, alwaysValid: true })
  opened.add({ close: () => pebble.stop() })
  const { state: channel, url } = await receiver()
  const world = opened.add(
    await compose(
      {
        ca: { directory: ca.directory, trust: ca.trust },
        pebble: {
          directory: pebble.directory,
          trust: await readFile(join(folder, 'root.pem'), 'utf8'),
          hosts: ['127.0.0.1'],
        },
        gone: { directory: `https://localhost:${await freePort()}/directory`, hosts: [] },
      },
      { overrides: { storeFaults: faults } },
    ),
  )
  const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  opened.add(echo)
  await once(echo, 'listening')
  const target = `localhost:${(echo.address() as AddressInfo).port}`
  await writeFile(join(world.folder, 'policy.yaml'), policyAsking(`http://127.0.0.1:${await freePort()}/`))
  await world.addSections({
    policy: './policy.yaml',
    listeners: { proxy: { port: 0 } },
    intercept: { cas: ['ca'], other_hosts: [target] },
    sinks: [{ name: 'dead', syslog: { url: `tcp://127.0.0.1:${await freePort()}` } }],
    alerts: { channels: [{ name: 'ops', webhook: { url } }], wait: '0s' },
    watch: { endpoints: [`localhost:${ca.port}`] },
  })
  await world.restart({ storeFaults: faults })
  const watched = new Watched(world)
  await watched.look()
  await world.settled()
  expect(watched.seen.size).toBeGreaterThan(40)

  // Issuance at both CAs: accounts, orders, validations, certificates.
  const client = await world.client()
  const directory = await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount()
  await client.issue(['www.example.com'])
  const other = await world.client()
  await other.discover(`https://127.0.0.1:${world.port}${new URL(pebble.directory).pathname}`)
  await other.newAccount()
  await watched.untilMoved('acmetap_certificates_issued_total', 'acmetap_validations_total')

  // A failed validation, which is an alert; a channel that is down first; a limit; another failure.
  ca.validate(
    () =>
      new Refusal(
        'unauthorized',
        'Invalid response from http://www.example.com/.well-known/acme-challenge/x: 404',
      ),
  )
  await expect(client.issue(['shop.example.com'])).rejects.toThrow()
  await watched.untilMoved('acmetap_alerts_firing', 'acmetap_notifications_waiting')
  await until(async () => {
    await watched.look()
    return [...(watched.seen.get('acmetap_notifications_total')?.keys() ?? [])].some((labels) =>
      labels.includes('outcome="failed"'),
    )
  })
  channel.takes = true
  await watched.untilMoved('acmetap_alert_latency_seconds')
  expect(channel.got).toBeGreaterThan(0)
  const limit = {
    type: 'rateLimited',
    status: 429,
    detail: 'too many new orders (300) from this account',
  } as const
  ca.script({ operation: 'newOrder', times: 1 }, { kind: 'problem', ...limit })
  await expect(client.post(directory.newOrder, { identifiers: [] })).rejects.toThrow()
  ca.script({ operation: 'newOrder', times: 1 }, { kind: 'reset', when: 'before-reading' })
  await expect(client.post(directory.newOrder, { identifiers: [] })).rejects.toThrow()
  const wrong = { type: 'badCSR', status: 400, detail: 'CSR is no CSR' } as const
  ca.script({ operation: 'newOrder', times: 1 }, { kind: 'problem', ...wrong })
  await expect(client.post(directory.newOrder, { identifiers: [] })).rejects.toThrow()

  // An ambiguous request, something that is not TLS, a certificate that ends soon.
  await client.transport.send('POST', directory.newOrder, Buffer.from('{"payload":"","payload":""}'))
  const garbage = connectTcp({ port: world.port, host: '127.0.0.1' }, () =>
    garbage.write('no TLS at all\r\n\r\n'),
  )
  garbage.on('error', () => undefined)
  await new Promise((resolve) => garbage.once('close', resolve))
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = issueLeaf({
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    issuer: makeRoot('Another CA'),
    names: [{ type: 'dns', value: 'soon.example.com' }],
    notAfter: new Date(Date.now() + 5 * 86_400_000),
  })
  const imported = await world.running.operations.importCertificates(
    {
      host: 'web1',
      unmanaged: false,
      certificates: [{ pem, path: '/etc/soon.pem', ca: null, format: 'pem' }],
    },
    ACMETAP,
  )
  expect(imported).toMatchObject({ added: 1 })

  // A blind tunnel.
  const port = world.running.addresses.find(({ name }) => name === 'proxy')?.port ?? 0
  const tunnel = await askConnect({ port, target })
  tunnel.socket.resume().write('ping')
  await once(tunnel.socket, 'data')
  await watched.look()
  tunnel.socket.end()
  await until(async () => (await world.running.operations.status()).tunnels === 0)

  // An answer that is waited for, and an outcome that the store refuses.
  ca.script({ path: '/slow' }, { kind: 'slow', ms: 300 })
  const slow = client.transport.send('GET', `https://localhost:${world.port}/slow`)
  await until(() => ca.log.requests.some(({ target }) => target === '/slow'))
  faults.failCommits('full')
  await watched.look()
  await slow
  await watched.look()
  faults.failCommits('none')
  await until(async () => (await world.running.operations.status()).store.state === 'ok')

  // Commits that take a while: entries wait.
  faults.delayCommits(400)
  const waiting = client.transport.send('GET', `https://localhost:${world.port}/waits`)
  await watched.untilMoved('acmetap_record_queue')
  faults.delayCommits(0)
  await waiting

  // Work on the event loop, for its lag.
  const until50ms = performance.now() + 50
  while (performance.now() < until50ms);
  for (let attempt = 0; attempt < 400 && watched.still().length > 0; attempt += 1) {
    await watched.look()
    await sleep(100)
  }
  expect(watched.still()).toEqual([])
  const series = (name: string) => [...(watched.seen.get(name)?.keys() ?? [])]
  expect(series('acmetap_exchanges_total')).toContain(
    'mode="relay",ca="ca",operation="newAccount",outcome="response"',
  )
  expect(series('acmetap_exchanges_total')).toContain(
    'mode="engine",ca="ca",operation="directory",outcome="response"',
  )
  expect(series('acmetap_accounts_total')).toEqual(['ca="ca",mode="relay"', 'ca="pebble",mode="relay"'])
  expect(series('acmetap_rate_limits_total')).toEqual(['ca="ca",by="ca",limit="NewOrdersPerAccount"'])
  expect(watched.seen.get('acmetap_orders_total')?.get('ca="ca",mode="relay"')).toEqual(new Set([1, 2]))
}, 120_000)
