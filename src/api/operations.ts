/**
 * src/api is the control plane's HTTP edge, on listeners of its own. It and the command line are thin: both call
 * these operations, which the composition root implements. No SQL and no HTTP in the shapes here; every value
 * survives JSON.
 */
import type { Silence, SilenceRequest } from '../alerts/alert.ts'
import type { AlertReader } from '../alerts/alert-desk.ts'
import type { EndpointState } from '../alerts/endpoint.ts'
import type { Actor } from '../audit/event.ts'
import type { InventoryReader } from '../audit/inventory/inventory-reader.ts'
import type { Forgotten } from '../audit/keeping.ts'
import type { ExchangeFilter, RecordedExchange } from '../audit/record-store.ts'
import type { Role, Token } from '../audit/token.ts'
import type { ConfigProblem } from '../config/config-error.ts'
import type { PolicyMode } from '../exchange/decision.ts'
import type { AccountKey } from '../exchange/resource.ts'
import type { BrokerOperations } from './broker-operations.ts'
import type { EngineOperations } from './engine-operations.ts'
import type { LocalCaOperations } from './local-ca-operations.ts'
import type { PolicyOperations, RecordedPolicies } from './policy-operations.ts'

export interface DirectoryStatus {
  readonly url: string
  readonly state: 'ok' | 'unreachable' | 'unknown'
  /** µs since 1970; null before the first look. */
  readonly checkedAt: number | null
  /** One line for a person; null when there is nothing to say. */
  readonly detail: string | null
}

export interface RelayStatus {
  readonly host: string
  /** `refused`: the CA answers with URLs that are not ours, so nothing is relayed under this host. */
  readonly state: 'ok' | 'refused' | 'unreachable' | 'unknown'
  readonly advice: string | null
  /** µs since 1970; null before the first look. */
  readonly checkedAt: number | null
}

export interface CaStatus {
  /** As under `cas`. */
  readonly name: string
  readonly title: string
  readonly directories: readonly DirectoryStatus[]
  readonly relays: readonly RelayStatus[]
}

export interface StoreStatus {
  readonly state: 'ok' | 'unavailable'
  /** Why it is unavailable. */
  readonly detail: string | null
  /** Entries waiting to become durable. */
  readonly waiting: number
  /** Duration of the last commit in µs. */
  readonly lastCommit: number
}

export interface Status {
  readonly version: string
  readonly instance: string
  readonly pid: number
  /** µs since 1970. */
  readonly startedAt: number
  readonly config: { readonly file: string; readonly digest: string }
  /** In force; null where there is none. `rules`: how many. */
  readonly policy: PolicyStatus | null
  readonly listeners: readonly { readonly name: string; readonly address: string; readonly port: number }[]
  readonly store: StoreStatus
  readonly inFlight: number
  readonly tunnels: number
  /** Configured hosts of CAs that the interception root does not cover, so that they are not served. */
  readonly namesNotCovered: readonly string[]
  readonly sinks: readonly SinkState[]
}

export interface PolicyStatus {
  readonly file: string
  readonly digest: string
  readonly mode: PolicyMode
  readonly rules: number
}

export interface SinkState {
  readonly name: string
  /** Outcomes of the record that were not sent yet. */
  readonly backlog: number
  /** Why the last attempt failed; null when it did not. */
  readonly lastError: string | null
}

export interface ImportReport {
  /** Keys that were not known before, and those that were. */
  readonly added: number
  readonly known: number
}

export interface BackupReport {
  readonly file: string
  readonly bytes: number
}

export interface ReloadReport {
  readonly ok: boolean
  /** Of the configuration in force after the attempt. */
  readonly digest: string
  /** Why nothing changed; empty when `ok`. */
  readonly problems: readonly ConfigProblem[]
}

/** Certificates from files, to be part of the inventory from now on. */
export interface CertificateImport {
  /** The machine they were found on. */
  readonly host: string
  readonly unmanaged: boolean
  readonly certificates: readonly {
    /** PEM, leaf first, then what came with it; at most 256 KiB. Never a key. */
    readonly pem: string
    readonly path: string
    readonly ca: string | null
    readonly format: string
  }[]
}

export interface CertificateImportReport {
  /** Certificates that were not known before, and those that were. */
  readonly added: number
  readonly known: number
  /** One line each: what could not be read. */
  readonly problems: readonly string[]
}

/** Where people are told of alerts, and how it goes. */
export interface ChannelState {
  readonly name: string
  /** webhook, email, slack … */
  readonly kind: string
  /** Notifications it has not taken yet. */
  readonly waiting: number
  /** RFC 3339; null while it takes them. */
  readonly failingSince: string | null
  /** Of the last attempt, without secrets; null where it went well. */
  readonly lastError: string | null
}

/** What a channel made of a notification that was sent to try it. */
export interface ChannelTest {
  readonly channel: string
  readonly ok: boolean
  /** What it answered, or why there was no answer. One line without secrets. */
  readonly detail: string
}

/** A token as others may see it. */
export type ShownToken = Omit<Token, 'digest'>

/** What can be answered from the record alone, with or without a running server. */
export interface RecordOperations {
  readonly inventory: InventoryReader
  readonly alerts: AlertReader
  readonly policies: RecordedPolicies
  /** As {@link import('../audit/record-store.ts').RecordReader.exchanges}: newest first, at most `limit` (1–1000). */
  exchanges(filter: ExchangeFilter, limit: number): Promise<readonly RecordedExchange[]>
  exchange(id: string): Promise<RecordedExchange | null>
  /** A kept body that an exchange's facts name, by its digest (hex); null when it is not kept. */
  body(exchange: string, digest: string): Promise<Buffer | null>
  accounts(): Promise<readonly AccountKey[]>
  /** Writes a consistent copy to an absolute path that must not exist yet. */
  backup(file: string): Promise<BackupReport>
}

export interface Operations extends RecordOperations {
  readonly policies: PolicyOperations
  readonly engine: EngineOperations
  readonly broker: BrokerOperations
  readonly localCa: LocalCaOperations
  /**
   * Exchanges as they end, in the order of their outcomes: those whose outcome has this sequence number in the record
   * or a later one; from now on when null. Ends when the signal aborts.
   */
  tail(fromSequence: number | null, signal: AbortSignal): AsyncIterable<RecordedExchange>
  importAccounts(keys: readonly AccountKey[]): Promise<ImportReport>
  cas(): Promise<readonly CaStatus[]>
  /** Looks again, at one CA or at all; rejects with {@link OperationRefused} for a name that is not configured. */
  probe(name?: string): Promise<readonly CaStatus[]>
  /** Reads the configuration and the policy again. `actor`: acmetap itself where it is left out (a signal). */
  reload(actor?: Actor): Promise<ReloadReport>
  status(): Promise<Status>
  importCertificates(given: CertificateImport, actor: Actor): Promise<CertificateImportReport>
  /** Begins to make the inventory anew from the record; `inventory.progress` tells how far it is. */
  rebuild(actor: Actor): Promise<void>
  /** Erases a person's values; `dry` only counts. */
  forget(value: string, actor: Actor, dry: boolean): Promise<Forgotten>
  tokens(): Promise<readonly ShownToken[]>
  /** The only time the token's text is told. `expires` in µs since 1970. */
  createToken(
    given: { readonly name: string; readonly role: Role; readonly expires: number | null },
    actor: Actor,
  ): Promise<{ readonly token: ShownToken; readonly text: string }>
  /** Rejects with {@link OperationRefused} (404) where there is none. */
  revokeToken(id: string, actor: Actor): Promise<void>
  /** The token a bearer's text belongs to; null for none, or one that has expired. */
  authenticate(text: string): Promise<ShownToken | null>
  /** The link with which the CA lets a paused account go on, as long as this process remembers it: a credential, for admins. */
  unpauseLink(account: string): Promise<string | null>
  /** Rejects with FilterRefused where nothing is given to match, or the end is past or more than a year ahead. */
  silence(request: SilenceRequest, actor: Actor): Promise<Silence>
  /** Rejects with {@link OperationRefused} (404) where none with this id holds. */
  endSilence(id: string, actor: Actor): Promise<void>
  channels(): Promise<readonly ChannelState[]>
  /** Sends a notification to it now. Rejects with {@link OperationRefused} (404) where there is no such channel. */
  testChannel(name: string, actor: Actor): Promise<ChannelTest>
  /** Puts a place on the watch list; one that is on it already is looked at again. */
  addEndpoint(endpoint: string, actor: Actor): Promise<EndpointState>
  /** Rejects with {@link OperationRefused}: 404 where it is not on the list, 409 where the configuration holds it. */
  removeEndpoint(endpoint: string, actor: Actor): Promise<void>
  /** Puts into the record that a list was asked for with a token, or that something was exported. */
  note(actor: Actor, what: Noted): Promise<void>
}

export type Noted =
  | { readonly event: 'searched'; readonly what: string; readonly filter: Readonly<Record<string, string>> }
  | {
      readonly event: 'exported'
      readonly what: string
      readonly filter: Readonly<Record<string, string>>
      readonly rows: number
    }

/** An operation that cannot be done as asked: the caller's mistake, told in one line. */
export class OperationRefused extends Error {
  readonly status: 400 | 404 | 409
  constructor(message: string, status: 400 | 404 | 409 = 400) {
    super(message)
    this.name = 'OperationRefused'
    this.status = status
  }
}
