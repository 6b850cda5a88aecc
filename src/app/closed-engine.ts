import type { EngineOperations } from '../api/engine-operations.ts'
import { OperationRefused } from '../api/operations.ts'

/** The engine of a server that has none: refuses everything in words. */
export function closedEngine(): EngineOperations {
  const refuse = (): never => {
    throw new OperationRefused('the engine is not open on this server', 409)
  }
  const refused = async () => refuse()
  // biome-ignore lint/correctness/useYield: it ends before its first event
  const nothing = async function* (): AsyncGenerator<never> {
    refuse()
  }
  return {
    accounts: refused,
    register: refused,
    updateContact: refused,
    rollOver: refused,
    deactivate: refused,
    certificates: refused,
    jobs: refused,
    issue: nothing,
    renew: nothing,
    revoke: refused,
    plans: refused,
    plan: refused,
    makePlan: refused,
    applyPlan: nothing,
    pickup: refused,
    dnsRegistrations: refused,
    registerDns: refused,
    removeDnsRegistration: refused,
  }
}
