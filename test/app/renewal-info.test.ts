/** acmetap's own questions for renewal information (RFC 9773): through the stages, into the record, from there into the inventory. */
import { afterEach, expect, test } from 'vitest'
import { RenewalInfoPoll } from '../../src/alerts/renewal-info/poll.ts'
import { Closing } from '../../src/app/closing.ts'
import { openRecording, recordContext } from '../../src/app/recording.ts'
import { routingOf } from '../../src/app/routing.ts'
import { createTraffic } from '../../src/app/traffic.ts'
import { CaDispatcher } from '../../src/ca/dispatcher.ts'
import { Pacer } from '../../src/ca/pacer.ts'
import { SharedAnswers } from '../../src/ca/shared-answers.ts'
import { loadConfig } from '../../src/config/load.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import type { Completed, Received } from '../../src/exchange/exchange.ts'
import { ownRequest } from '../../src/exchange/own-request.ts'
import { ResourceMap } from '../../src/exchange/resource-map.ts'
import { createChains } from '../../src/proxy/stages.ts'
import { openInventory } from '../../src/store/sqlite/inventory/open-inventory.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened } from './composed.ts'

const opened = new Opened()
const closing = new Closing()
afterEach(async () => {
  await closing.run((error) => {
    throw error
  })
  await opened.close()
})

const DAY = 86_400_000_000

/** The record of a server that has issued one certificate, opened again with a clock that can be put ahead. */
async function issued(ca: TestCa) {
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount({ termsOfServiceAgreed: true })
  await client.issue(['one.example'])
  const { items } = await world.running.operations.inventory.certificates({ limit: 1 })
  await world.running.close()

  const { config, digest } = loadConfig(world.file)
  const system = systemClock()
  let ahead = 0
  const clock = {
    now: () => {
      const { wall, monotonic } = system.now()
      return { wall: wall + ahead, monotonic: monotonic + ahead }
    },
  }
  const events = { onRecorderEvent: () => undefined, onDeadIntents: () => undefined }
  const { opened: store, recorder } = await openRecording(
    config,
    recordContext(config, digest, null),
    clock,
    closing,
    events,
  )
  const inventory = await openInventory({ folder: config.data })
  closing.add(() => inventory.close())
  const routing = routingOf(config)
  const dispatcher = new CaDispatcher(routing.cas)
  closing.add(() => dispatcher.close())
  const pacer = new Pacer(clock, { byCa: new Map(), addresses: [], wait: 0 })
  const traffic = createTraffic(clock, pacer, new SharedAnswers(clock, pacer))
  const chains = createChains({
    resources: new ResourceMap(store.reader),
    recorder,
    clock,
    directories: () => routing.directories,
    firstReading: () => null,
    facts: {
      relayRefusal: () => null,
      otherHostRefusal: () => null,
      policy: async () => ({ effect: 'allow' }),
    },
    pace: traffic.pace,
    onBug: (error: unknown) => {
      throw error
    },
  })
  const all: Completed[] = []
  const perform = async (request: Received) => {
    const exchange = await chains.engine(
      request,
      traffic.exitOf(request, (name, outgoing) => dispatcher.send(name, outgoing)),
    )
    all.push(exchange)
    return exchange
  }
  const [view] = routing.views
  const { authority } = view!.destination
  const poll = new RenewalInfoPoll({
    perform,
    inventory: inventory.reader,
    clock,
    userAgent: 'acmetap/test',
    cas: () => [{ name: 'ca', authority }],
    random: () => 0,
  })
  poll.note(await perform(ownRequest('GET', view!.destination, view!.target, 'acmetap/test', clock)))
  return {
    certificate: items[0]!,
    exchanges: () => all.filter(({ operation }) => operation === 'renewalInfo'),
    record: () => store.reader.exchanges({ operation: 'renewalInfo', mode: 'engine' }, 100),
    window: async () => {
      inventory.wake()
      const found = await inventory.reader.certificate(items[0]!.fingerprint)
      return found?.renewalWindow ?? null
    },
    /** One look for what is due, then time passes. */
    async after(micros: number) {
      ahead += micros
      await poll.tick()
      ahead += 11_000_000
      await poll.tick()
    },
  }
}

test('the window comes into the inventory from the record, and moves as the CA moves it', async () => {
  const ca = opened.add(await startTestCa())
  const { certificate, exchanges, record, window, after } = await issued(ca)
  expect(certificate.renewalWindow).toBeNull()
  await after(0)
  const first = await window()
  expect(Date.parse(first!.start)).toBeGreaterThan(Date.now() + 50 * 86_400_000)
  expect((await record()).map(({ intent }) => [intent.mode, intent.request.target])).toEqual([
    ['engine', `/renewal-info/${certificate.ariId}`],
  ])
  const [asked] = ca.log.requests.filter(({ operation }) => operation === 'renewalInfo')
  expect([asked!.method, asked!.bytes, asked!.host]).toEqual(['GET', 0, ca.authority])

  // Not before the time the CA named: 21,600 s.
  await after(5 * 3600_000_000)
  expect(exchanges()).toHaveLength(1)

  const moved = { start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' }
  ca.script(
    { operation: 'renewalInfo' },
    {
      kind: 'answer',
      status: 200,
      fields: [['Retry-After', '120']],
      body: JSON.stringify({ suggestedWindow: moved, explanationURL: 'https://ca.example/incident' }),
    },
  )
  await after(3600_000_000)
  expect(await window()).toMatchObject({ ...moved, explanation: 'https://ca.example/incident' })
  await after(120_000_000)
  expect(exchanges()).toHaveLength(3)
})

test.each([404, 500])('%s is recorded, changes no window, and is asked again later', async (status) => {
  const ca = opened.add(await startTestCa())
  const { exchanges, record, window, after } = await issued(ca)
  const scripted = ca.script(
    { operation: 'renewalInfo' },
    { kind: 'problem', type: status === 404 ? 'malformed' : 'serverInternal', status },
  )
  await after(0)
  expect(await window()).toBeNull()
  expect((await record()).map(({ outcome }) => outcome?.outcome)).toEqual(['response'])
  await after(30_000_000)
  expect(exchanges()).toHaveLength(1)
  scripted.remove()
  await after(DAY / 4)
  expect(exchanges()).toHaveLength(2)
  expect(await window()).not.toBeNull()
})
