/** Connects the parts of the engine: store, accounts, sessions, solvers, jobs, managed certificates, reissues. */
import { readFileSync } from 'node:fs'
import type { EngineOperations } from '../../api/engine-operations.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import type { EventRecorder } from '../../audit/keeping.ts'
import type { RecordReader } from '../../audit/record-store.ts'
import { createServiceClient } from '../../ca/service-client.ts'
import { certificates } from '../../config/files.ts'
import { readSecret } from '../../config/secrets.ts'
import { AcmeSession } from '../../engine/acme-session.ts'
import { createSealing } from '../../engine/create-sealing.ts'
import { Engine } from '../../engine/engine.ts'
import { EngineAccounts } from '../../engine/engine-accounts.ts'
import { EngineError } from '../../engine/engine-error.ts'
import type { EngineParts } from '../../engine/engine-parts.ts'
import { createDeploy } from '../../engine/managed/deploy.ts'
import { ManagedCertificates, type ManagedParts } from '../../engine/managed/managed-certificates.ts'
import type { OnProgress } from '../../engine/progress.ts'
import { withPickup } from '../../engine/reissue/pickup.ts'
import type { PolicyQuestion } from '../../engine/reissue/policy-fault.ts'
import type { ScheduleNews } from '../../engine/reissue/reissue-schedule.ts'
import { renewalInfo } from '../../engine/renewal-info.ts'
import { readSealingSecret } from '../../engine/sealing-secret.ts'
import { Turns } from '../../engine/turns.ts'
import type { Clock } from '../../exchange/clock.ts'
import { openEngineStore } from '../../store/sqlite/engine/open-engine-store.ts'
import type { Closing } from '../closing.ts'
import { userAgent } from '../operations.ts'
import type { Perform } from '../perform.ts'
import type { InForce } from '../reload.ts'
import { VERSION } from '../version.ts'
import { engineOperations } from './engine-operations.ts'
import { failPointOf } from './fail-point.ts'
import { findRecorded } from './find-recorded.ts'
import { lookBefore } from './look-before.ts'
import { openDns } from './open-dns.ts'
import { openSolvers } from './open-solvers.ts'
import { openReissues, pickupFolder } from './reissue-operations.ts'

export interface EngineHost {
  readonly inForce: () => InForce
  readonly perform: Perform
  readonly clock: Clock
  readonly reader: RecordReader
  readonly inventory: InventoryReader
  readonly events: EventRecorder
  /** A server goes on with what waits; a command does what it was asked for. */
  readonly isServer: boolean
  readonly onProgress: OnProgress
  /** The policy in force about a request that nobody made; null without one. */
  readonly explainPolicy: PolicyQuestion['explain']
  readonly onReissue: (news: ScheduleNews) => void
  readonly onManaged: ManagedParts['onEvent']
  /** Whether the wall clock can be believed. */
  readonly clockTrusted: () => boolean
  readonly onFault: (error: unknown) => void
  readonly observeDns: Parameters<typeof openDns>[1]['observe']
  /** Whether something outside its store is sealed with its key: a key that is lost is not made anew then. */
  readonly alsoSealed?: () => Promise<boolean>
}

export interface OpenedEngine {
  readonly operations: EngineOperations
  /** Names of managed certificates whose renewal fails, for alerts. */
  readonly managed: ManagedCertificates
  /** For what works through it: brokered orders. */
  readonly parts: EngineParts
  /** Goes on with open jobs, renews what is due, and applies scheduled plans, until it is closed. Rejects with what listening throws. */
  start(): Promise<void>
  /** The configuration has changed. */
  use(): void
}

/** `closing` gets what is to be closed. Rejects with StoreRefusal, EngineError (`input`) or what listening throws. */
export async function openEngine(host: EngineHost, closing: Closing): Promise<OpenedEngine> {
  const { clock, perform, reader, inventory, events, isServer } = host
  const config = () => host.inForce().config
  const { data } = config()
  const failPoint = failPointOf(process.env.ACMETAP_FAILPOINTS)
  const store = await openEngineStore({ folder: data, where: isServer ? 'thread' : 'here' })
  closing.add(() => store.close())
  const isSealed = async () => (await store.sealed()).length > 0 || ((await host.alsoSealed?.()) ?? false)
  const sealing = createSealing(await readSealingSecret({ ...config().engine, data, isSealed }))
  const services = createServiceClient(() => host.inForce().wayOut)
  closing.add(() => services.close())

  const sessions = new Map<string, AcmeSession>()
  const session = (ca: string): AcmeSession => {
    const directory = config().cas[ca]?.directory[0]
    if (directory === undefined)
      throw new EngineError('input', `no CA is called ${JSON.stringify(ca)}; see acmetap ca list`)
    const known = sessions.get(ca)
    if (known?.directoryUrl === directory) return known
    const made = new AcmeSession({ ca, directory, perform, clock, userAgent: userAgent(VERSION) })
    sessions.set(ca, made)
    return made
  }
  const accounts = new EngineAccounts({
    store,
    sealing,
    session,
    settings: (ca) => config().engine.accounts.find((account) => account.ca === ca),
    clock,
    failPoint,
  })
  const dns = await openDns(
    config(),
    { store, clock, observe: host.observeDns, onFault: host.onFault },
    closing,
  )
  const solvers = openSolvers({ inForce: host.inForce, services, dns, clock }, closing)
  const { solverFor, solverNamed } = solvers
  const parts: EngineParts = {
    store,
    sealing,
    accounts,
    session,
    solverFor,
    solverNamed,
    deploy: withPickup(
      createDeploy({
        config: () => config().engine,
        data,
        failPoint,
        service: services,
        readFile: readSecretOrTrust,
        now: () => clock.now().wall / 1000,
      }),
      { folder: () => pickupFolder(config()), store },
    ),
    lookBefore: lookBefore(config),
    findRecorded: findRecorded(reader),
    turns: new Turns(),
    clock,
    failPoint,
    onAttempt: (job) => managed.attempted(job),
    onProgress: host.onProgress,
  }
  const engine = new Engine(parts)
  closing.add(() => engine.close())
  const managed = new ManagedCertificates({
    config: () => config().engine,
    store,
    engine,
    renewalInfo: async ({ ca, ariId }, signal) =>
      ariId === null ? null : renewalInfo(session(ca), ariId, signal),
    clockTrusted: host.clockTrusted,
    clock,
    onEvent: host.onManaged,
    onProgress: () => {},
  })
  closing.add(() => managed.close())
  const ending = new AbortController()
  closing.add(() => ending.abort())
  const reissue = openReissues({
    config,
    store,
    engine,
    managed,
    solverFor,
    inventory,
    reader,
    events,
    explainPolicy: host.explainPolicy,
    clock,
    clockTrusted: host.clockTrusted,
    onNews: host.onReissue,
    ending: ending.signal,
  })
  closing.add(() => reissue.close())
  return {
    operations: {
      ...engineOperations({
        config,
        store,
        accounts,
        engine,
        managed,
        session,
        inventory,
        clock,
        events,
        isServer,
        ending: ending.signal,
      }),
      ...reissue.operations,
      ...dns.operations(events),
    },
    managed,
    parts,
    async start() {
      await solvers.listen()
      engine.start()
      managed.start()
      reissue.start()
    },
    use() {
      managed.use()
    },
  }
}

function readSecretOrTrust(file: string, kind: 'secret' | 'trust'): string {
  if (kind === 'secret') return readSecret({ value: undefined, file }, 'secret') ?? ''
  certificates(file)
  return readFileSync(file, 'latin1')
}
