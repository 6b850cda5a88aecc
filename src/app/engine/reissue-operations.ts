import type { EngineOperations } from '../../api/engine-operations.ts'
import { OperationRefused } from '../../api/operations.ts'

type ReissueOperations = Pick<EngineOperations, 'plans' | 'plan' | 'makePlan' | 'applyPlan' | 'pickup'>

export function reissueOperations(_parts: unknown) {
  const refuse = async (): Promise<never> => {
    throw new OperationRefused('not yet', 409)
  }
  const operations: ReissueOperations = {
    plans: refuse,
    plan: refuse,
    makePlan: refuse,
    // biome-ignore lint/correctness/useYield: placeholder
    async *applyPlan() {
      await refuse()
    },
    pickup: refuse,
  }
  return { operations, start() {}, use() {}, async close() {} }
}
