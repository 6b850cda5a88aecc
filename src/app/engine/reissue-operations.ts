import { join } from 'node:path'
import type { EngineOperations, ReissueEvent, ShownPlan } from '../../api/engine-operations.ts'
import { OperationRefused } from '../../api/operations.ts'
import type { Actor } from '../../audit/event.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import type { EventRecorder } from '../../audit/keeping.ts'
import type { RecordReader } from '../../audit/record-store.ts'
import type { Config } from '../../config/schema.ts'
import type { Engine } from '../../engine/engine.ts'
import { EngineError } from '../../engine/engine-error.ts'
import type { EngineStore } from '../../engine/engine-store.ts'
import type { ManagedCertificates } from '../../engine/managed/managed-certificates.ts'
import { keptRequests } from '../../engine/reissue/kept-request.ts'
import { makePlan, type PlanParts, type PlanWithLines } from '../../engine/reissue/make-plan.ts'
import { PlanRuns } from '../../engine/reissue/plan-runs.ts'
import { type PolicyQuestion, policyFault } from '../../engine/reissue/policy-fault.ts'
import { pickupOf, readPlan } from '../../engine/reissue/read-plan.ts'
import { ReissueSchedule, SCHEDULE, type ScheduleNews } from '../../engine/reissue/reissue-schedule.ts'
import { WhereError } from '../../engine/reissue/where.ts'
import { CHALLENGE_TYPES } from '../../engine/solver.ts'
import type { SolverFor } from '../../engine/solver-for.ts'
import type { Clock } from '../../exchange/clock.ts'
import { userAgent } from '../operations.ts'
import { VERSION } from '../version.ts'
import { EventQueue } from './event-queue.ts'

export interface ReissueHost {
  readonly config: () => Config
  readonly store: EngineStore
  readonly engine: Engine
  readonly managed: ManagedCertificates
  readonly solverFor: SolverFor
  readonly inventory: InventoryReader
  readonly reader: RecordReader
  readonly events: EventRecorder
  readonly explainPolicy: PolicyQuestion['explain']
  readonly clock: Clock
  readonly clockTrusted: () => boolean
  readonly onNews: (news: ScheduleNews) => void
  /** Aborted when the process ends. */
  readonly ending: AbortSignal
}

export interface Reissues {
  readonly operations: Pick<EngineOperations, 'plans' | 'plan' | 'makePlan' | 'applyPlan' | 'pickup'>
  /** Follows the schedule of the configuration, also one that comes later. */
  start(): void
  close(): Promise<void>
}

/** Folder of what was reissued for others. */
export function pickupFolder({ engine, data }: Config): string {
  return engine.reissue.folder ?? join(data, 'reissued')
}

export function openReissues(host: ReissueHost): Reissues {
  const { config, store, engine, managed, inventory, reader, events, clock, ending } = host
  const keptRequest = keptRequests(reader, inventory)
  const parts: PlanParts = {
    store,
    inventory,
    keptRequest,
    managed: (name) => config().engine.certificates.find((one) => one.name === name),
    hasCa: (ca) => Object.hasOwn(config().cas, ca),
    solverFault: ({ type, value }) => {
      const wildcard = value.startsWith('*.')
      try {
        host.solverFor({ type, value: wildcard ? value.slice(2) : value }, wildcard, CHALLENGE_TYPES, null)
        return null
      } catch (error) {
        if (error instanceof EngineError) return error.message
        throw error
      }
    },
    async policyFault(supposed) {
      const account = (await store.accounts()).find(
        ({ ca, status }) => ca === supposed.ca && status === 'valid',
      )
      const client = {
        userAgent: userAgent(VERSION),
        ...(account === undefined
          ? {}
          : { thumbprint: account.thumbprint, contacts: account.contact, account: account.url ?? '' }),
      }
      return policyFault(
        { explain: host.explainPolicy, client: () => client, now: () => clock.now().wall / 1000 },
        supposed,
      )
    },
    clock,
  }
  const make = (where: string, madeBy: string): Promise<PlanWithLines> => {
    const { pace, stop_at } = config().engine.reissue
    return makePlan(parts, { where, madeBy, pace: pace / 1000, stopAt: stop_at })
  }
  const runs = new PlanRuns({
    store,
    engine,
    inventory,
    keptRequest,
    async renewal(name) {
      const kept = (await store.certificates()).find(({ certificate }) => certificate === name)
      return { request: await managed.request(name, 'reissue'), fingerprint: kept?.fingerprint ?? null }
    },
  })
  const schedule = new ReissueSchedule({
    settings: () => {
      const { schedule } = config().engine.reissue
      return schedule === undefined ? null : { ...schedule, every: schedule.every / 1000 }
    },
    store,
    make: (where) => make(where, SCHEDULE),
    apply: (id, signal) => runs.apply(id, { signal, onProgress: () => undefined, onLine: () => undefined }),
    clock,
    clockTrusted: host.clockTrusted,
    onNews: host.onNews,
  })
  return {
    operations: {
      plans: () => store.plans(),
      async plan(id) {
        const found = await readPlan(store, id)
        return found && shownPlan(found)
      },
      async makePlan({ where }, actor) {
        await events.record(actor, { event: 'engineAsked', action: 'makePlan', subject: where.slice(0, 300) })
        try {
          return shownPlan(await make(where, actor.name ?? actor.kind))
        } catch (error) {
          if (error instanceof WhereError) throw new OperationRefused(error.message)
          throw error
        }
      },
      applyPlan: (id, actor, signal) => apply(id, actor, signal),
      pickup: (id, line) => pickupOf(store, id, line),
    },
    start: () => schedule.start(),
    close: () => schedule.close(),
  }

  async function* apply(id: string, actor: Actor, signal: AbortSignal): AsyncGenerator<ReissueEvent> {
    await events.record(actor, { event: 'engineAsked', action: 'applyPlan', subject: id })
    const queue = new EventQueue<ReissueEvent>()
    const work = runs.apply(id, {
      signal: AbortSignal.any([signal, ending]),
      onProgress: (progress) => queue.push(progress),
      onLine: (line) => queue.push({ kind: 'line', line }),
    })
    yield* queue.during(work.then((plan) => ({ kind: 'end', plan: shownPlan(plan) })))
  }
}

function shownPlan({ plan, lines }: PlanWithLines): ShownPlan {
  return { ...plan, lines }
}
