import { AcmeIssuer } from '../../broker/acme-issuer.ts'
import type { BrokerStore } from '../../broker/broker-store.ts'
import type { Issuer } from '../../broker/issuer.ts'
import { keyLockOf } from '../../broker/local-ca/key-lock-of.ts'
import type { LocalCaStore } from '../../broker/local-ca/local-ca-store.ts'
import { LocalIssuer } from '../../broker/local-ca/local-issuer.ts'
import { type LocalCa, openLocalCa } from '../../broker/local-ca/open-local-ca.ts'
import type { Config } from '../../config/schema.ts'
import { BrokeredOrders } from '../../engine/brokered-orders.ts'
import type { EngineParts } from '../../engine/engine-parts.ts'
import { createCaaForbids } from '../../engine/preflight/caa-forbids.ts'
import { issuerOfPreset } from '../../engine/preflight/issuers.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { Closing } from '../closing.ts'
import { resolversOf } from '../resolvers.ts'

export interface IssuersHost {
  readonly config: () => Config
  readonly store: BrokerStore & LocalCaStore
  readonly engine: EngineParts
  readonly clock: Clock
  readonly onFault: (error: unknown) => void
}

export interface OpenIssuers {
  /** Null: there is no CA of that name in the configuration in force. */
  issuer(ca: string): Issuer | null
  localCa(name: string): LocalCa | null
  /** The configuration has changed: local CAs that are new are opened. Rejects with LocalCaError. */
  use(): Promise<void>
}

/** Every CA that orders can go to. Rejects with LocalCaError. */
export async function openIssuers(host: IssuersHost, closing: Closing): Promise<OpenIssuers> {
  const { config, engine, clock, store } = host
  const orders = new BrokeredOrders(engine)
  closing.add(() => orders.close())
  const caa = createCaaForbids({ resolvers: () => resolversOf(config()), clock })
  const acme = (ca: string) =>
    new AcmeIssuer({
      ca,
      orders,
      accounts: engine.accounts,
      session: engine.session,
      solverFor: engine.solverFor,
      async caaForbids(name, question) {
        const preset = config().cas[name]?.preset
        const issuer = preset === undefined || !config().engine.preflight ? null : issuerOfPreset(preset)
        return issuer === null ? null : caa({ ...question, issuer })
      },
    })
  const issuers = new Map<string, Issuer>()
  const locals = new Map<string, LocalCa>()
  closing.add(() => {
    for (const local of locals.values()) local.close()
  })
  const local = async (name: string): Promise<void> => {
    const ca = await openLocalCa({
      name,
      data: config().data,
      // One that was taken out of the file stays as it was until the end of the process: nothing leads to it.
      settings: settingsOf(() => config().local_cas[name]),
      lock: () => keyLockOf(config().local_cas[name]!, { ...config().engine, data: config().data }),
      store,
      clock,
      onFault: host.onFault,
    })
    locals.set(name, ca)
    const identifiersOf = async (order: string) => (await store.anyOrder(order))?.identifiers ?? null
    issuers.set(name, new LocalIssuer({ ca, store, clock, identifiersOf }))
  }
  const use = async (): Promise<void> => {
    const { cas, local_cas } = config()
    for (const name of Object.keys(cas)) if (!issuers.has(name)) issuers.set(name, acme(name))
    for (const name of Object.keys(local_cas)) if (!locals.has(name)) await local(name)
  }
  await use()
  const isConfigured = (name: string) => {
    const { cas, local_cas } = config()
    return Object.hasOwn(cas, name) || Object.hasOwn(local_cas, name)
  }
  return {
    issuer: (ca) => (isConfigured(ca) ? (issuers.get(ca) ?? null) : null),
    localCa: (name) => (isConfigured(name) ? (locals.get(name) ?? null) : null),
    use,
  }
}

/** The last that there was. */
function settingsOf<T>(now: () => T | undefined): () => T {
  let last = now()!
  return () => {
    last = now() ?? last
    return last
  }
}
