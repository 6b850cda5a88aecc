/** The engine with the real stages, a scriptable CA, a store in memory, and a solver that keeps its answers in a map. */
import type { EngineAccountConfig } from '../../../src/config/engine.ts'
import type { AcmeSession } from '../../../src/engine/acme-session.ts'
import { BrokeredOrders } from '../../../src/engine/brokered-orders.ts'
import { createSealing } from '../../../src/engine/create-sealing.ts'
import { Engine } from '../../../src/engine/engine.ts'
import { EngineAccounts } from '../../../src/engine/engine-accounts.ts'
import { EngineError } from '../../../src/engine/engine-error.ts'
import type { EngineParts } from '../../../src/engine/engine-parts.ts'
import type { Job } from '../../../src/engine/job.ts'
import type { JobRequest } from '../../../src/engine/job-request.ts'
import type { EngineProgress } from '../../../src/engine/progress.ts'
import type { RecordedRequest } from '../../../src/engine/recorded-request.ts'
import type { Attempt, Solver } from '../../../src/engine/solver.ts'
import { Turns } from '../../../src/engine/turns.ts'
import { systemClock } from '../../../src/exchange/clock.ts'
import type { Completed } from '../../../src/exchange/exchange.ts'
import { startTestCa, type TestCa } from '../test-ca/test-ca.ts'
import { CA, type EngineStages, startEngineStages } from './engine-stages.ts'
import { MemoryEngineStore } from './memory-engine-store.ts'

export interface EngineWorld {
  readonly ca: TestCa
  readonly stages: EngineStages
  readonly store: MemoryEngineStore
  readonly accounts: EngineAccounts
  readonly engine: Engine
  readonly broker: BrokeredOrders
  /** What both are made of. */
  readonly parts: EngineParts
  readonly progress: EngineProgress[]
  /** What is reachable now, by URL of the challenge. */
  readonly answers: Map<string, Attempt>
  /** Every answer that ever was, in order. */
  readonly presented: Attempt[]
  /** What was deployed, with its key. */
  readonly deployed: { readonly job: Job; readonly key: string | null }[]
  /** By CA: what the configuration has under engine.accounts. */
  readonly settings: Record<string, EngineAccountConfig>
  /** µs that the clock is ahead of the system's. */
  ahead: number
  /** Another engine over the same store, as after a restart. */
  restarted(changes?: Partial<EngineParts>): Engine
  restartedBroker(changes?: Partial<EngineParts>): BrokeredOrders
  /** Runs a new job to the end of its first attempt. */
  obtain(request?: Partial<JobRequest>): Promise<Job>
  run(id: string, early?: boolean): Promise<Job>
  /** Operations that were sent since this was asked last. */
  sent(): string[]
  close(): Promise<void>
}

export function jobRequest(changes: Partial<JobRequest> = {}): JobRequest {
  return {
    certificate: 'www.example.com',
    reason: 'first',
    ca: CA,
    identifiers: [{ type: 'dns', value: 'www.example.com' }],
    profile: null,
    replaces: null,
    preferredChain: null,
    solver: null,
    dryRun: false,
    key: { type: 'ec256' },
    agreeTerms: true,
    ...changes,
  }
}

export function dns(...names: readonly string[]) {
  return names.map((value) => ({ type: 'dns', value }))
}

export async function startEngineWorld(changes: Partial<EngineParts> = {}): Promise<EngineWorld> {
  const ca = await startTestCa()
  const stages = await startEngineStages(ca.directory, ca.trust)
  const store = new MemoryEngineStore()
  const system = systemClock()
  const answers = new Map<string, Attempt>()
  const presented: Attempt[] = []
  const clock = {
    now: () => {
      const { wall, monotonic } = system.now()
      return { wall: wall + world.ahead, monotonic }
    },
  }
  const solver: Solver = {
    name: 'map',
    types: ['http-01', 'dns-01'],
    async present(attempt) {
      presented.push(attempt)
      answers.set(attempt.url, attempt)
    },
    async cleanUp(attempt) {
      answers.delete(attempt.url)
    },
  }
  const sealing = createSealing(Buffer.alloc(32, 7))
  const failPoint = async () => {}
  const turns = new Turns()
  const settings: Record<string, EngineAccountConfig> = {}
  let session: AcmeSession = stages.session()
  const accounts = new EngineAccounts({
    store,
    sealing,
    session: () => session,
    settings: (ca) => settings[ca],
    clock,
    failPoint,
  })
  const engines: { close(): Promise<void> }[] = []
  const partsWith = (more: Partial<EngineParts>): EngineParts => ({
    store,
    sealing,
    accounts,
    session: () => session,
    solverFor: (identifier, wildcard, offered) => {
      const type = wildcard ? 'dns-01' : 'http-01'
      if (!offered.includes(type)) throw new EngineError('input', `no ${type} for ${identifier.value}`)
      return { solver, type }
    },
    solverNamed: (name) => (name === solver.name ? solver : null),
    deploy: async (job, _certificate, key) => {
      world.deployed.push({ job, key })
    },
    findRecorded: async (id) => recordedOf(stages.exchanges.find((exchange) => exchange.id === id)),
    clock,
    failPoint,
    onProgress: (progress) => {
      world.progress.push(progress)
    },
    chance: () => 0,
    turns,
    ...changes,
    ...more,
  })
  const make = (more: Partial<EngineParts>) => {
    const engine = new Engine(partsWith(more))
    engines.push(engine)
    return engine
  }
  const broker = (more: Partial<EngineParts>) => {
    const made = new BrokeredOrders(partsWith(more))
    engines.push(made)
    return made
  }
  let told = 0
  const world: EngineWorld = {
    ca,
    stages,
    store,
    accounts,
    engine: make({}),
    broker: broker({}),
    parts: partsWith({}),
    settings,
    progress: [],
    answers,
    presented,
    deployed: [],
    ahead: 0,
    restarted: (more = {}) => {
      session = stages.session()
      return make(more)
    },
    restartedBroker: (more = {}) => {
      session = stages.session()
      return broker({ turns: new Turns(), ...more })
    },
    async obtain(request = {}) {
      const job = await world.engine.create(jobRequest(request))
      return world.run(job.id)
    },
    run: (id, early = false) =>
      world.engine.run(id, { signal: new AbortController().signal, onProgress: () => undefined, early }),
    sent() {
      const all = stages.operations()
      const since = all.slice(told)
      told = all.length
      return since
    },
    async close() {
      await Promise.all(engines.map((engine) => engine.close()))
      await stages.close()
      await ca.close()
    },
  }
  return world
}

export function recordedOf(exchange: Completed | undefined): RecordedRequest {
  if (exchange === undefined || exchange.outcome.kind === 'refused') return { state: 'unsent' }
  if (exchange.outcome.kind === 'failed') return { state: 'unknown' }
  const { status, fields } = exchange.outcome.response
  const location = fields.find(([name]) => name === 'location')?.[1] ?? null
  return { state: 'answered', status, location }
}
