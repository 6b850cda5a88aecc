import type { Alert } from '../alert.ts'
import type { AlertSettings, Millis } from '../rule.ts'
import { isNamed } from './match-name.ts'

type Route = NonNullable<AlertSettings['routes']>[number]

/** Who is told of an alert, and whom else when that is not enough. */
interface Receivers {
  readonly channels: readonly string[]
  readonly escalations: readonly Escalation[]
}

export interface Escalation {
  /** Of these channels … */
  readonly from: readonly string[]
  /** … to this one. */
  readonly channel: string
  readonly undelivered: Millis
  readonly unresolved: Millis | null
}

/**
 * The first route that matches, and those after it where it says `continue`. Without routes, every channel gets what is
 * warning or critical.
 */
export function receiversOf(alert: Alert, settings: AlertSettings): Receivers {
  if (settings.routes === undefined) {
    const all = alert.severity === 'info' ? [] : (settings.channels ?? []).map(({ name }) => name)
    return { channels: all, escalations: [] }
  }
  const channels = new Set<string>()
  const escalations: Escalation[] = []
  for (const route of settings.routes) {
    if (!takes(route, alert, settings)) continue
    for (const channel of route.channels) channels.add(channel)
    escalations.push(...escalationOf(route))
    if (!route.continue) break
  }
  return { channels: [...channels], escalations }
}

/** By channel: the soonest that what it has not taken is told to another. */
export function undeliveredLimits(settings: AlertSettings): ReadonlyMap<string, Millis> {
  const limits = new Map<string, Millis>()
  for (const { from, undelivered } of (settings.routes ?? []).flatMap(escalationOf))
    for (const channel of from)
      limits.set(channel, Math.min(undelivered, limits.get(channel) ?? Number.POSITIVE_INFINITY))
  return limits
}

function escalationOf({ channels, escalate }: Route): Escalation[] {
  if (escalate === undefined) return []
  const { channel, undelivered, unresolved } = escalate
  const from = channels.filter((name) => name !== channel)
  return [{ from, channel, undelivered, unresolved: unresolved ?? null }]
}

function takes(route: Route, alert: Alert, settings: AlertSettings): boolean {
  const { subject } = alert
  return (
    (route.rules === undefined || route.rules.includes(alert.rule)) &&
    (route.severity === undefined || route.severity.includes(alert.severity)) &&
    (route.names === undefined || isAbout(route.names, subject.names)) &&
    (route.labels === undefined || (subject.label !== null && route.labels.includes(subject.label))) &&
    (route.cas === undefined || (subject.ca !== null && route.cas.includes(subject.ca))) &&
    (route.teams === undefined || route.teams.some((team) => belongsTo(team, alert, settings)))
  )
}

/** Any of its names, or the label of its client, is the team's. */
function belongsTo(name: string, { subject }: Alert, settings: AlertSettings): boolean {
  const team = settings.teams?.[name]
  if (team === undefined) return false
  return isAbout(team.names, subject.names) || (subject.label !== null && team.labels.includes(subject.label))
}

function isAbout(patterns: readonly string[], names: readonly string[]): boolean {
  return patterns.some((pattern) => isNamed(pattern, names))
}
