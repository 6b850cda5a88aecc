import type { Operation } from '../acme/operation.ts'
import { DECIDED_OPERATIONS } from './decided-operations.ts'

/**
 * `here`: the condition is asked at this operation. `later`: at another one of the same issuance. `no`: it is about
 * nothing that this operation has. `?`: nobody can say, for what the request is, is not known.
 */
export type Asking = 'here' | 'later' | 'no' | '?'

/** Conditions that are asked at the same operations. */
export type Family = 'request' | 'name' | 'count' | 'order' | 'budget' | 'csr' | 'webhook'

/** An authorization names one of its order's names, or is known by all of them: how many there are is asked of the order. Columns stand in the order of {@link DECIDED_OPERATIONS}. */
const TABLE: Readonly<Record<Family, string>> = {
  //        newAccount account keyChange newOrder newAuthz authorization challenge order finalize certificate revokeCert unrecognised
  request: `here       here    here      here     here     here          here      here  here     here        here       here`,
  name: `   no         no      no        here     here     here          here      here  here     here        here       ?`,
  count: `  no         no      no        here     later    later         later     here  here     here        here       ?`,
  order: `  no         no      no        here     later    here          here      here  here     here        no         ?`,
  budget: ` no         no      no        here     later    later         later     later later    later       no         ?`,
  csr: `    no         no      no        later    later    later         later     later here     later       no         ?`,
  webhook: `here       here    here      here     here     later         later     later here     later       here       ?`,
}

const ASKED = new Map(
  Object.entries(TABLE).map(([family, row]) => {
    const cells = row.trim().split(/ +/) as Asking[]
    return [
      family,
      new Map<Operation, Asking>(DECIDED_OPERATIONS.map((operation, i) => [operation, cells[i]!])),
    ]
  }),
)

/** Operations that policy never decides have nothing to ask. */
export function askedWhere(family: Family, operation: Operation): Asking {
  return ASKED.get(family)!.get(operation) ?? 'no'
}

/** Requests that are about names, or whose names nobody can tell. */
export function isAboutNames(operation: Operation): boolean {
  return askedWhere('name', operation) !== 'no'
}
