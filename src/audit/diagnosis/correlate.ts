import type { Correlation, Failure } from '../inventory/failure.ts'

/** One thing that several failures have in common. */
interface Shared {
  readonly kind: string
  readonly value: string
}

interface Group {
  readonly shared: Shared | null
  readonly failures: Failure[]
  readonly names: Set<string>
}

const MAX_CORRELATIONS = 100

/**
 * What failures of one class have in common, the largest explanation first: "37 names, one address (192.0.2.7), since
 * 14:02". A failure is counted under the explanation that covers most. Groups of one name and one failure say nothing
 * and are left out. `now` is in µs since 1970; what began on another day is told with its day. Pure.
 */
export function correlate(failures: readonly Failure[], now: number): Correlation[] {
  const found: Correlation[] = []
  for (const ofClass of byClass(failures).values()) found.push(...explain(ofClass, now))
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

function byClass(failures: readonly Failure[]): Map<string, Failure[]> {
  const classes = new Map<string, Failure[]>()
  const seen = new Set<string>()
  for (const failure of failures) {
    if (seen.has(failure.id)) continue
    seen.add(failure.id)
    const list = classes.get(failure.diagnosis.class)
    if (list) list.push(failure)
    else classes.set(failure.diagnosis.class, [failure])
  }
  return classes
}

/** Takes the largest group away again and again, so that no failure is explained twice. */
function explain(failures: readonly Failure[], now: number): Correlation[] {
  const groups = new Map<string, Group>()
  const places = new Map<Failure, Group[]>()
  for (const failure of failures) {
    const list: Group[] = []
    for (const shared of sharedBy(failure)) {
      const key = `${shared.kind} ${shared.value}`
      const group = groups.get(key) ?? { shared, failures: [], names: new Set() }
      groups.set(key, group)
      group.failures.push(failure)
      for (const name of failure.names) group.names.add(name)
      list.push(group)
    }
    places.set(failure, list)
  }
  const ordered = [...groups.values()].filter(tells).sort(larger)
  const explained = new Set<Failure>()
  const found: Correlation[] = []
  for (const group of ordered) {
    const left = group.failures.filter((failure) => !explained.has(failure))
    const rest = { shared: group.shared, failures: left, names: namesOf(left) }
    if (!tells(rest)) continue
    for (const failure of left) explained.add(failure)
    found.push(correlation(rest, now))
  }
  return found
}

/** More than one failure restated: several names, or the same again. */
function tells({ failures, names }: Group): boolean {
  return failures.length > 1 && (names.size > 1 || failures.length > 2)
}

function larger(a: Group, b: Group): number {
  return (
    b.names.size - a.names.size ||
    b.failures.length - a.failures.length ||
    rank(a.shared) - rank(b.shared) ||
    compare(a.shared?.value ?? '', b.shared?.value ?? '')
  )
}

/** Among equals, what leads closest to the cause. */
const RANK = [
  'address',
  'zone',
  'record',
  'limit',
  'redirect target',
  'other server',
  'domain',
  'name',
  'client',
  'host',
  'account',
  'program',
  'CA',
]

function rank(shared: Shared | null): number {
  const index = RANK.indexOf(shared?.kind ?? '')
  return index === -1 ? RANK.length : index
}

function sharedBy(failure: Failure): Shared[] {
  const { diagnosis, names, client, account, ca } = failure
  const { details } = diagnosis
  const shared: Shared[] = []
  const add = (kind: string, value: string | null | undefined) => {
    if (value) shared.push({ kind, value })
  }
  add('address', details.address)
  add('zone', zoneOf(details))
  if (diagnosis.class === 'caa') add('record', details.name)
  if (diagnosis.class === 'rate-limit')
    add('limit', details.key ? `${details.limit} ${details.key}` : (details.limit ?? null))
  add('redirect target', diagnosis.class === 'bad-redirect' ? details.target : null)
  add('other server', details.server)
  for (const domain of new Set(names.flatMap(domainsOf))) add('domain', domain)
  if (names.length === 1) add('name', names[0])
  add('client', client?.label)
  add('host', client?.source)
  add('program', client?.program)
  add('account', account?.url)
  add('CA', ca)
  return shared
}

/** The zone whose servers failed, or the resolver that did. */
function zoneOf(details: Readonly<Record<string, string>>): string | null {
  return details.resolver ?? details.zone ?? null
}

/** Every suffix of at least two labels, so that names meet at the longest one they have in common. */
function domainsOf(name: string): string[] {
  const labels = name.replace(/^\*\./, '').toLowerCase().split('.')
  if (labels.length < 2 || /^[\d.]+$/.test(name) || name.includes(':')) return []
  const domains: string[] = []
  for (let i = 0; i <= labels.length - 2 && domains.length < 8; i += 1)
    domains.push(labels.slice(i).join('.'))
  return domains
}

function namesOf(failures: readonly Failure[]): Set<string> {
  return new Set(failures.flatMap(({ names }) => names))
}

function correlation({ shared, failures, names }: Group, now: number): Correlation {
  const times = failures.map(({ at }) => at).sort(compare)
  const since = times[0]!
  const last = times.at(-1)!
  return {
    class: failures[0]!.diagnosis.class,
    shared,
    names: names.size,
    failures: failures.length,
    since,
    last,
    says: says(shared, names.size, failures.length, since, now),
    examples: failures.slice(0, 5).map(({ id }) => id),
  }
}

function says(shared: Shared | null, names: number, failures: number, since: string, now: number): string {
  const many = names > 1 ? `${names} names` : `${failures} failures`
  const of = shared === null ? '' : `, one ${shared.kind} (${shared.value})`
  const sameDay = since.slice(0, 10) === new Date(now / 1000).toISOString().slice(0, 10)
  return `${many}${of}, since ${sameDay ? since.slice(11, 16) : `${since.slice(0, 10)} ${since.slice(11, 16)}`}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
