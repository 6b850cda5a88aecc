/**
 * The composition root: builds every part, connects them, and opens the listeners. It reads like a map; nothing
 * is decided here. `start` is the whole server, `openOffline` the record and the inventory without one.
 */
import type { AddressInfo } from 'node:net'
import type { Operations, ReloadReport, Status, StoreStatus } from './api/operations.ts'
import { openAlerting } from './app/alerting.ts'
import { serverBroker, wantsBroker } from './app/broker/server-broker.ts'
import { Closing } from './app/closing.ts'
import { openControlPlane } from './app/control-plane.ts'
import { openDataPlane } from './app/data-plane.ts'
import { serverEngine } from './app/engine/server-engine.ts'
import { FirstToken } from './app/first-token.ts'
import { MetricSources } from './app/metric-sources.ts'
import { observeWith } from './app/observe.ts'
import { openPolicing } from './app/open-policing.ts'
import { createOperations, userAgent } from './app/operations.ts'
import { pagesOf } from './app/pages.ts'
import { performWith } from './app/perform.ts'
import type { PolicingParts } from './app/policing.ts'
import { loadPolicy, policyStatus } from './app/policy-file.ts'
import { watchProgress } from './app/progress-watch.ts'
import { openRecording, recordContext } from './app/recording.ts'
import { RefusedHosts } from './app/refused-hosts.ts'
import { type InForce, reload } from './app/reload.ts'
import { Retention } from './app/retention.ts'
import { routingOf } from './app/routing.ts'
import { Tokens } from './app/tokens.ts'
import { createTraffic } from './app/traffic.ts'
import { UnpauseLinks } from './app/unpause-links.ts'
import { VERSION } from './app/version.ts'
import { pacingOf, wayOutOf } from './app/way-out.ts'
import { ACMETAP, type Actor } from './audit/event.ts'
import { Feed } from './audit/feed.ts'
import { shown } from './audit/privacy.ts'
import { createSinks, type Sinks } from './audit/sinks/sinks.ts'
import { DirectoryKeeper } from './ca/directory-keeper.ts'
import { CaDispatcher } from './ca/dispatcher.ts'
import { OwnAddresses } from './ca/own-addresses.ts'
import { Pacer } from './ca/pacer.ts'
import { SharedAnswers } from './ca/shared-answers.ts'
import type { LoadedConfig } from './config/load.ts'
import { rememberRelays } from './config/relay-memory.ts'
import type { Config } from './config/schema.ts'
import { systemClock } from './exchange/clock.ts'
import { ResourceMap } from './exchange/resource-map.ts'
import { Issuer } from './interception/issuer.ts'
import { createLog, type Log } from './observability/log.ts'
import { createMetrics } from './observability/metrics.ts'
import { hangUpOf } from './proxy/hang-up.ts'
import { createChains } from './proxy/stages.ts'
import type { StoreFaults } from './store/sqlite/faults.ts'
import { openInventory } from './store/sqlite/inventory/open-inventory.ts'
import { restoreSqlite } from './store/sqlite/restore.ts'

export { openEabAlone as openEab } from './app/broker/eab-alone.ts'
export { openEngineAlone as openEngine } from './app/engine/engine-alone.ts'
export { openOffline, rebuild } from './app/offline.ts'

export interface RunningServer {
  readonly addresses: readonly ListenerAddress[]
  readonly operations: Operations
  /** Made by this start, to be told once; null at every later start. */
  readonly firstToken: { readonly text: string; readonly file: string; told(): void } | null
  reload(): Promise<ReloadReport>
  /** Drains, then closes everything. Resolves always. */
  close(): Promise<void>
}

interface ListenerAddress {
  readonly name: 'acme' | 'proxy' | 'sni' | 'admin'
  readonly address: string
  readonly port: number
}

/** For tests and the benchmark; a server in production is started with none of them. */
export interface Overrides {
  readonly log?: Log
  readonly storeFaults?: StoreFaults
  /** Forward without @fastify/http-proxy. */
  readonly bare?: boolean
  /** Told what each request's decision by the policy rests on. */
  readonly onPolicyFacts?: PolicingParts['onFacts']
}

/** How often the data folder is looked at for another interception authority. Milliseconds. */
const ISSUER_CHECK = 10_000

/** Starts the server. Rejects with an error for the operator when the configuration can't be put to work. */
export async function start(loaded: LoadedConfig, overrides: Overrides = {}): Promise<RunningServer> {
  const { config, digest } = loaded
  const policy = await loadPolicy(config)
  const context = recordContext(config, digest, policy?.policy.digest ?? null)
  const clock = systemClock()
  const startedAt = clock.now().wall
  const log = overrides.log ?? createLog(config.log.level, config.instance, config.log.format)
  const closing = new Closing()
  const closeAll = () => closing.run((error) => log('error', 'process.fault', { detail: String(error) }))
  try {
    // The record
    const measured = new MetricSources()
    const metrics = createMetrics(
      () => ({
        inFlight: recorder.inFlight,
        tunnels: recorder.tunnels,
        writable: recorder.healthy,
        spillBytes: spill.bytes,
        ...store.pressure(),
      }),
      async () => sinks?.status() ?? [],
      async () => {
        const { recorded, projected } = await inventory.reader.progress()
        return recorded - projected
      },
      measured.sources,
    )
    closing.add(() => metrics.close())
    const observe = observeWith(log, metrics, (address) => shown(inForce.context.privacy, 'address', address))
    const { opened, recorder, spill, events, keeping, outcomeDeadline } = await openRecording(
      config,
      context,
      clock,
      closing,
      {
        onRecorderEvent: observe.recorder,
        onDeadIntents: (count) => log('warn', 'record.closedDeadIntents', { count }),
      },
      overrides.storeFaults ? { faults: overrides.storeFaults } : {},
    )
    const { store, reader } = opened
    const feed = new Feed(reader)
    // What is derived from it, and how long it is kept
    const inventory = await openInventory({ folder: config.data })
    closing.add(() => inventory.close())
    const following = watchProgress(inventory.reader, observe.inventory)
    closing.add(() => following.close())
    const retention = new Retention(
      keeping,
      inventory.reader,
      clock,
      () => inForce.config.retention,
      observe.retention,
    )
    closing.add(() => retention.close())
    const refusedHosts = new RefusedHosts()
    const unpauseLinks = new UnpauseLinks()

    // The way out
    const own = new OwnAddresses()
    let inForce: InForce = {
      config,
      digest,
      routing: routingOf(config),
      wayOut: wayOutOf(config, own),
      context,
      policy,
    }
    const { routing, wayOut } = inForce
    const dispatcher = new CaDispatcher(routing.cas, wayOut)
    closing.add(() => dispatcher.close())
    const pacer = new Pacer(clock, pacingOf(config, routing))
    const shared = new SharedAnswers(clock, pacer)
    const traffic = createTraffic(clock, pacer, shared, hangUpOf)

    // Who is told
    const alerting = await openAlerting(inForce, loaded.file, clock, observe, closing)
    const evaluating = watchProgress(alerting.desk, observe.alerts)
    closing.add(() => evaluating.close())
    measured.use({
      counts: inventory.counts,
      alerts: alerting.desk,
      vitals: alerting.vitals,
      cas: () => Object.keys(inForce.config.cas),
      report: observe.happened,
    })

    // Who may do what
    const { policing, ...policies } = await openPolicing(
      {
        reader,
        inventory,
        events,
        inForce: () => inForce,
        isRead: (ca) => keeper.isRead(ca),
        onFacts: overrides.onPolicyFacts,
        bindsAccounts: (destination) => keeper.bindsAccounts(destination),
        observe,
      },
      closing,
    )

    // acmetap as an ACME server
    const broker = wantsBroker(config)
      ? await serverBroker({
          config: () => inForce.config,
          engine: { opened: () => engine.opened() },
          events,
          own,
          clock,
          onEvent: observe.issuance,
          onFault: observe.bug,
          onUnavailable: observe.brokerUnavailable,
        })
      : null
    closing.add(() => broker?.close())

    // The way through
    const resources = new ResourceMap(reader)
    const chains = createChains({
      resources,
      recorder,
      clock,
      directories: () => inForce.routing.directories,
      facts: {
        relayRefusal: (ca, authority) => keeper.refusal(ca, authority),
        otherHostRefusal: (target) => inForce.routing.otherHosts.refusal(target),
        policy: (exchange, asked) => policing.decide(exchange, asked),
      },
      firstReading: (destination) => keeper.firstReading(destination),
      pace: traffic.pace,
      ...(broker === null ? {} : { broker: broker.brokering }),
      onBug: observe.bug,
    })
    const completed: typeof observe.completed = (exchange) => {
      policing.note(exchange)
      observe.completed(exchange)
      refusedHosts.note(exchange)
      unpauseLinks.note(exchange)
      feed.publish()
      inventory.wake()
      alerting.note(exchange)
      sinks?.wake()
    }
    const ending = new AbortController()
    const perform = performWith({ chains, traffic, dispatcher, completed, ending: ending.signal })
    const keeper: DirectoryKeeper = new DirectoryKeeper(perform, clock, userAgent(VERSION), observe.directory)
    closing.add(() => keeper.stop())

    // The way in
    const addresses: ListenerAddress[] = []
    const portOf = (name: ListenerAddress['name']) => addresses.find((one) => one.name === name)?.port
    const issuer = await Issuer.open(config.data, routing.interceptedNames, () => new Date(), observe.issuer)
    const dataPlane = await openDataPlane(config, {
      chains,
      dispatcher,
      clock,
      issuer,
      routing: () => inForce.routing,
      wayOut: () => inForce.wayOut,
      exitOf: traffic.exitOf,
      broker: broker?.edge ?? null,
      page: pagesOf({
        rootsPem: () => issuer.rootsPem(),
        cas: () => interceptedCas(inForce.config),
        proxy: () => `${config.listeners.proxy.names[0]}:${portOf('proxy')}`,
        refusedHosts: (client) => refusedHosts.of(client),
      }),
      onCompleted: completed,
      observe: {
        ...observe,
        fault(error, exchange) {
          policing.forget(exchange.id)
          observe.fault(error, exchange)
        },
      },
      bare: overrides.bare ?? false,
    })
    closing.add(() => dataPlane.close(0))

    // Others who read along
    const sinks: Sinks | undefined = await createSinks(config.sinks, reader, opened.positions, {
      stdout: process.stdout,
      clock,
      report: observe.sink,
      version: VERSION,
      hostOfCa: (name) => inForce.routing.hostOf(name),
    })
    closing.add(() => sinks.close())

    // What acmetap obtains of its own accord
    const engine = serverEngine({
      inForce: () => inForce,
      perform,
      clock,
      reader,
      inventory: inventory.reader,
      events,
      skews: () => alerting.skews(),
      explainPolicy: async (request) =>
        inForce.policy === null ? null : policies.operations.explain(request, null),
      onReissue: observe.reissue,
      onUnavailable: observe.engineUnavailable,
      onProgress: observe.engine,
      onManaged: observe.managed,
      onFault: observe.bug,
      alsoSealed: async () => broker !== null && (await broker.sealed()),
      observeDns: observe.dns,
    })

    // Control plane
    let draining = false
    let refreshControlPlane = async (): Promise<void> => {}
    const status = async (): Promise<Status> => ({
      version: VERSION,
      instance: config.instance,
      pid: process.pid,
      startedAt,
      config: { file: loaded.file, digest: inForce.digest },
      policy: policyStatus(inForce.policy),
      listeners: addresses,
      store: storeStatus(),
      inFlight: recorder.inFlight,
      tunnels: recorder.tunnels,
      namesNotCovered: issuer.namesNotCovered,
      sinks: await sinks.status(),
    })
    const storeStatus = (): StoreStatus => ({
      state: recorder.healthy ? 'ok' : 'unavailable',
      detail: recorder.healthy ? null : 'the last fact could not be written; requests get 503 until one can',
      ...store.pressure(),
    })
    const reloadOnce = async (actor: Actor): Promise<ReloadReport> => {
      sinks.reopen()
      return reload({
        file: loaded.file,
        log,
        current: () => inForce,
        wayOutOf: (next, resolve) => wayOutOf(next, own, resolve),
        onPolicyRefused: () => observe.policy('refused'),
        async use(next) {
          alerting.use(next)
          try {
            await policies.record(next.policy, actor)
          } catch (error) {
            alerting.use(inForce)
            throw error
          }
          inForce = next
          const { config, routing, wayOut } = next
          recorder.use(next.context)
          policies.use(next.policy)
          dispatcher.use(routing.cas, wayOut)
          pacer.use(pacingOf(config, routing))
          shared.clear()
          issuer.use(routing.interceptedNames)
          keeper.watch(routing.views)
          rememberRelays(config.data, config.relay)
          await Promise.all([dataPlane.refresh(config), issuer.check(), refreshControlPlane(), engine.use()])
          await broker?.use()
        },
      })
    }
    // One after the other: what two of them brought into force would be a mixture.
    let reloading: Promise<unknown> = Promise.resolve()
    const reloadInTurn = (actor: Actor = ACMETAP): Promise<ReloadReport> => {
      const turn = reloading.then(() => reloadOnce(actor))
      reloading = turn.catch(() => undefined)
      return turn
    }
    const tokens = await Tokens.open(keeping, clock, () => config.instance)
    let firstToken: FirstToken | null = null
    const operations = createOperations({
      config: () => inForce.config,
      reader,
      inventory: inventory.reader,
      alerts: alerting.desk.reader,
      alertActions: alerting.desk.actions,
      channels: alerting.channels,
      onForgotten: () => policing.forgetPeople(),
      policies: policies.operations,
      engine: engine.operations,
      ...(broker === null ? {} : { broker: broker.operations, localCa: broker.localCaOperations }),
      onWatchList: alerting.refreshWatch,
      rebuild: inventory.rebuild,
      store,
      events,
      keeping,
      tokens,
      firstToken: () => firstToken,
      unpauseLinks,
      feed,
      keeper,
      resources,
      backup: opened.backup,
      importSpill: () => recorder.importSpill(),
      reload: reloadInTurn,
      status,
    })
    const made = await FirstToken.make(config.data, operations)
    firstToken = made.first
    const controlPlane = await openControlPlane(
      config,
      operations,
      {
        store: async () => {
          await recorder.isWritable()
          return storeStatus()
        },
        cas: operations.cas,
        draining: () => draining,
        metrics: metrics.exposition,
        revocationList: async (file) => (await broker?.revocationList(file)) ?? null,
      },
      observe,
    )
    closing.add(controlPlane.close)
    refreshControlPlane = controlPlane.refresh
    addresses.push(addressOf('admin', controlPlane.admin.server.address()))

    // Open for business
    await dataPlane.listen((bound) => {
      addresses.unshift(bound)
      if (bound.name === 'acme') broker?.bound(bound.port)
      own.use(addresses)
    })
    const checking = setInterval(() => void issuer.check(), ISSUER_CHECK).unref()
    closing.add(async () => {
      clearInterval(checking)
      // Nobody waits for what acmetap asks of its own accord: a CA that hangs must not hold up a restart.
      keeper.stop()
      ending.abort()
      await dataPlane.close(drainLeft())
      pacer.close()
      await recorder.drain(drainLeft())
      dispatcher.abandon()
      await recorder.drain(outcomeDeadline)
    })
    closing.add(() => engine.close())
    // Clients of the broker wait for what the engine is at: they have their answers first.
    let closingBegan: number | null = null
    const drainLeft = () =>
      Math.max(0, inForce.config.shutdown.drain - (performance.now() - (closingBegan ?? performance.now())))
    closing.add(async () => {
      closingBegan = performance.now()
      if (broker === null) return
      await dataPlane.close(drainLeft())
      await broker.close()
    })
    keeper.watch(routing.views)
    await engine.begin()
    await broker?.begin()
    alerting.begin({
      clock,
      inForce: () => inForce,
      recorder,
      spill,
      inventory: inventory.reader,
      issuer,
      sinks,
      renewals: () => engine.failing(),
      lostAccounts: () => engine.lostAccounts(),
      localRoots: async () => (await broker?.localRoots()) ?? [],
      rootsPem: () => issuer.rootsPem(),
      userAgent: userAgent(VERSION),
      perform,
    })
    rememberRelays(config.data, config.relay)
    for (const warning of [...loaded.warnings, ...(policy?.warnings ?? [])])
      log('warn', 'config.warning', { warning })
    log('info', 'started', { version: VERSION, addresses, stream: opened.stream, digest })
    const { first, text } = made
    return {
      addresses,
      operations,
      firstToken: text === null ? null : { text, file: first.file, told: () => first.taken() },
      reload: () => reloadInTurn(),
      async close() {
        draining = true
        log('info', 'stopping', { inFlight: recorder.inFlight })
        await closeAll()
        log('info', 'stopped')
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** Puts a backup in the place of the record. Rejects with StoreRefusal while a server runs, or where it would overwrite. */
export async function restore(config: Config, file: string, force: boolean) {
  return restoreSqlite(file, config.data, { force })
}

function interceptedCas({ cas, intercept }: Config) {
  return intercept.cas.map((name) => ({ name, directory: cas[name]?.directory[0] ?? '' }))
}

function addressOf(name: ListenerAddress['name'], bound: unknown): ListenerAddress {
  const { address, port } = bound as AddressInfo
  return { name, address, port }
}
