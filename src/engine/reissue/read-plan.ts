import type { EngineStore } from '../engine-store.ts'
import { standing } from './apply-plan.ts'
import type { PlanWithLines } from './make-plan.ts'

type Store = Pick<EngineStore, 'plan' | 'lines' | 'job'>

/** A plan as it stands: what the engine has finished by itself after a line was given up counts too. Null: there is none. */
export async function readPlan(store: Store, id: string): Promise<PlanWithLines | null> {
  const plan = await store.plan(id)
  if (plan === null) return null
  const lines = await store.lines(id)
  return {
    plan,
    lines: await Promise.all(
      lines.map(async (line) => {
        if (line.job === null || (line.state !== 'failed' && line.state !== 'running')) return line
        const job = await store.job(line.job)
        return job?.step === 'done' ? standing(line, job) : line
      }),
    ),
  }
}

/** PEM chain that a line obtained; null where there is none. */
export async function pickupOf(store: Store, plan: string, line: number): Promise<string | null> {
  const found = (await readPlan(store, plan))?.lines.find((each) => each.line === line)
  if (found?.state !== 'done' || found.job === null) return null
  return (await store.job(found.job))?.chain ?? null
}
