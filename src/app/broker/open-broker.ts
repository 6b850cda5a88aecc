import type { Vitals } from '../../alerts/vitals.ts'
import type { BrokerOperations } from '../../api/broker-operations.ts'
import type { LocalCaOperations } from '../../api/local-ca-operations.ts'
import type { EventRecorder } from '../../audit/keeping.ts'
import { Broker } from '../../broker/broker.ts'
import type { BrokerStore } from '../../broker/broker-store.ts'
import type { Endpoint } from '../../broker/endpoint.ts'
import { createIssuances } from '../../broker/issuances/create-issuances.ts'
import type { IssuanceEvent } from '../../broker/issuances/issuance-parts.ts'
import type { LocalCaStore } from '../../broker/local-ca/local-ca-store.ts'
import type { LocalCa } from '../../broker/local-ca/open-local-ca.ts'
import { MemoryNonces } from '../../broker/memory-nonces.ts'
import { createOperations } from '../../broker/operations/operations.ts'
import { urlOf } from '../../broker/url-map.ts'
import { createValidate } from '../../broker/validation/validate.ts'
import { Validations } from '../../broker/validation/validations.ts'
import type { OwnAddresses } from '../../ca/own-addresses.ts'
import type { Config } from '../../config/schema.ts'
import type { EngineParts } from '../../engine/engine-parts.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { Closing } from '../closing.ts'
import { brokerFailPointOf } from '../engine/fail-point.ts'
import { resolversOf } from '../resolvers.ts'
import { LOCAL } from '../vitals.ts'
import { brokerOperations } from './broker-operations.ts'
import { forgetting } from './forgetting.ts'
import { localCaOperations } from './local-ca-operations.ts'
import { openIssuers } from './open-issuers.ts'

export interface BrokerHost {
  readonly config: () => Config
  readonly endpoints: () => readonly Endpoint[]
  readonly store: BrokerStore & LocalCaStore
  readonly engine: EngineParts
  readonly own: OwnAddresses
  readonly events: EventRecorder
  readonly clock: Clock
  readonly onEvent: (event: IssuanceEvent) => void
  readonly onFault: (error: unknown) => void
}

/** acmetap as an ACME server, at work. */
export interface OpenBroker {
  readonly broker: Broker
  readonly operations: BrokerOperations
  readonly localCaOperations: LocalCaOperations
  localCa(name: string): LocalCa | null
  localRoots(): Promise<Vitals['roots']>
  /** The configuration has changed. */
  use(): Promise<void>
}

/** Goes on with the orders and challenges that are open. Rejects with LocalCaError, and what the store rejects with. */
export async function openBroker(host: BrokerHost, closing: Closing): Promise<OpenBroker> {
  const { store, clock, endpoints, onFault } = host
  const issuers = await openIssuers(host, closing)
  const issuances = createIssuances({
    store,
    issuer: issuers.issuer,
    endpoints,
    clock,
    onEvent: host.onEvent,
    failPoint: brokerFailPointOf(process.env.ACMETAP_FAILPOINTS),
  })
  closing.add(() => issuances.close())
  const validations = new Validations({
    store,
    validate: createValidate({ own: host.own, resolvers: () => resolversOf(host.config()) }),
    settled: (authorization) => issuances.settled(authorization),
    endpoints,
    accountUrl: (endpoint, account) => urlOf(endpoint, 'account', [account]),
    clock,
    onBug: onFault,
  })
  closing.add(() => validations.close())
  const operations = createOperations({
    store,
    issuances,
    validations,
    issuer: issuers.issuer,
    sealing: host.engine.sealing,
    clock,
  })
  const broker = new Broker({
    endpoints,
    store,
    nonces: new MemoryNonces(),
    operations,
    onBug: onFault,
  })
  closing.add(() => broker.close())
  await issuances.start()
  await validations.start()
  closing.add(forgetting({ store, clock, onFault }))
  const { sealing } = host.engine
  const standing = (ca: string) => issuances.standings().find((one) => one.ca === ca)!
  return {
    broker,
    operations: brokerOperations({
      store,
      sealing,
      clock,
      events: host.events,
      endpoints,
      isLocal: (ca) => Object.hasOwn(host.config().local_cas, ca),
      standing,
      accountFault: (ca) => accountFault(host.config(), host.engine.accounts, ca),
      drill: issuances.drill,
    }),
    localCaOperations: localCaOperations({
      ca: issuers.localCa,
      store,
      endpoints: () => endpoints().map(({ name }) => name),
      events: host.events,
    }),
    localCa: issuers.localCa,
    localRoots: () => localRoots(Object.keys(host.config().local_cas), issuers.localCa),
    use: issuers.use,
  }
}

async function accountFault(
  { cas }: Config,
  accounts: EngineParts['accounts'],
  ca: string,
): Promise<string | null> {
  if (!Object.hasOwn(cas, ca)) return null
  const own = (await accounts.all()).filter((account) => account.ca === ca)
  if (own.some(({ status }) => status === 'valid')) return null
  if (own.length === 0)
    return `acmetap has no account there yet; the first order makes one, or acmetap engine accounts register ${ca}`
  const [last] = own.toSorted((one, other) => other.createdAt - one.createdAt)
  return last!.status === 'creating'
    ? `acmetap's account there could not be made; acmetap engine accounts register ${ca} says why`
    : `acmetap's account there is ${last!.status}; acmetap engine accounts register ${ca} makes another`
}

/** One that has no issuer yet, or one that can't be read, has no end. */
async function localRoots(
  names: readonly string[],
  localCa: (name: string) => LocalCa | null,
): Promise<Vitals['roots']> {
  const found = await Promise.all(
    names.map(async (name) => {
      const issuer = await localCa(name)
        ?.current()
        .catch(() => null)
      if (!issuer) return []
      return [
        {
          name: `${LOCAL}${name}`,
          fingerprint: issuer.fingerprint,
          notAfter: Math.floor(issuer.notAfter / 1000),
          run: `acmetap local-ca create ${name} --next (under an offline root: acmetap local-ca csr ${name})`,
          harm: 'It signs nothing that would outlive it, and what it signed is refused from then on.',
        },
      ]
    }),
  )
  return found.flat()
}
