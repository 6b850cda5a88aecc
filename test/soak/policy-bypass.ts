import type { AmbiguousRequest } from '../support/ambiguous-requests.ts'
import {
  attempts,
  baseSpellings,
  DENYING,
  GRANTING,
  type Protection,
} from '../support/policy-bypass/protected.ts'
import { judgeArrivals, tryAll } from '../support/policy-bypass/run.ts'
import { sample } from '../support/policy-bypass/sample.ts'
import { type BypassWorld, openBypassWorld } from '../support/policy-bypass/world.ts'
import { generated } from '../support/policy-names/generated.ts'
import type { Spelling } from '../support/policy-names/question.ts'
import { random, type Soak } from './soak.ts'

const LANES = 12

export interface BypassSize {
  readonly spellings: readonly Spelling[]
  /** Every so many counts and positions of names. */
  readonly each: number
  /** Requests that can be read in two ways; all of them where it is left out. */
  readonly cases?: readonly AmbiguousRequest[]
}

/** In relay and in intercept, against a policy that denies and against one that grants. */
export async function runPolicyBypass(
  { spellings, ...size }: BypassSize,
  progress: (line: string) => void,
): Promise<{ figures: Record<string, number>; failures: string[] }> {
  const figures: Record<string, number> = {}
  const failures: string[] = []
  const world = await openBypassWorld(DENYING.policy, LANES)
  try {
    await against(world, DENYING, 'denying')
    await world.use(GRANTING.policy)
    await against(world, GRANTING, 'granting')
  } finally {
    await world.close()
  }
  return { figures, failures }

  async function against(world: BypassWorld, protection: Protection, kind: string): Promise<void> {
    for (const lane of world.lanes) await lane.begin(protection.innocent)
    const before = world.ca.arrivals.length
    const tried = await tryAll(world, attempts(protection, spellings, world.csrKey, size))
    const arrived = await judgeArrivals(world.ca.arrivals.slice(before), protection.scope)
    progress(`${kind}: ${tried.attempts} attempts, ${arrived.requests} arrived`)
    figures[`${kind}: attempts`] = tried.attempts
    figures[`${kind}: refused`] = tried.denied
    figures[`${kind}: arrived at the CA`] = arrived.requests
    figures[`${kind}: different names that arrived`] = arrived.names
    figures[`${kind}: bypasses`] = arrived.bypasses.length
    failures.push(...tried.faults, ...arrived.bypasses.slice(0, 40))
    if (tried.attempts - tried.denied !== arrived.requests)
      failures.push(`${kind}: ${tried.attempts - tried.denied} passed, ${arrived.requests} arrived`)
  }
}

export const policyBypass: Soak = {
  proves:
    'no way to write a request gets a protected name through the whole server, in relay and intercept (threats W8, J9, J17, J18)',
  unit: 'spellings, each in five requests, two modes and against two policies',
  size: 8000,
  async run({ size, seed, progress }) {
    const next = random(seed)
    const table = baseSpellings()
    const more = generated(Math.max(0, size - table.length), next).questions
    const spellings = [...sample(table, size), ...more]
    const { figures, failures } = await runPolicyBypass({ spellings, each: 1 }, progress)
    return { figures: { seed, spellings: spellings.length, ...figures }, failures, late: [] }
  },
}
