import type { EngineOperations } from '../../api/engine-operations.ts'

/** The engine behind `opened`, opened with the first question to it. */
export function engineWhenAsked(opened: () => Promise<EngineOperations>): EngineOperations {
  return {
    accounts: async (...given) => (await opened()).accounts(...given),
    register: async (...given) => (await opened()).register(...given),
    updateContact: async (...given) => (await opened()).updateContact(...given),
    rollOver: async (...given) => (await opened()).rollOver(...given),
    deactivate: async (...given) => (await opened()).deactivate(...given),
    certificates: async (...given) => (await opened()).certificates(...given),
    jobs: async (...given) => (await opened()).jobs(...given),
    async *issue(...given) {
      yield* (await opened()).issue(...given)
    },
    async *renew(...given) {
      yield* (await opened()).renew(...given)
    },
    revoke: async (...given) => (await opened()).revoke(...given),
    plans: async (...given) => (await opened()).plans(...given),
    plan: async (...given) => (await opened()).plan(...given),
    makePlan: async (...given) => (await opened()).makePlan(...given),
    async *applyPlan(...given) {
      yield* (await opened()).applyPlan(...given)
    },
    pickup: async (...given) => (await opened()).pickup(...given),
    dnsRegistrations: async (...given) => (await opened()).dnsRegistrations(...given),
    registerDns: async (...given) => (await opened()).registerDns(...given),
    removeDnsRegistration: async (...given) => (await opened()).removeDnsRegistration(...given),
  }
}
