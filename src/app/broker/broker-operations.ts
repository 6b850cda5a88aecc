import type {
  BrokerOperations,
  BrokerOrderFilter,
  ShownBrokerCa,
  ShownBrokerOrder,
  ShownDrill,
  ShownEndpoint,
} from '../../api/broker-operations.ts'
import { OperationRefused } from '../../api/operations.ts'
import type { Endpoint } from '../../broker/endpoint.ts'
import type { BrokerAccount, BrokerOrder } from '../../broker/objects.ts'
import type { CaStanding } from '../../broker/routing/ca-health.ts'
import type { Drill, DrillEntry } from '../../broker/routing/drill.ts'
import { urlOf } from '../../broker/url-map.ts'
import { type EabParts, eabOperations, instantOf } from './eab-operations.ts'

export interface BrokerOperationsParts extends EabParts {
  /** Whether it is under local_cas. */
  readonly isLocal: (ca: string) => boolean
  readonly standing: (ca: string) => CaStanding
  /** What is wrong with acmetap's own account at a CA, in one line; null: nothing. Left out: nobody looks. */
  readonly accountFault?: (ca: string) => Promise<string | null>
  readonly drill: Drill
}

const SECOND = 1_000_000

/** What both front ends can ask of the broker. */
export function brokerOperations(parts: BrokerOperationsParts): BrokerOperations {
  const { store, clock, events, endpoints, drill } = parts
  return {
    ...eabOperations(parts),
    async status() {
      const open = await store.openOrders()
      return {
        endpoints: endpoints().map((endpoint) => shownEndpoint(endpoint, open)),
        cas: await Promise.all(
          casOf(endpoints()).map(async (ca) => {
            const shown = shownCa(parts.standing(ca), parts.isLocal(ca))
            // A CA that was never needed may turn out to be none on the night it is.
            return { ...shown, why: shown.why ?? (await parts.accountFault?.(ca)) ?? null }
          }),
        ),
        drills: drill.list().map(shownDrill),
        openOrders: open.length,
      }
    },
    async orders({ endpoint, ca, open, limit }) {
      const found =
        open === true
          ? (await store.openOrders()).filter((order) => fits(order, { endpoint, ca })).slice(0, limit)
          : await store.orders({
              limit,
              ...(endpoint === undefined ? {} : { endpoint }),
              ...(ca === undefined ? {} : { ca }),
            })
      const accounts = new Map<string, BrokerAccount | null>()
      for (const order of found) {
        if (!accounts.has(order.account))
          accounts.set(order.account, await store.account(order.endpoint, order.account))
      }
      const kept = open === false ? found.filter(hasEnded) : found
      return kept.map((order) => shownOrder(order, accounts.get(order.account)?.label ?? null))
    },
    async startDrill(request, actor) {
      const { ca, labels = null } = request
      const known = casOf(endpoints())
      if (!known.includes(ca))
        throw new OperationRefused(
          `no endpoint under broker uses the CA ${JSON.stringify(ca)}; known: ${known.join(', ') || 'none'}`,
          404,
        )
      const entry: DrillEntry = { ca, labels, until: clock.now().wall + request.for * SECOND }
      await events.record(actor, { event: 'drillStarted', ...entry })
      drill.set(entry)
      return shownDrill(entry)
    },
    async stopDrills(ca, actor) {
      const stopped = drill.list().filter((entry) => ca === null || entry.ca === ca)
      if (ca !== null && stopped.length === 0)
        throw new OperationRefused(`there is no drill of ${JSON.stringify(ca)}`, 404)
      for (const entry of stopped) {
        drill.clear(entry.ca)
        await events.record(actor, { event: 'drillStopped', ...entry })
      }
      return stopped.map(shownDrill)
    },
  }
}

function casOf(endpoints: readonly Endpoint[]): readonly string[] {
  return [...new Set(endpoints.flatMap(({ cas, routes }) => [...cas, ...routes.flatMap((one) => one.cas)]))]
}

function shownEndpoint(endpoint: Endpoint, open: readonly BrokerOrder[]): ShownEndpoint {
  const { name, staging, cas, proof, eab, labels } = endpoint
  return {
    ...{ name, staging, cas, proof, eab },
    directory: urlOf(endpoint, 'directory'),
    labels: labels.map((label) => ({
      name: label.name,
      directory: urlOf(endpoint, 'directory', [], label.name),
    })),
    openOrders: open.filter((order) => order.endpoint === name).length,
  }
}

/** A CA that limits some of what is asked is not down: its circuit is closed, and there is something to say. */
function shownCa({ ca, state, why, until, limits }: CaStanding, isLocal: boolean): ShownBrokerCa {
  const limit = limits.count > 0 && limits.why !== null ? `limits orders: ${limits.why}` : null
  const ends = until ?? limits.until
  return {
    name: ca,
    kind: isLocal ? 'local' : 'acme',
    state,
    why: why ?? limit,
    until: ends === null ? null : instantOf(ends),
  }
}

function shownDrill({ ca, labels, until }: DrillEntry): ShownDrill {
  return { ca, labels, until: instantOf(until) }
}

function shownOrder(order: BrokerOrder, label: string | null): ShownBrokerOrder {
  const { id, endpoint, account, status, identifiers, profile, upstream, error, issuance } = order
  return {
    ...{ id, endpoint, account, label, status, identifiers, profile, issuance },
    ca: upstream.ca,
    candidates: upstream.candidates,
    left: upstream.left,
    error: error === null ? null : (error.detail ?? error.type ?? null),
    createdAt: instantOf(order.createdAt),
    changedAt: instantOf(order.changedAt),
    expiresAt: instantOf(order.expiresAt),
  }
}

function fits(
  order: BrokerOrder,
  { endpoint, ca }: { [K in 'endpoint' | 'ca']: BrokerOrderFilter[K] | undefined },
): boolean {
  return (
    (endpoint === undefined || order.endpoint === endpoint) && (ca === undefined || order.upstream.ca === ca)
  )
}

function hasEnded({ status }: BrokerOrder): boolean {
  return status === 'valid' || status === 'invalid'
}
