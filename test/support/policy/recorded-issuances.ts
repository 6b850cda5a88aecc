import { intentFact } from '../../../src/audit/intent.ts'
import { KEEP_ALL } from '../../../src/audit/privacy.ts'
import type { FactDraft } from '../../../src/audit/record.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { entryOf, outcomeOf } from '../facts.ts'
import { BEGAN, type Step } from './issuances.ts'

const AT_ONCE = 2_000
export const CONTEXT = {
  tenant: 'default',
  instance: 'acmetap',
  configDigest: 'a'.repeat(64),
  policyDigest: null,
  privacy: KEEP_ALL,
}

/** What the recorder writes of a step, under no policy. */
export function factOf(step: Step): FactDraft {
  const { exchange, asked } = step
  if (step.kind === 'request')
    return intentFact({ ...exchange, asked, decision: { effect: 'allow' } }, CONTEXT)
  const { at, status, account } = step
  const outcome = status === null ? ('failed' as const) : ('response' as const)
  return outcomeOf(exchange.id, { at, content: { outcome, status, account } })
}

/** Writes them into a record of their own; gives the number of facts. */
export async function recordSteps(folder: string, steps: Iterable<Step>): Promise<number> {
  const store = await openSqliteStore({ folder, now: BEGAN, boot: newExchangeId(), software: 'test' })
  let facts: FactDraft[] = []
  let written = 0
  const write = async () => {
    if (facts.length > 0) await store.store.append(entryOf(facts))
    written += facts.length
    facts = []
  }
  for (const step of steps) {
    facts.push(factOf(step))
    if (facts.length >= AT_ONCE) await write()
  }
  await write()
  await store.close()
  return written
}
