import type { Correlation, Failure } from '../inventory/failure.ts'
import type { DiagnosisClass } from './classes.ts'
import { type Neighbour, neighbourOf, refine } from './refine.ts'
import { type Shared, sharedBy, weightOf } from './shared.ts'

interface Group {
  readonly shared: Shared | null
  readonly failures: readonly Failure[]
  readonly names: ReadonlySet<string>
}

const MAX_CORRELATIONS = 100

/**
 * What failures of one class have in common, the largest explanation first: "37 names, one address (192.0.2.7), since
 * 14:02". A failure counts under one explanation, the one that covers most names; close causes (an address, a resolver)
 * weigh more than circumstances (a client program, a CA). What one failure says alone is left out.
 *
 * `now` is in µs since 1970; what began on another day is told with its day. `others` are validations that succeeded
 * nearby, so that classes can be told from their neighbours (`refine.ts`). Pure; the order of `failures` does not matter.
 */
export function correlate(
  failures: readonly Failure[],
  now: number,
  others: readonly Neighbour[] = [],
): Correlation[] {
  const found: Correlation[] = []
  for (const [name, list] of byClass(failures, others))
    for (const group of explain(list)) found.push(correlation(name, group, now))
  return found
    .sort(
      (a, b) =>
        b.names - a.names ||
        b.failures - a.failures ||
        compare(a.class, b.class) ||
        compare(a.shared?.value ?? '', b.shared?.value ?? ''),
    )
    .slice(0, MAX_CORRELATIONS)
}

function byClass(
  failures: readonly Failure[],
  others: readonly Neighbour[],
): Map<DiagnosisClass, readonly Failure[]> {
  const distinct = [...new Map(failures.map((failure) => [failure.id, failure])).values()].sort(
    (a, b) => compare(a.at, b.at) || compare(a.id, b.id),
  )
  const near = neighboursIn(distinct, others)
  const classes = new Map<DiagnosisClass, Failure[]>()
  for (const failure of distinct) {
    const diagnosis = refine(failure, near(failure))
    const list = classes.get(diagnosis.class) ?? []
    list.push(diagnosis === failure.diagnosis ? failure : { ...failure, diagnosis })
    classes.set(diagnosis.class, list)
  }
  return classes
}

/** The neighbours that could matter to a failure: of its client, or of one of its names. */
function neighboursIn(
  failures: readonly Failure[],
  others: readonly Neighbour[],
): (failure: Failure) => readonly Neighbour[] {
  const nonces = new Map<string, Neighbour[]>()
  for (const failure of failures) {
    if (failure.diagnosis.class !== 'bad-nonce' || !failure.client) continue
    const list = nonces.get(failure.client.id) ?? []
    list.push(neighbourOf(failure))
    nonces.set(failure.client.id, list)
  }
  const byName = new Map<string, Neighbour[]>()
  for (const other of others) {
    for (const name of other.names) {
      const list = byName.get(name) ?? []
      list.push(other)
      byName.set(name, list)
    }
  }
  return (failure) =>
    failure.diagnosis.class === 'bad-nonce'
      ? (nonces.get(failure.client?.id ?? '') ?? [])
      : failure.names.flatMap((name) => byName.get(name) ?? [])
}

/** Failures not yet explained that share one thing. */
interface Candidate {
  readonly shared: Shared
  readonly left: Set<Failure>
  /** Null until it is weighed anew. */
  weight: number | null
}

/** Takes the weightiest group away again and again, so that no failure is explained twice. */
function explain(failures: readonly Failure[]): Group[] {
  const candidates = new Map<string, Candidate>()
  const places = new Map<Failure, Candidate[]>()
  for (const failure of failures) {
    const mine = sharedBy(failure).map((shared) => {
      const key = `${shared.kind} ${shared.value}`
      const candidate = candidates.get(key) ?? { shared, left: new Set<Failure>(), weight: null }
      candidates.set(key, candidate)
      candidate.left.add(failure)
      return candidate
    })
    places.set(failure, mine)
  }
  const found: Group[] = []
  while (found.length < MAX_CORRELATIONS) {
    const best = weightiest(candidates)
    if (!best) break
    const group = groupOf(best.shared, [...best.left])
    for (const failure of group.failures)
      for (const candidate of places.get(failure)!) {
        candidate.left.delete(failure)
        candidate.weight = null
      }
    found.push(group)
  }
  const explained = new Set(found.flatMap((group) => group.failures))
  const rest = groupOf(
    null,
    failures.filter((failure) => !explained.has(failure)),
  )
  return tells(rest) ? [...found, rest] : found
}

/** Of equal ones, the longest value: the longest domain that names have in common. */
function weightiest(candidates: Map<string, Candidate>): Candidate | null {
  let best: Candidate | null = null
  for (const [key, candidate] of candidates) {
    candidate.weight ??= weigh(candidate)
    if (candidate.weight === 0) candidates.delete(key)
    else if (best === null || isHeavier(candidate, best)) best = candidate
  }
  return best
}

function isHeavier(a: Candidate, b: Candidate): boolean {
  const difference =
    a.weight! - b.weight! ||
    a.shared.value.length - b.shared.value.length ||
    compare(b.shared.value, a.shared.value)
  return difference > 0
}

/** 0 where it tells nothing. */
function weigh({ shared, left }: Candidate): number {
  const group = groupOf(shared, [...left])
  return tells(group) ? Math.max(group.names.size, left.size / 10) * weightOf(shared) : 0
}

function groupOf(shared: Shared | null, failures: readonly Failure[]): Group {
  return { shared, failures, names: new Set(failures.flatMap(({ names }) => names)) }
}

/** More than one failure restated. */
function tells({ failures, names }: Group): boolean {
  return failures.length > 1 && (names.size > 1 || failures.length > 2)
}

function correlation(name: DiagnosisClass, { shared, failures, names }: Group, now: number): Correlation {
  const since = failures[0]!.at
  return {
    class: name,
    shared,
    names: names.size,
    failures: failures.length,
    since,
    last: failures.at(-1)!.at,
    says: says(shared, names.size, failures.length, since, now),
    examples: failures.slice(0, 5).map(({ id }) => id),
  }
}

function says(shared: Shared | null, names: number, failures: number, since: string, now: number): string {
  const many = names > 1 ? `${names} names` : `${failures} failures`
  const common = shared === null ? '' : `, one ${shared.kind} (${shared.value})`
  const sameDay = since.slice(0, 10) === new Date(now / 1000).toISOString().slice(0, 10)
  return `${many}${common}, since ${sameDay ? '' : `${since.slice(0, 10)} `}${since.slice(11, 16)}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
