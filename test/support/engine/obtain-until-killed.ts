/**
 * The engine in a process of its own, over record and store on disk: obtains the certificate it is asked for, or goes on with
 * it, until it is done or somebody ends it. `node obtain-until-killed.ts '{"folder":…}'`; ACMETAP_FAILPOINTS says where it ends.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { failPointOf } from '../../../src/app/engine/fail-point.ts'
import { findRecorded } from '../../../src/app/engine/find-recorded.ts'
import { KEEP_ALL } from '../../../src/audit/privacy.ts'
import { RECORDER_LIMITS, Recorder } from '../../../src/audit/recorder.ts'
import { FRAME_LIMIT, Spill } from '../../../src/audit/spill.ts'
import { CaDispatcher } from '../../../src/ca/dispatcher.ts'
import { AcmeSession } from '../../../src/engine/acme-session.ts'
import { createSealing } from '../../../src/engine/create-sealing.ts'
import { Engine } from '../../../src/engine/engine.ts'
import { EngineAccounts } from '../../../src/engine/engine-accounts.ts'
import { createWebroot } from '../../../src/engine/solvers/webroot.ts'
import { systemClock } from '../../../src/exchange/clock.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { ResourceMap } from '../../../src/exchange/resource-map.ts'
import { AT_ONCE } from '../../../src/exchange/turn.ts'
import { createChains } from '../../../src/proxy/stages.ts'
import { openEngineStore } from '../../../src/store/sqlite/engine/open-engine-store.ts'
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'
import type { KillDrillTask } from './kill-drill.ts'

const CA = 'test-ca'
const { folder, directory, trust, certificate, names } = JSON.parse(process.argv[2]!) as KillDrillTask
const failPoint = failPointOf(process.env.ACMETAP_FAILPOINTS)
const clock = systemClock()

const opened = await openSqliteStore({
  folder,
  now: clock.now().wall,
  boot: newExchangeId(),
  software: 'kill drill',
})
const spill = await Spill.open(join(folder, 'spill'), 600 * FRAME_LIMIT)
const context = {
  tenant: 'default',
  instance: 'drill',
  configDigest: 'c',
  policyDigest: null,
  privacy: KEEP_ALL,
}
const recorder = new Recorder(opened.store, spill, clock, context, RECORDER_LIMITS, () => undefined)
await recorder.importSpill()
const { wall, monotonic } = clock.now()
await opened.store.closeDeadIntents(wall, monotonic)
const { origin, pathname } = new URL(directory)
const dispatcher = new CaDispatcher([
  { name: CA, origin, trust: readFileSync(trust, 'latin1'), timeout: 20_000 },
])
const chains = createChains({
  resources: new ResourceMap(opened.reader),
  recorder,
  clock,
  directories: () => new Map([[CA, [pathname]]]),
  firstReading: () => null,
  facts: {
    relayRefusal: () => null,
    otherHostRefusal: () => 'no',
    policy: async () => ({ effect: 'allow' }),
  },
  pace: async () => AT_ONCE,
  onBug: (error) => {
    throw error
  },
})
const session = new AcmeSession({
  ca: CA,
  directory,
  perform: (request) => chains.engine(request, (ca, outgoing) => dispatcher.send(ca, outgoing)),
  clock,
  userAgent: 'acmetap/drill',
})
const store = await openEngineStore({ folder, where: 'here' })
const sealing = createSealing(Buffer.alloc(32, 7))
const accounts = new EngineAccounts({
  store,
  sealing,
  session: () => session,
  settings: () => undefined,
  clock,
  failPoint,
})
const solver = createWebroot('web', { folder: join(folder, 'webroot') })
mkdirSync(join(folder, 'webroot'), { recursive: true })
mkdirSync(join(folder, 'deployed'), { recursive: true })
const engine = new Engine({
  store,
  sealing,
  accounts,
  session: () => session,
  solverFor: () => ({ solver, type: 'http-01' }),
  solverNamed: () => solver,
  deploy: async (job, kept) => {
    await failPoint('deploy.files', 'before')
    writeFileSync(join(folder, 'deployed', job.certificate), kept.chain)
    await failPoint('deploy.files', 'after')
  },
  findRecorded: findRecorded(opened.reader),
  clock,
  failPoint,
  onProgress: () => undefined,
})
console.log('{"ready":true}')
await engine.tidy()
const [last] = await store.jobs({ certificate, limit: 1 })
const { id } =
  last ??
  (await engine.create({
    certificate,
    reason: 'first',
    ca: CA,
    identifiers: names.map((value) => ({ type: 'dns', value })),
    profile: null,
    replaces: null,
    preferredChain: null,
    solver: null,
    dryRun: false,
    key: { type: 'ec256' },
    agreeTerms: true,
  }))
const { step, error } = await engine.run(id, {
  signal: new AbortController().signal,
  onProgress: () => undefined,
})
console.log(JSON.stringify({ step, error: error?.message ?? null }))
await engine.close()
await store.close()
await dispatcher.close()
await recorder.close()
await opened.close()
