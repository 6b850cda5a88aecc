import { existsSync } from 'node:fs'
import { AcmeProblem } from '../../acme/problem.ts'
import type { Vitals } from '../../alerts/vitals.ts'
import type { BrokerOperations } from '../../api/broker-operations.ts'
import type { LocalCaOperations } from '../../api/local-ca-operations.ts'
import { OperationRefused } from '../../api/operations.ts'
import type { EventRecorder } from '../../audit/keeping.ts'
import type { Endpoint } from '../../broker/endpoint.ts'
import type { IssuanceEvent } from '../../broker/issuances/issuance-parts.ts'
import { parseListName } from '../../broker/local-ca/issuer-files.ts'
import { endpointAt } from '../../broker/url-map.ts'
import type { OwnAddresses } from '../../ca/own-addresses.ts'
import type { Config } from '../../config/schema.ts'
import { oneLine } from '../../engine/one-line.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { BrokerEdge } from '../../proxy/app.ts'
import type { Brokering } from '../../proxy/stages.ts'
import { brokerFile } from '../../store/sqlite/broker/broker-file.ts'
import { openBrokerStore } from '../../store/sqlite/broker/open-broker-store.ts'
import { Closing } from '../closing.ts'
import type { ServerEngine } from '../engine/server-engine.ts'
import { endpointsOf } from './endpoints.ts'
import { type OpenBroker, openBroker } from './open-broker.ts'

export interface ServerBrokerHost {
  readonly config: () => Config
  readonly engine: Pick<ServerEngine, 'opened'>
  readonly events: EventRecorder
  readonly own: OwnAddresses
  readonly clock: Clock
  readonly onEvent: (event: IssuanceEvent) => void
  readonly onFault: (error: unknown) => void
  /** It could not be opened: why. */
  readonly onUnavailable: (error: unknown) => void
}

/** The broker of a server: known to the HTTP edge from the start, open once the engine is. */
export interface ServerBroker {
  readonly edge: BrokerEdge
  readonly brokering: Brokering
  readonly operations: BrokerOperations
  readonly localCaOperations: LocalCaOperations
  /** Of a local CA's issuer, by the name of its file, DER; null: there is none, or nothing is open yet. */
  revocationList(file: string): Promise<Buffer | null>
  /** What local CAs sign with now, for alerts about its end. */
  localRoots(): Promise<Vitals['roots']>
  /** Whether anything in its store is sealed with the engine's key. */
  sealed(): Promise<boolean>
  /** Listener `acme` is bound there. From now on requests come, and wait for it to be open. */
  bound(port: number): void
  /** Where it cannot be opened that is told, and tried again. Never rejects. */
  begin(): Promise<void>
  /** The configuration has changed. Never rejects. */
  use(): Promise<void>
  close(): Promise<void>
}

/** ms until it is tried again; and how long a request waits for it to open. */
const AGAIN = 30_000
const PATIENCE = 5_000

/** Whether a configuration, or what an earlier one left, needs the broker. */
export function wantsBroker({ broker, local_cas, data }: Config): boolean {
  return broker.length > 0 || Object.keys(local_cas).length > 0 || existsSync(brokerFile(data))
}

/** Rejects with StoreRefusal. */
export async function serverBroker(host: ServerBrokerHost): Promise<ServerBroker> {
  const store = await openBrokerStore({ folder: host.config().data })
  const closing = new Closing()
  let port: number | null = null
  let of: { readonly config: Config; readonly endpoints: readonly Endpoint[] } | null = null
  let open: OpenBroker | null = null
  /** Why it could not be opened the last time. */
  let fault: unknown = null
  const begun = Promise.withResolvers<void>()
  let opening = begun.promise
  let closed = false
  let again: NodeJS.Timeout | null = null
  const endpoints = (): readonly Endpoint[] => {
    const config = host.config()
    if (port === null) return []
    if (of?.config !== config) of = { config, endpoints: endpointsOf(config, port) }
    return of.endpoints
  }
  const attempt = async (): Promise<void> => {
    if (closed) return
    try {
      const engine = await host.engine.opened()
      open = await openBroker({ ...host, store, endpoints, engine: engine.parts }, closing)
    } catch (error) {
      await closing.run(host.onFault)
      if (closed) return
      fault = error
      host.onUnavailable(error)
      again = setTimeout(() => {
        opening = attempt()
      }, AGAIN).unref()
    }
  }
  const ready = async (): Promise<OpenBroker> => {
    if (open === null) {
      const patience = Promise.withResolvers<void>()
      const timer = setTimeout(patience.resolve, PATIENCE)
      await Promise.race([opening, patience.promise])
      clearTimeout(timer)
    }
    if (open === null)
      throw new AcmeProblem('serverInternal', 'this server is not open yet; try again in a minute', {
        status: 503,
        retryAfter: 30,
      })
    return open
  }
  const asked = async (): Promise<OpenBroker> => {
    await opening
    if (open === null) {
      const why = fault instanceof Error ? oneLine(fault.message) : 'the log says why'
      throw new OperationRefused(`the broker could not be opened, and is tried again: ${why}`, 409)
    }
    return open
  }
  return {
    edge: {
      placeOf(authority, target) {
        const endpoint = endpointAt(endpoints(), authority, target)
        return endpoint === 'elsewhere' ? null : { ca: endpoint?.name ?? null }
      },
      fieldsFor: (exchange) => open?.broker.fieldsFor(exchange) ?? [],
    },
    brokering: {
      classify: async (exchange) => (await ready()).broker.classify(exchange),
      verifyJws: async (exchange) => (await ready()).broker.verifyJws(exchange),
      answer: async (exchange) => (await ready()).broker.answer(exchange),
    },
    operations: {
      status: async () => (await asked()).operations.status(),
      orders: async (...given) => (await asked()).operations.orders(...given),
      startDrill: async (...given) => (await asked()).operations.startDrill(...given),
      stopDrills: async (...given) => (await asked()).operations.stopDrills(...given),
      eabKeys: async () => (await asked()).operations.eabKeys(),
      createEabKey: async (...given) => (await asked()).operations.createEabKey(...given),
      revokeEabKey: async (...given) => (await asked()).operations.revokeEabKey(...given),
    },
    localCaOperations: {
      certificates: async (...given) => (await asked()).localCaOperations.certificates(...given),
      revoke: async (...given) => (await asked()).localCaOperations.revoke(...given),
    },
    async revocationList(file) {
      const wanted = parseListName(file)
      const ca = wanted === null ? null : (open?.localCa(wanted.name) ?? null)
      return wanted === null || ca === null ? null : ((await ca.currentCrl(wanted.generation))?.list ?? null)
    },
    localRoots: async () => (await open?.localRoots()) ?? [],
    sealed: async () => (await store.sealed()).length > 0,
    bound(at) {
      port = at
    },
    async begin() {
      await attempt()
      begun.resolve()
    },
    async use() {
      await open?.use().catch(host.onUnavailable)
    },
    async close() {
      if (closed) return
      closed = true
      begun.resolve()
      if (again !== null) clearTimeout(again)
      await opening
      open = null
      await closing.run(host.onFault)
      await store.close()
    },
  }
}
