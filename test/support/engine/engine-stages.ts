/** What the engine sends through: the real stages and the real way out to one CA, with the record in memory. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KEEP_ALL } from '../../../src/audit/privacy.ts'
import { RECORDER_LIMITS, Recorder } from '../../../src/audit/recorder.ts'
import { FRAME_LIMIT, Spill } from '../../../src/audit/spill.ts'
import { CaDispatcher } from '../../../src/ca/dispatcher.ts'
import { AcmeSession } from '../../../src/engine/acme-session.ts'
import type { Asked } from '../../../src/exchange/asked.ts'
import { systemClock } from '../../../src/exchange/clock.ts'
import type { Decision } from '../../../src/exchange/decision.ts'
import type { Completed, Inspected, Received } from '../../../src/exchange/exchange.ts'
import { ResourceMap } from '../../../src/exchange/resource-map.ts'
import { AT_ONCE } from '../../../src/exchange/turn.ts'
import { createChains } from '../../../src/proxy/stages.ts'
import { MemoryRecordStore } from '../memory-record-store.ts'

/** The CA's name in the configuration. */
export const CA = 'test-ca'

export interface EngineStages {
  readonly store: MemoryRecordStore
  /** In the order of their ends. */
  readonly exchanges: Completed[]
  /** Pauses that sessions made, in ms: they are not waited for. */
  readonly pauses: number[]
  readonly perform: (request: Received) => Promise<Completed>
  /** What the policy says from now on; by default everything is allowed. */
  decide: (exchange: Inspected, asked: Asked | null) => Decision
  /** Each has nonces and a directory of its own, as another process has. */
  session(): AcmeSession
  /** Operations that were sent, in order, without those asked for unsigned things. */
  operations(): string[]
  close(): Promise<void>
}

/** `trust`: PEM. `timeout`: ms for one answer. */
export async function startEngineStages(
  directory: string,
  trust: string,
  timeout = 20_000,
): Promise<EngineStages> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-engine-'))
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
  const { origin, pathname } = new URL(directory)
  const dispatcher = new CaDispatcher([{ name: CA, origin, trust, timeout }])
  const exchanges: Completed[] = []
  const pauses: number[] = []
  const chains = createChains({
    resources: new ResourceMap(store),
    recorder,
    clock,
    directories: () => new Map([[CA, [pathname]]]),
    firstReading: () => null,
    facts: {
      relayRefusal: () => null,
      otherHostRefusal: () => 'no',
      policy: async (exchange, asked) => stages.decide(exchange, asked),
    },
    pace: async () => AT_ONCE,
    onBug: (error) => {
      throw error
    },
  })
  const stages: EngineStages = {
    store,
    exchanges,
    pauses,
    perform: async (request) => {
      const exchange = await chains.engine(request, (ca, outgoing) => dispatcher.send(ca, outgoing))
      exchanges.push(exchange)
      return exchange
    },
    decide: () => ({ effect: 'allow' }),
    session: () =>
      new AcmeSession({
        ca: CA,
        directory,
        perform: (request) => stages.perform(request),
        clock,
        userAgent: 'acmetap/test',
        pause: async (ms) => {
          pauses.push(ms)
        },
      }),
    operations: () =>
      exchanges.filter(({ request }) => request.method === 'POST').map(({ operation }) => operation),
    async close() {
      await dispatcher.close()
      await recorder.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return stages
}
