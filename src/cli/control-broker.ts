import type {
  BrokerOperations,
  BrokerStatus,
  CreatedEabKey,
  ShownBrokerOrder,
  ShownDrill,
  ShownEabKey,
} from '../api/broker-operations.ts'
import { filterQuery } from '../api/filter-query.ts'

interface Calls {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
}

/** The broker of the server behind a control socket. */
export function remoteBroker({ get, post }: Calls): BrokerOperations {
  return {
    status: () => get<BrokerStatus>('/broker'),
    orders: async (filter) =>
      (await get<{ orders: ShownBrokerOrder[] }>(`/broker/orders?${filterQuery(filter)}`)).orders,
    startDrill: (request) => post<ShownDrill>('/broker/drills', request),
    stopDrills: async (ca) =>
      (await post<{ drills: ShownDrill[] }>('/broker/drills/stop', ca === null ? {} : { ca })).drills,
    eabKeys: async () => (await get<{ keys: ShownEabKey[] }>('/broker/eab-keys')).keys,
    createEabKey: (request) => post<CreatedEabKey>('/broker/eab-keys', request),
    revokeEabKey: (id) => post<ShownEabKey>(`/broker/eab-keys/${encodeURIComponent(id)}/revoke`),
  }
}
