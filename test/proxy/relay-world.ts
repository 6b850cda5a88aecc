/** A relay in memory: the real listener, app and stages; a raw CA behind; the record in an array. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KEEP_ALL } from '../../src/audit/privacy.ts'
import type { IntentContent, OutcomeContent } from '../../src/audit/record.ts'
import { RECORDER_LIMITS, Recorder } from '../../src/audit/recorder.ts'
import { FRAME_LIMIT, Spill } from '../../src/audit/spill.ts'
import { CaDispatcher } from '../../src/ca/dispatcher.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import type { Completed } from '../../src/exchange/exchange.ts'
import { ResourceMap } from '../../src/exchange/resource-map.ts'
import { AT_ONCE } from '../../src/exchange/turn.ts'
import { createProxyApp } from '../../src/proxy/app.ts'
import { clientConnection } from '../../src/proxy/client-connection.ts'
import { createChains } from '../../src/proxy/stages.ts'
import { MemoryRecordStore } from '../support/memory-record-store.ts'
import { type RawCa, startRawCa } from '../support/raw-ca.ts'
import { type RunningListener, startListener } from './running-listener.ts'

export interface RelayWorld {
  readonly ca: RawCa
  readonly store: MemoryRecordStore
  readonly listener: RunningListener
  readonly completed: Completed[]
  readonly faults: unknown[]
  readonly incomplete: unknown[]
  /** The authority that relays. */
  readonly authority: string
  intents(): IntentContent[]
  outcomes(): OutcomeContent[]
  close(): Promise<void>
}

export async function startRelay(options: { timeout?: number; bare?: boolean } = {}): Promise<RelayWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-relay-'))
  const ca = await startRawCa()
  const store = new MemoryRecordStore()
  const spill = await Spill.open(join(folder, 'spill'), 600 * FRAME_LIMIT)
  const clock = systemClock()
  const context = {
    tenant: 'default',
    instance: 'acmetap',
    configDigest: 'c',
    policyDigest: null,
    privacy: KEEP_ALL,
  }
  const recorder = new Recorder(store, spill, clock, context, RECORDER_LIMITS, () => undefined)
  const dispatcher = new CaDispatcher([ca.ca({ timeout: options.timeout ?? 5000 })])
  const completed: Completed[] = []
  const faults: unknown[] = []
  const incomplete: unknown[] = []
  let authority = ''
  const chains = createChains({
    resources: new ResourceMap(store),
    recorder,
    clock,
    directories: () => new Map([['raw', ['/dir']]]),
    firstReading: () => null,
    facts: {
      relayRefusal: () => null,
      otherHostRefusal: () => 'no',
      policy: async () => ({ effect: 'allow' }),
    },
    pace: async () => AT_ONCE,
    onBug: (error) => faults.push(error),
  })
  const app = await createProxyApp({
    chains,
    dispatcher,
    clock,
    connectionOf: clientConnection({ from: 'connection', trusted: [] }),
    destinationOf: (asked) => (asked === authority ? { ca: 'raw', authority } : null),
    onCompleted: (exchange) => completed.push(exchange),
    onFault: (error) => faults.push(error),
    onIncomplete: (_request, error) => incomplete.push(error),
    ...(options.bare === undefined ? {} : { bare: options.bare }),
  })
  const listener = await startListener({}, (request, response) =>
    app.routing(request as never, response as never),
  )
  authority = `localhost:${listener.port}`
  const contents = (kind: string) =>
    store.facts.filter((fact) => fact.kind === kind).map(({ content }) => content)
  return {
    ca,
    store,
    listener,
    completed,
    faults,
    incomplete,
    authority,
    intents: () => contents('intent') as IntentContent[],
    outcomes: () => contents('outcome') as OutcomeContent[],
    async close() {
      await listener.stop()
      await app.close()
      await dispatcher.close()
      await recorder.close()
      await ca.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
