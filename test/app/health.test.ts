import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { StoreFaults } from '../../src/store/sqlite/faults.ts'
import { freePort } from '../support/child-process.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { askConnect } from '../support/tunnel-client.ts'
import { compose, Opened, until } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

test('alive; ready while the store is; a CA that is down is in the body and not in the status', async () => {
  const faults = new StoreFaults()
  const ca = await startTestCa()
  const world = opened.add(
    await compose(
      { ca: { directory: ca.directory, trust: ca.trust } },
      { overrides: { storeFaults: faults } },
    ),
  )
  await world.settled()
  expect(await world.admin('/healthz')).toMatchObject({ status: 200 })
  const readyz = async () => {
    const { status, body } = await world.admin('/readyz')
    return { status, ...(JSON.parse(body) as { store: { state: string }; cas: unknown[] }) }
  }
  expect(await readyz()).toMatchObject({
    status: 200,
    store: { state: 'ok' },
    cas: [{ name: 'ca', directories: [{ state: 'ok' }], relays: [{ state: 'ok' }] }],
  })

  // Nobody asks for anything, and the store takes no more writes: readiness finds out by itself.
  faults.failCommits('full')
  await until(async () => (await readyz()).status === 503)
  faults.failCommits('none')
  await until(async () => (await readyz()).status === 200)

  const url = `https://localhost:${world.port}${new URL(ca.directory).pathname}`
  const transport = await world.transport()
  faults.failCommits('full')
  const refused = await transport.send('GET', url)
  expect(refused.status).toBe(503)
  expect(Number(refused.fields['retry-after'])).toBeGreaterThan(0)
  expect(await readyz()).toMatchObject({ status: 503, ready: false, store: { state: 'unavailable' } })
  expect((await world.admin('/healthz')).status).toBe(200)
  faults.failCommits('none')
  await until(async () => (await readyz()).status === 200)

  await ca.close()
  await world.running.operations.probe()
  expect(await readyz()).toMatchObject({
    status: 200,
    ready: true,
    cas: [{ directories: [{ state: 'unreachable' }], relays: [{ state: 'unreachable' }] }],
  })
})

interface Sample {
  readonly labels: string
  readonly value: number
}

/** The text format of Prometheus: samples by metric, `_bucket` and `_sum` left out. */
function readMetrics(text: string): Map<string, Sample[]> {
  const metrics = new Map<string, Sample[]>()
  for (const line of text.split('\n')) {
    const declared = /^# TYPE (acmetap_\w+) /.exec(line)?.[1]
    if (declared !== undefined) metrics.set(declared, [])
    const [, name = '', labels = '', value] =
      /^(acmetap_\w+?)(?:_count)?(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    metrics.get(name)?.push({ labels, value: Number(value) })
  }
  return metrics
}

test('every metric is moved by something that happens', async () => {
  const faults = new StoreFaults()
  const ca = opened.add(await startTestCa())
  const world = opened.add(
    await compose(
      { ca: { directory: ca.directory, trust: ca.trust } },
      { overrides: { storeFaults: faults } },
    ),
  )
  const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  opened.add(echo)
  await once(echo, 'listening')
  const target = `localhost:${(echo.address() as AddressInfo).port}`
  await world.addSections({
    listeners: { proxy: { port: 0 } },
    intercept: { cas: ['ca'], other_hosts: [target] },
    sinks: [{ name: 'dead', syslog: { url: `tcp://127.0.0.1:${await freePort()}` } }],
  })
  await world.restart({ storeFaults: faults })
  await world.settled()
  const scrape = async () => readMetrics((await world.admin('/metrics')).body)
  const highest = new Map<string, number>()
  const watch = async () => {
    for (const [name, samples] of await scrape())
      highest.set(name, Math.max(highest.get(name) ?? 0, ...samples.map(({ value }) => value)))
  }
  await watch()
  const declared = [...highest.keys()]
  expect(declared.length).toBeGreaterThan(10)

  const client = await world.client()
  const directory = await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount()
  // A problem of the CA's, an ambiguous request, something that is not TLS.
  await expect(client.post(directory.newOrder, { identifiers: [] })).rejects.toThrow()
  await client.transport.send('POST', directory.newOrder, Buffer.from('{"payload":"","payload":""}'))
  const garbage = connectTcp({ port: world.port, host: '127.0.0.1' }, () =>
    garbage.write('no TLS at all\r\n\r\n'),
  )
  garbage.on('error', () => undefined)
  await new Promise((resolve) => garbage.once('close', resolve))

  // A blind tunnel.
  const port = world.running.addresses.find(({ name }) => name === 'proxy')?.port ?? 0
  const tunnel = await askConnect({ port, target })
  tunnel.socket.resume().write('ping')
  await once(tunnel.socket, 'data')
  await watch()
  tunnel.socket.end()
  await until(async () => (await world.running.operations.status()).tunnels === 0)

  // An answer that is waited for, and an outcome that the store refuses.
  ca.script({ path: '/slow' }, { kind: 'slow', ms: 300 })
  const slow = client.transport.send('GET', `https://localhost:${world.port}/slow`)
  await until(() => ca.log.requests.some(({ target }) => target === '/slow'))
  faults.failCommits('full')
  await watch()
  await slow
  await watch()
  faults.failCommits('none')
  await until(async () => (await world.running.operations.status()).store.state === 'ok')

  // Commits that take a while: entries wait.
  faults.delayCommits(400)
  const waiting = client.transport.send('GET', `https://localhost:${world.port}/waits`)
  await until(async () => {
    await watch()
    return (highest.get('acmetap_record_queue') ?? 0) > 0
  })
  faults.delayCommits(0)
  await waiting
  // Work on the event loop, for its lag.
  const until50ms = performance.now() + 50
  while (performance.now() < until50ms);
  await until(async () => {
    await watch()
    return (highest.get('acmetap_event_loop_lag_seconds') ?? 0) > 0
  })

  expect(declared.filter((name) => !highest.get(name))).toEqual([])
  const labels = (await scrape()).get('acmetap_exchanges_total')?.map((sample) => sample.labels)
  expect(labels).toContain('mode="relay",ca="ca",operation="newAccount",outcome="response"')
  expect(labels).toContain('mode="engine",ca="ca",operation="directory",outcome="response"')
})
