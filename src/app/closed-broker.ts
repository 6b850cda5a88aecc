import type { BrokerOperations } from '../api/broker-operations.ts'
import { OperationRefused } from '../api/operations.ts'

/** The broker of a server that has none: refuses everything in words. */
export function closedBroker(): BrokerOperations {
  const refused = async (): Promise<never> => {
    throw new OperationRefused('there is no broker on this server: add an endpoint under broker', 409)
  }
  return {
    status: refused,
    orders: refused,
    startDrill: refused,
    stopDrills: refused,
    eabKeys: refused,
    createEabKey: refused,
    revokeEabKey: refused,
  }
}
