import type { AlertActions, AlertReader } from '../alerts/alert-desk.ts'
import type { BrokerOperations } from '../api/broker-operations.ts'
import type { EngineOperations } from '../api/engine-operations.ts'
import type { LocalCaOperations } from '../api/local-ca-operations.ts'
import {
  type BackupReport,
  type CaStatus,
  type ChannelState,
  type ChannelTest,
  OperationRefused,
  type Operations,
  type RecordOperations,
  type ReloadReport,
  type Status,
} from '../api/operations.ts'
import type { PolicyOperations, RecordedPolicies } from '../api/policy-operations.ts'
import type { Actor } from '../audit/event.ts'
import type { Feed } from '../audit/feed.ts'
import { importCertificates } from '../audit/import-certificates.ts'
import type { InventoryReader } from '../audit/inventory/inventory-reader.ts'
import { type EventRecorder, type RecordKeeping, withAlerts } from '../audit/keeping.ts'
import { personOf } from '../audit/person.ts'
import type { RecordReader, RecordStore } from '../audit/record-store.ts'
import type { DirectoryKeeper, DirectoryState } from '../ca/directory-keeper.ts'
import { PRESETS } from '../config/presets.ts'
import type { Config } from '../config/schema.ts'
import type { ResourceMap } from '../exchange/resource-map.ts'
import { StoreRefusal } from '../store/refusal.ts'
import { closedBroker } from './closed-broker.ts'
import { closedEngine } from './closed-engine.ts'
import { closedLocalCa } from './closed-local-ca.ts'
import type { FirstToken } from './first-token.ts'
import { pseudonymOf } from './privacy.ts'
import type { Tokens } from './tokens.ts'
import type { UnpauseLinks } from './unpause-links.ts'

interface Parts {
  readonly config: () => Config
  readonly reader: RecordReader
  readonly inventory: InventoryReader
  readonly alerts: AlertReader
  readonly alertActions: AlertActions
  /** This place was put on the watch list, or named once more. */
  readonly onWatchList: (endpoint: string) => void
  readonly policies: PolicyOperations
  /** Left out: nobody can ask the engine for anything. */
  readonly engine?: EngineOperations
  /** As `engine`. */
  readonly broker?: BrokerOperations
  /** As `engine`. */
  readonly localCa?: LocalCaOperations
  /** Somebody was erased from the record. */
  readonly onForgotten: () => void
  readonly channels: {
    states(): Promise<readonly ChannelState[]>
    /** Null where there is no such channel. */
    test(name: string): Promise<ChannelTest | null>
  }
  /** Begins to make the inventory anew. */
  readonly rebuild: () => Promise<void>
  readonly store: RecordStore
  readonly events: EventRecorder
  readonly keeping: RecordKeeping
  readonly tokens: Tokens
  readonly firstToken: () => FirstToken | null
  readonly unpauseLinks: UnpauseLinks
  readonly feed: Feed
  readonly keeper: DirectoryKeeper
  readonly resources: ResourceMap
  /** Brings outcomes that wait in the spill file into the store. */
  readonly importSpill: () => Promise<number>
  readonly backup: (file: string) => Promise<{ readonly bytes: number }>
  readonly reload: (actor?: Actor) => Promise<ReloadReport>
  readonly status: () => Promise<Status>
}

/** What both front ends can ask of the running server. */
export function createOperations(parts: Parts): Operations {
  const { reader, inventory, alerts, alertActions, store, feed, keeper, events, keeping, tokens } = parts
  const cas = () => caStatuses(parts.config(), keeper.states())
  return {
    ...recordOperations(reader, inventory, alerts, parts.policies, (file) =>
      parts.backup(file).catch(refused),
    ),
    policies: parts.policies,
    engine: parts.engine ?? closedEngine(),
    broker: parts.broker ?? closedBroker(),
    localCa: parts.localCa ?? closedLocalCa(),
    tail: (from, signal) => feed.follow(from, signal),
    async importAccounts(keys) {
      const added = await store.rememberKeys(keys)
      parts.resources.learnKeys(keys)
      return { added, known: keys.length - added }
    },
    cas: async () => cas(),
    async probe(name) {
      if (name !== undefined && !Object.hasOwn(parts.config().cas, name)) {
        throw new OperationRefused(`no CA is called ${JSON.stringify(name)}; see acmetap ca list`, 404)
      }
      await keeper.probe(name)
      return cas()
    },
    reload: parts.reload,
    status: parts.status,
    importCertificates: (given, actor) => importCertificates(given, { events, reader: inventory }, actor),
    rebuild: () => parts.rebuild(),
    async forget(value, actor, dry) {
      if (!dry) await parts.importSpill()
      const forgotten = await keeping.forget(value, actor, dry)
      if (!dry) parts.onForgotten()
      if (value.trim() === '') return forgotten
      const person = personOf(value, pseudonymOf(parts.config().data))
      return withAlerts(forgotten, await alertActions.forget(person, dry))
    },
    tokens: async () => tokens.list(),
    createToken: (given, actor) => tokens.create(given, actor),
    revokeToken: (id, actor) => tokens.revoke(id, actor),
    async authenticate(text) {
      const token = tokens.authenticate(text)
      if (token !== null) parts.firstToken()?.taken(token.id)
      return token
    },
    async unpauseLink(account) {
      const direct = parts.unpauseLinks.of(account)
      if (direct !== null) return direct
      const { items } = await inventory.accounts({ account, limit: 1 })
      return items[0] === undefined ? null : parts.unpauseLinks.of(items[0].url)
    },
    async silence(request, actor) {
      const silence = await alertActions.silence(request, actor.name ?? actor.kind)
      const { until, reason: _, ...matches } = request
      await events.record(
        actor,
        { event: 'silenced', silence: silence.id, until },
        filterOf(wordsOf(matches)),
      )
      return silence
    },
    async endSilence(id, actor) {
      if (!(await alertActions.endSilence(id)))
        throw new OperationRefused('no silence with this id holds; see acmetap alerts silences', 404)
      await events.record(actor, { event: 'silenceEnded', silence: id })
    },
    channels: () => parts.channels.states(),
    async testChannel(name, actor) {
      const tested = await parts.channels.test(name)
      if (tested !== null) {
        await events.record(actor, { event: 'channelTested', channel: name, ok: tested.ok })
        return tested
      }
      throw new OperationRefused(
        `no channel is called ${JSON.stringify(name)}; see acmetap alerts channels`,
        404,
      )
    },
    async addEndpoint(endpoint, actor) {
      const state = await alertActions.addEndpoint(endpoint)
      await events.record(actor, { event: 'endpointAdded', endpoint: state.endpoint })
      parts.onWatchList(state.endpoint)
      return state
    },
    async removeEndpoint(endpoint, actor) {
      if (parts.config().watch.endpoints.includes(endpoint))
        throw new OperationRefused(
          `${endpoint} is in the configuration, under watch.endpoints: take it out there`,
          409,
        )
      if (!(await alertActions.removeEndpoint(endpoint)))
        throw new OperationRefused(`${endpoint} is not on the watch list; see acmetap watch list`, 404)
      await events.record(actor, { event: 'endpointRemoved', endpoint })
    },
    async note(actor, what) {
      if (what.event === 'exported') await events.record(actor, what)
      else await events.record(actor, { event: 'searched', what: what.what }, filterOf(what.filter))
    },
  }
}

function wordsOf(given: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

/** What somebody looked for, or silenced, may tell of a person: it can be erased. */
function filterOf(filter: Readonly<Record<string, string>>) {
  if (Object.keys(filter).length === 0) return {}
  return {
    personal: [{ name: 'filter', kind: 'query' as const, value: Buffer.from(JSON.stringify(filter)) }],
  }
}

/** The store's reasons are written for the operator who asked. */
function refused(error: unknown): never {
  throw error instanceof StoreRefusal ? new OperationRefused(error.message, 409) : error
}

/** What needs no more than the record. */
export function recordOperations(
  reader: RecordReader,
  inventory: InventoryReader,
  alerts: AlertReader,
  policies: RecordedPolicies,
  backup: (file: string) => Promise<{ readonly bytes: number }>,
): RecordOperations {
  return {
    inventory,
    alerts,
    policies,
    exchanges: (filter, limit) => reader.exchanges(filter, limit),
    exchange: (id) => reader.exchange(id),
    body: (exchange, digest) => reader.body(exchange, digest),
    accounts: () => reader.accountKeys(),
    async backup(file): Promise<BackupReport> {
      const { bytes } = await backup(file)
      return { file, bytes }
    },
  }
}

function caStatuses(config: Config, states: readonly DirectoryState[]): CaStatus[] {
  return Object.entries(config.cas).map(([name, ca]) => {
    const own = states.filter(({ view }) => view.destination.ca === name)
    return {
      name,
      title: ca.preset ? PRESETS[ca.preset].title : name,
      directories: own
        .filter(({ view }) => !view.relay)
        .map(({ view, state, checkedAt, detail }) => ({
          url: `https://${view.destination.authority}${view.target}`,
          state: state === 'refused' ? 'ok' : state,
          checkedAt,
          detail,
        })),
      relays: own
        .filter(({ view }) => view.relay)
        .map(({ view, state, checkedAt, detail }) => ({
          host: view.destination.authority,
          state,
          advice: detail,
          checkedAt,
        })),
    }
  })
}

/** What acmetap calls itself towards CAs (RFC 8555 §6.1 asks for a User-Agent). */
export function userAgent(version: string): string {
  return `acmetap/${version} (node ${process.versions.node})`
}
