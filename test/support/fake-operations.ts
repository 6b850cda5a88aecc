import type { SilenceRequest } from '../../src/alerts/alert.ts'
import {
  type CertificateImport,
  type ChannelState,
  type Noted,
  OperationRefused,
  type Operations,
  type ShownToken,
} from '../../src/api/operations.ts'
import type { Actor } from '../../src/audit/event.ts'
import type { ExchangeFilter, RecordedExchange } from '../../src/audit/record-store.ts'
import type { Role } from '../../src/audit/token.ts'
import type { AccountKey } from '../../src/exchange/resource.ts'
import { FakeBroker } from './broker/fake-broker.ts'
import { FakeLocalCa } from './broker/fake-local-ca.ts'
import { FakeAlerts } from './fake-alerts.ts'
import { FakeEngine } from './fake-engine.ts'
import { FakeInventory } from './fake-inventory.ts'
import { FakePolicies } from './fake-policies.ts'

/** Operations over a list in memory, which remember how they were called. */
export class FakeOperations implements Operations {
  readonly calls: unknown[][] = []
  readonly inventory = new FakeInventory()
  readonly alerts = new FakeAlerts()
  readonly policies = new FakePolicies()
  readonly engine = new FakeEngine()
  readonly broker = new FakeBroker()
  readonly localCa = new FakeLocalCa()
  channelStates: ChannelState[] = []
  readonly shownTokens: ShownToken[] = []
  /** Texts of bearers' tokens, and whose they are. */
  readonly bearers = new Map<string, ShownToken>()
  readonly noted: { readonly actor: Actor; readonly what: Noted }[] = []
  /** By the account's URL. */
  readonly unpauseLinks = new Map<string, string>()
  readonly kept = new Map<string, Buffer>()
  readonly keys: AccountKey[] = []
  found: RecordedExchange[]
  /** What a tail gives before it waits for the signal. */
  upcoming: RecordedExchange[] = []
  tailsRunning = 0

  constructor(found: RecordedExchange[] = []) {
    this.found = found
  }

  async exchanges(filter: ExchangeFilter, limit: number) {
    this.calls.push(['exchanges', filter, limit])
    return this.found.slice(0, limit)
  }
  async exchange(id: string) {
    return this.found.find((one) => one.id === id) ?? null
  }
  async body(_exchange: string, digest: string) {
    return this.kept.get(digest) ?? null
  }
  async accounts() {
    return this.keys
  }
  async importAccounts(keys: readonly AccountKey[]) {
    this.keys.push(...keys)
    return { added: keys.length, known: 0 }
  }
  async backup(file: string) {
    this.calls.push(['backup', file])
    return { file, bytes: 4096 }
  }
  async *tail(from: number | null, signal: AbortSignal) {
    this.calls.push(['tail', from])
    this.tailsRunning += 1
    try {
      yield* this.upcoming
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    } finally {
      this.tailsRunning -= 1
    }
  }
  async cas() {
    return [
      {
        name: 'pebble',
        title: 'Pebble',
        directories: [
          { url: 'https://localhost:14000/dir', state: 'ok', checkedAt: 1_000_000, detail: null },
        ],
        relays: [
          { host: 'localhost:8443', state: 'refused', advice: 'use another host', checkedAt: 1_000_000 },
        ],
      },
    ] as const
  }
  async probe(name?: string) {
    if (name !== undefined && name !== 'pebble') throw new OperationRefused(`there is no CA ${name}`, 404)
    return this.cas()
  }
  async reload() {
    return { ok: true, digest: 'd', problems: [] }
  }
  async status() {
    return {
      version: '0',
      instance: 'test',
      pid: 1,
      startedAt: 0,
      config: { file: '/x', digest: 'd' },
      policy: null,
      listeners: [],
      store: { state: 'ok', detail: null, waiting: 0, lastCommit: 0 },
      inFlight: 0,
      tunnels: 0,
      namesNotCovered: [],
      sinks: [],
    } as const
  }
  async importCertificates(given: CertificateImport, actor: Actor) {
    this.calls.push(['importCertificates', given, actor])
    return { added: given.certificates.length, known: 0, problems: [] }
  }
  async rebuild(actor: Actor) {
    this.calls.push(['rebuild', actor])
  }
  async forget(value: string, actor: Actor, dry: boolean) {
    this.calls.push(['forget', value, actor, dry])
    return { values: 2, bodies: 1, kinds: ['address'] }
  }
  async tokens() {
    return this.shownTokens
  }
  async createToken(
    given: { readonly name: string; readonly role: Role; readonly expires: number | null },
    actor: Actor,
  ) {
    this.calls.push(['createToken', given, actor])
    const id = (this.shownTokens.length + 1).toString(16).padStart(8, '0')
    const token: ShownToken = { id, createdAt: 1_700_000_000_000_000, ...given }
    const text = `acmetap_${id}_${'A'.repeat(43)}`
    this.shownTokens.push(token)
    this.bearers.set(text, token)
    return { token, text }
  }
  async revokeToken(id: string, actor: Actor) {
    this.calls.push(['revokeToken', id, actor])
    const at = this.shownTokens.findIndex((token) => token.id === id)
    if (at < 0) throw new OperationRefused('there is no token with this id', 404)
    this.shownTokens.splice(at, 1)
  }
  async authenticate(text: string) {
    return this.bearers.get(text) ?? null
  }
  async unpauseLink(account: string) {
    const url = this.inventory.accountList.find(({ id }) => id === account)?.url ?? account
    return this.unpauseLinks.get(url) ?? null
  }
  async silence(request: SilenceRequest, actor: Actor) {
    this.calls.push(['silence', request, actor])
    return this.alerts.silence(request, actor.name ?? actor.kind)
  }
  async endSilence(id: string, actor: Actor) {
    this.calls.push(['endSilence', id, actor])
    if (!this.alerts.end(id)) throw new OperationRefused('there is no silence with this id', 404)
  }
  async channels() {
    return this.channelStates
  }
  async testChannel(name: string, actor: Actor) {
    this.calls.push(['testChannel', name, actor])
    if (!this.channelStates.some((one) => one.name === name))
      throw new OperationRefused(`there is no channel ${name}`, 404)
    return { channel: name, ok: true, detail: '200 OK' }
  }
  async addEndpoint(endpoint: string, actor: Actor) {
    this.calls.push(['addEndpoint', endpoint, actor])
    return this.alerts.add(endpoint)
  }
  async removeEndpoint(endpoint: string, actor: Actor) {
    this.calls.push(['removeEndpoint', endpoint, actor])
    if (!this.alerts.remove(endpoint)) throw new OperationRefused(`${endpoint} is not on the watch list`, 404)
  }
  async note(actor: Actor, what: Noted) {
    this.noted.push({ actor, what })
  }
}
