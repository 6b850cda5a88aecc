/**
 * The composition root: builds every part, connects them, and opens the listeners. It reads like a map; nothing
 * is decided here. `start` is the whole server, `openOffline` the record without one.
 */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { adminApp } from './api/admin.ts'
import { openControlSocket } from './api/control-socket.ts'
import type { Operations, RecordOperations, ReloadReport, Status, StoreStatus } from './api/operations.ts'
import { needsRestart } from './app/needs-restart.ts'
import { observeWith } from './app/observe.ts'
import { createOperations, recordOperations, userAgent } from './app/operations.ts'
import { routingOf } from './app/routing.ts'
import { VERSION } from './app/version.ts'
import { Feed } from './audit/feed.ts'
import { RECORDER_LIMITS, Recorder } from './audit/recorder.ts'
import { FRAME_LIMIT, Spill } from './audit/spill.ts'
import { DirectoryKeeper } from './ca/directory-keeper.ts'
import { CaDispatcher } from './ca/dispatcher.ts'
import { ConfigError } from './config/config-error.ts'
import { type LoadedConfig, loadConfig } from './config/load.ts'
import { rememberRelays } from './config/relay-memory.ts'
import type { Config } from './config/schema.ts'
import { systemClock } from './exchange/clock.ts'
import { ResourceMap } from './exchange/resource-map.ts'
import { AT_ONCE } from './exchange/turn.ts'
import { createLog, type Log } from './observability/log.ts'
import { createMetrics } from './observability/metrics.ts'
import { createProxyApp } from './proxy/app.ts'
import { clientConnection } from './proxy/client-connection.ts'
import { createAcmeListener } from './proxy/listener.ts'
import { createChains } from './proxy/stages.ts'
import type { StoreFaults } from './store/sqlite/faults.ts'
import { backupSqlite, openSqliteReader, openSqliteStore } from './store/sqlite/open.ts'
import { restoreSqlite } from './store/sqlite/restore.ts'

export interface RunningServer {
  readonly addresses: readonly ListenerAddress[]
  readonly operations: Operations
  reload(): Promise<ReloadReport>
  /** Drains, then closes everything. Resolves always. */
  close(): Promise<void>
}

interface ListenerAddress {
  readonly name: 'acme' | 'admin'
  readonly address: string
  readonly port: number
}

/** For tests and the benchmark; a server in production is started with none of them. */
export interface Overrides {
  readonly log?: Log
  readonly storeFaults?: StoreFaults
  /** Forward without @fastify/http-proxy. */
  readonly bare?: boolean
}

/** Starts the server. Rejects with an error for the operator when the configuration can't be put to work. */
export async function start(loaded: LoadedConfig, overrides: Overrides = {}): Promise<RunningServer> {
  let { config, digest } = loaded
  const clock = systemClock()
  const startedAt = clock.now().wall
  const log = overrides.log ?? createLog(config.log.level, config.instance, config.log.format)
  const closing: (() => Promise<void>)[] = []
  const closeAll = async () => {
    for (const close of closing.reverse())
      await close().catch((error) => log('error', 'process.fault', { detail: String(error) }))
  }
  try {
    // The record
    const opened = await openSqliteStore({
      folder: config.data,
      now: startedAt,
      boot: randomUUID(),
      software: `acmetap ${VERSION}`,
      ...(overrides.storeFaults ? { faults: overrides.storeFaults } : {}),
    })
    const { store, reader } = opened
    closing.push(() => opened.close())
    const limits = { ...RECORDER_LIMITS, inFlight: config.limits.in_flight }
    const spill = await Spill.open(join(config.data, 'spill'), (limits.inFlight + 1) * FRAME_LIMIT)
    const metrics = createMetrics(() => ({
      inFlight: recorder.inFlight,
      spillBytes: spill.bytes,
      ...store.pressure(),
    }))
    closing.push(async () => metrics.close())
    const observe = observeWith(log, metrics)
    const contextOf = (configDigest: string) => ({
      tenant: 'default',
      instance: config.instance,
      configDigest,
      policyDigest: null,
    })
    const recorder = new Recorder(store, spill, clock, contextOf(digest), limits, observe.recorder)
    closing.push(() => recorder.close())
    await recorder.importSpill()
    const dead = await store.closeDeadIntents(clock.now().wall, clock.now().monotonic)
    if (dead > 0) log('warn', 'record.closedDeadIntents', { count: dead })

    // The way through
    let routing = routingOf(config)
    const dispatcher = new CaDispatcher(routing.cas)
    closing.push(() => dispatcher.close())
    const resources = new ResourceMap(reader)
    const feed = new Feed(reader)
    const chains = createChains({
      resources,
      recorder,
      clock,
      directories: () => routing.directories,
      facts: {
        relayRefusal: (ca, authority) => keeper.refusal(ca, authority),
        otherHostRefusal: ({ host }) => `${host} is no CA of acmetap's configuration`,
      },
      pace: async () => AT_ONCE,
      onBug: observe.bug,
    })
    const completed: typeof observe.completed = (exchange) => {
      observe.completed(exchange)
      feed.publish(exchange.id)
    }
    const ending = new AbortController()
    const keeper: DirectoryKeeper = new DirectoryKeeper(
      async (request) => {
        const exchange = await chains.engine(request, (ca, outgoing) =>
          dispatcher.send(ca, outgoing, ending.signal),
        )
        completed(exchange)
        return exchange
      },
      clock,
      userAgent(VERSION),
      observe.directory,
    )
    closing.push(async () => keeper.stop())

    // Listener `acme`
    const proxy = await createProxyApp({
      chains,
      dispatcher,
      clock,
      connectionOf: clientConnection(config.listeners.acme.client_address),
      destinationOf: (authority) =>
        authority === null ? null : (routing.destinations.get(authority) ?? null),
      onCompleted: completed,
      onFault: observe.fault,
      onIncomplete: observe.incomplete,
      bare: overrides.bare ?? false,
    })
    closing.push(() => proxy.close())
    const acme = await createAcmeListener(
      acmeOptions(config),
      (request, response) => proxy.routing(request as never, response as never),
      { onConnectionEvent: observe.connection, onCertificateEvent: observe.certificate },
    )

    // Control plane
    let draining = false
    const addresses: ListenerAddress[] = []
    const status = (): Status => ({
      version: VERSION,
      instance: config.instance,
      pid: process.pid,
      startedAt,
      config: { file: loaded.file, digest },
      listeners: addresses,
      store: storeStatus(),
      inFlight: recorder.inFlight,
    })
    const storeStatus = (): StoreStatus => ({
      state: recorder.healthy ? 'ok' : 'unavailable',
      detail: recorder.healthy ? null : 'the last fact could not be written; requests get 503 until one can',
      ...store.pressure(),
    })
    const reload = async (): Promise<ReloadReport> => {
      try {
        const next = loadConfig(loaded.file)
        const problems = needsRestart(config, next.config, loaded.file)
        if (problems.length > 0) throw new ConfigError(problems)
        const nextRouting = routingOf(next.config)
        ;({ config, digest } = next)
        routing = nextRouting
        recorder.use(contextOf(digest))
        dispatcher.use(routing.cas)
        keeper.watch(routing.views)
        rememberRelays(config.data, config.relay)
        await acme.checkCertificate()
        log('info', 'config.reloaded', { digest, warnings: next.warnings })
        return { ok: true, digest, problems: [] }
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        log('error', 'config.rejected', { problems: error.problems })
        return { ok: false, digest, problems: error.problems }
      }
    }
    const operations = createOperations({
      config: () => config,
      reader,
      store,
      feed,
      keeper,
      resources,
      backup: opened.backup,
      reload,
      status,
    })
    const control = await openControlSocket(operations, config.data, observe.control)
    closing.push(() => control.close())
    const admin = adminApp(
      {
        store: async () => {
          await recorder.isWritable()
          return storeStatus()
        },
        cas: operations.cas,
        draining: () => draining,
        metrics: metrics.exposition,
      },
      observe.control,
    )
    await admin.listen({ host: config.listeners.admin.address, port: config.listeners.admin.port })
    closing.push(() => admin.close())
    const adminAddress = addressOf('admin', admin.server.address())

    // Open for business
    addresses.push(addressOf('acme', await acme.listen()), adminAddress)
    closing.push(async () => {
      const began = performance.now()
      // Nobody waits for what acmetap asks of its own accord: a CA that hangs must not hold up a restart.
      keeper.stop()
      ending.abort()
      await acme.close(config.shutdown.drain)
      await recorder.drain(config.shutdown.drain - (performance.now() - began))
      dispatcher.abandon()
      await recorder.drain(limits.outcomeDeadline)
    })
    keeper.watch(routing.views)
    rememberRelays(config.data, config.relay)
    for (const warning of loaded.warnings) log('warn', 'config.warning', { warning })
    log('info', 'started', { version: VERSION, addresses, stream: opened.stream, digest })
    return {
      addresses,
      operations,
      reload,
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

/** The record of a data folder, read only: for commands when no server runs. Throws StoreRefusal. */
export async function openOffline(config: Config): Promise<RecordOperations & { close(): Promise<void> }> {
  const reader = openSqliteReader(config.data)
  const backup = (file: string) => backupSqlite(config.data, file)
  return { ...recordOperations(reader, backup), close: () => reader.close() }
}

/** Puts a backup in the place of the record. Rejects with StoreRefusal while a server runs, or where it would overwrite. */
export async function restore(config: Config, file: string, force: boolean) {
  return restoreSqlite(file, config.data, { force })
}

function acmeOptions({ data, listeners: { acme } }: Config): Parameters<typeof createAcmeListener>[0] {
  const { address, port, names, certificate, client_address } = acme
  return {
    address,
    port,
    names,
    certificate: certificate ? { from: 'files', ...certificate } : { from: 'ownRoot', folder: data },
    clientAddress: client_address,
  }
}

function addressOf(name: ListenerAddress['name'], bound: unknown): ListenerAddress {
  const { address, port } = bound as AddressInfo
  return { name, address, port }
}
