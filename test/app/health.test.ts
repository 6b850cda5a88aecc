import { afterEach, expect, test } from 'vitest'
import { StoreFaults } from '../../src/store/sqlite/faults.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
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
