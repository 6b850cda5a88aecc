import { isIP } from 'node:net'
import type { Alert } from '../alert.ts'

/** Counts over alerts that are told together: small, whatever their number. Plain JSON. */
export interface Tally {
  readonly alerts: number
  readonly occurrences: number
  /** RFC 3339: when the first of them was seen first. */
  readonly since: string
  /** Of each kind of thing (CA, class, address …): how many alerts have which value. */
  readonly values: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** Of one kind so many values are told apart; the others count nowhere. */
const MAX_VALUES = 40
const MAX_LENGTH = 200

/** What an alert may have in common with others, by the words people read. */
const KINDS: readonly (readonly [string, (alert: Alert) => string | null | undefined])[] = [
  ['class', ({ subject }) => subject.details.class],
  ['cause', ({ cause }) => cause],
  ['address', ({ subject }) => subject.details.address],
  ['resolver', ({ subject }) => subject.details.resolver],
  ['limit', ({ subject }) => subject.details.limit],
  ['rule', ({ subject }) => subject.details.rule],
  ['server', ({ subject }) => subject.details.server],
  ['domain', ({ subject }) => domainOf(subject.names)],
  ['label', ({ subject }) => subject.label],
  ['client', ({ subject }) => subject.clientText],
  ['account', ({ subject }) => subject.account],
  ['CA', ({ subject }) => subject.ca],
]

type Values = Record<string, Record<string, number>>

export function tallyOf(alerts: readonly Alert[]): Tally | null {
  if (alerts.length === 0) return null
  const values: Values = {}
  let occurrences = 0
  let since = alerts[0]!.since
  for (const alert of alerts) {
    occurrences += alert.count
    if (alert.since < since) since = alert.since
    for (const [kind, read] of KINDS) {
      const value = read(alert)
      if (value) count(values, kind, value, 1)
    }
  }
  return { alerts: alerts.length, occurrences, since, values }
}

export function sumOf(a: Tally | null, b: Tally | null): Tally | null {
  if (a === null || b === null) return a ?? b
  const values: Values = {}
  for (const tally of [a, b])
    for (const [kind, counts] of Object.entries(tally.values))
      for (const [value, n] of Object.entries(counts)) count(values, kind, value, n)
  return {
    alerts: a.alerts + b.alerts,
    occurrences: a.occurrences + b.occurrences,
    since: a.since < b.since ? a.since : b.since,
    values,
  }
}

function count(values: Values, kind: string, value: string, n: number): void {
  const counts = values[kind] ?? (Object.create(null) as Record<string, number>)
  values[kind] = counts
  const short = value.slice(0, MAX_LENGTH)
  if (counts[short] !== undefined) counts[short] += n
  else if (Object.keys(counts).length < MAX_VALUES) counts[short] = n
}

/** The last two labels of its names, or three below second-level registries, where all of them agree. */
function domainOf(names: readonly string[]): string | null {
  const [first] = names
  if (first === undefined || isIP(first) !== 0) return null
  const labels = first.split('.')
  const last =
    labels.length > 2 && /^(?:ac|co|com|gov|net|or|org)\.[a-z]{2}$/.test(labels.slice(-2).join('.')) ? 3 : 2
  const domain = labels.slice(-last).join('.')
  return names.every((name) => name === domain || name.endsWith(`.${domain}`)) ? domain : null
}

/** Those values of a kind that the alerts have, the most frequent first. */
export function rankOf(tally: Tally, kind: string): readonly (readonly [string, number])[] {
  return Object.entries(tally.values[kind] ?? {}).sort(
    ([a, n], [b, m]) => m - n || (a < b ? -1 : a > b ? 1 : 0),
  )
}
