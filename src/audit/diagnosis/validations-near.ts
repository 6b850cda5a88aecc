import type { Failure } from '../inventory/failure.ts'
import type { InventoryReader } from '../inventory/inventory-reader.ts'
import { nameFilter } from '../inventory/values.ts'
import type { DiagnosisClass } from './classes.ts'
import { NEAR, type Neighbour } from './refine.ts'

/** Those that a validation of the same name nearby tells from another class: see `refine.ts`. */
const REFINED: ReadonlySet<DiagnosisClass> = new Set([
  'http-not-found',
  'wrong-body',
  'other-server',
  'txt-missing',
  'txt-wrong',
])
/** A question for each name: of more, those that failed last. */
const MOST_NAMES = 200
const MOST_CHALLENGES = 100
/** ms. A challenge is first seen when it is offered, some time before it is judged. */
const OFFERED_BEFORE = 24 * 3_600_000

/**
 * Validations that succeeded for the names of such failures, not long before or after them: the neighbours that
 * `correlate` can't know from failures. `failures` are newest first. No question is asked where none would matter.
 */
export async function validationsNear(
  inventory: Pick<InventoryReader, 'challenges'>,
  failures: readonly Failure[],
): Promise<Neighbour[]> {
  const found: Neighbour[] = []
  for (const [text, { first, last }] of timesByName(failures)) {
    // A client may have asked for what is no name.
    const name = nameFilter.safeParse(text)
    if (!name.success || name.data.kind !== 'exact') continue
    const { items } = await inventory.challenges({
      name: name.data,
      status: 'valid',
      since: (first - NEAR - OFFERED_BEFORE) * 1000,
      until: (last + NEAR) * 1000,
      limit: MOST_CHALLENGES,
    })
    for (const { judgedAt, type, identifier } of items) {
      if (judgedAt === null || identifier === null) continue
      const names = [identifier.value]
      found.push({ at: judgedAt, names, client: null, challengeType: type, class: null })
    }
  }
  return found
}

/** First and last failure of each name, in ms. */
function timesByName(failures: readonly Failure[]): Map<string, { first: number; last: number }> {
  const times = new Map<string, { first: number; last: number }>()
  for (const { at, names, diagnosis } of failures) {
    if (!REFINED.has(diagnosis.class)) continue
    const time = Date.parse(at)
    for (const name of names) {
      const known = times.get(name)
      if (known) {
        known.first = Math.min(known.first, time)
        known.last = Math.max(known.last, time)
      } else if (times.size < MOST_NAMES) times.set(name, { first: time, last: time })
    }
  }
  return times
}
