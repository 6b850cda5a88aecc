import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Vitals } from '../alerts/vitals.ts'
import type { VitalsMeter } from '../alerts/vitals-meter.ts'
import type { InventoryReader } from '../audit/inventory/inventory-reader.ts'
import type { SinkStatus } from '../audit/sinks/sink.ts'
import type { Config } from '../config/schema.ts'
import type { EngineAccount } from '../engine/account.ts'
import type { FailingRenewal } from '../engine/managed/failing-renewal.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Issuer } from '../interception/issuer.ts'
import { adminSpeaksTls, opens } from './listeners.ts'
import type { LoadedPolicy } from './policy-file.ts'

export interface VitalParts {
  readonly clock: Clock
  readonly config: () => Config
  readonly meter: VitalsMeter
  /** Whether the last fact could be written. */
  readonly recorder: { readonly healthy: boolean }
  readonly spill: { readonly bytes: number }
  readonly inventory: Pick<InventoryReader, 'progress'>
  readonly issuer: Pick<Issuer, 'root'>
  readonly policy: () => LoadedPolicy | null
  readonly sinks: { status(): Promise<readonly SinkStatus[]> }
  readonly channels: () => Promise<Vitals['channels']> | Vitals['channels']
  /** Of the engine; left out where there is none. */
  readonly renewals?: () => Promise<readonly FailingRenewal[]>
  /** Of local CAs: what signs now. */
  readonly localRoots?: () => Promise<Vitals['roots']>
  /** As `renewals`: accounts that CAs no longer take. */
  readonly lostAccounts?: () => Promise<readonly EngineAccount[]>
}

/**
 * How everything stands, asked every few seconds. It remembers since when what is wrong has been: call one and the same.
 * Rejects never: what can't be asked counts as it stood.
 */
export function vitalsOf(parts: VitalParts): () => Promise<Vitals> {
  const unwritable = new Since()
  const behind = new Since()
  const sinks = new Map<string, Since>()
  const sinceOf = (name: string) => {
    const since = sinks.get(name) ?? new Since()
    sinks.set(name, since)
    return since
  }
  const began = Math.floor(parts.clock.now().wall / 1000)
  let backlog = 0
  let roots: Vitals['roots'] = []
  let failing: Vitals['failingRenewals'] = []
  let lost: NonNullable<Vitals['lostAccounts']> = []
  return async () => {
    const { config, meter, recorder, spill, issuer } = parts
    const at = Math.floor(parts.clock.now().wall / 1000)
    const [progress, statuses, channels, listener, locals, renewals, gone] = await Promise.all([
      parts.inventory.progress().catch(() => null),
      parts.sinks.status().catch(() => []),
      Promise.resolve(parts.channels()).catch(() => []),
      listenerRoot(config()).catch(() => roots.find(({ name }) => name === LISTENER) ?? null),
      parts.localRoots?.().catch(() => roots.filter(({ name }) => name.startsWith(LOCAL))) ?? [],
      parts.renewals?.().catch(() => null) ?? [],
      parts.lostAccounts?.().catch(() => null) ?? [],
    ])
    if (progress !== null) backlog = Math.max(0, progress.recorded - progress.projected)
    for (const name of sinks.keys()) if (!statuses.some((sink) => sink.name === name)) sinks.delete(name)
    if (gone !== null) lost = gone.flatMap(lostAccount)
    if (renewals !== null) failing = renewals.map(inMillis)
    roots = [listener, interceptionRoot(issuer), ...locals].filter((root) => root !== null)
    return {
      at,
      since: Math.min(began, at),
      cas: meter.vitals(Object.keys(config().cas)),
      record: {
        unwritableSince: unwritable.when(!recorder.healthy, at),
        detail: recorder.healthy
          ? null
          : 'the last fact could not be written; requests get 503 until one can',
        backlog,
        behindSince: behind.when(backlog > 0, at),
        spillBytes: spill.bytes,
      },
      roots,
      endingRules: endingRules(parts.policy()),
      failingRenewals: failing,
      lostAccounts: lost,
      sinks: statuses.map(({ name, backlog, lastError }) => ({
        name,
        failingSince: sinceOf(name).when(lastError !== null, at),
        backlog,
        error: lastError,
      })),
      channels,
    }
  }
}

/** From µs. */
function inMillis(renewal: FailingRenewal): Vitals['failingRenewals'][number] {
  const { since, next, notAfter, lifetime } = renewal
  const millis = (micros: number) => Math.floor(micros / 1000)
  const orNull = (micros: number | null) => (micros === null ? null : millis(micros))
  return {
    ...renewal,
    since: millis(since),
    next: orNull(next),
    notAfter: orNull(notAfter),
    lifetime: orNull(lifetime),
  }
}

function lostAccount({ ca, url, tenant, status, lostAt }: EngineAccount) {
  if (lostAt === null || (status !== 'deactivated' && status !== 'revoked')) return []
  return [{ ca, account: url ?? '', tenant, status, since: Math.floor(lostAt / 1000) }]
}

/** Since when something has been without a pause, as it looked each time it was asked. */
class Since {
  #at: number | null = null

  when(is: boolean, now: number): number | null {
    this.#at = is ? Math.min(this.#at ?? now, now) : null
    return this.#at
  }
}

const LISTENER = 'listener'
/** How names of local CAs begin. */
export const LOCAL = 'local CA '

/** The root of the listeners that have no certificate of their own; null where none needs it. */
async function listenerRoot(config: Config): Promise<Vitals['roots'][number] | null> {
  const { acme, proxy, admin } = config.listeners
  const open = opens(config)
  const isUsed =
    (open.acme && acme.certificate === undefined) ||
    (open.proxy && proxy.certificate === undefined) ||
    (adminSpeaksTls(config) && admin.certificate === undefined)
  if (!isUsed) return null
  const file = join(config.data, 'listener-root.pem')
  const root = new X509Certificate(await readFile(file))
  return {
    name: LISTENER,
    fingerprint: root.fingerprint256,
    notAfter: root.validToDate.getTime(),
    run: `mv ${file} ${file}.old && mv ${join(config.data, 'listener-root.key')} ${join(config.data, 'listener-root.key.old')}, start acmetap again, and give every client what acmetap root show shows`,
  }
}

/** Nobody is told of more. */
const MOST_ENDING = 1000

function endingRules(loaded: LoadedPolicy | null): Vitals['endingRules'] {
  if (loaded === null) return []
  const { policy, bundle } = loaded
  return policy.document.rules
    .filter(({ expires }) => expires !== null)
    .toSorted((one, other) => one.expires! - other.expires!)
    .slice(-MOST_ENDING)
    .map(({ name, effect, owner, expires, line }) => ({
      rule: name,
      effect,
      owner,
      expires: expires!,
      place: `${bundle.file}:${line}`,
    }))
}

function interceptionRoot({ root }: Pick<Issuer, 'root'>): Vitals['roots'][number] | null {
  return root && { ...root, name: 'interception', notAfter: root.notAfter.getTime() }
}
