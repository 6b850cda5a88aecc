import { isIP } from 'node:net'
import { FIXER_TEXTS } from '../../audit/diagnosis/classes.ts'
import type { Alert } from '../alert.ts'
import type { Notification } from '../notification.ts'
import { visible, visibleBlock } from './visible.ts'

/** Names that a message lists; how many more there are is said. */
const MOST_NAMES = 10

/**
 * What templates see of a notification. Every text is one line (`text` excepted) of characters that only show
 * themselves; what there is not is null or empty.
 */
export interface MessageView {
  readonly id: string
  readonly kind: Notification['kind']
  readonly rule: string | null
  readonly severity: string
  readonly title: string
  /** Plain text of a report, digest, heartbeat or test. */
  readonly text: string | null
  readonly made: string
  /** Alerts it tells of, and how often they were seen. */
  readonly count: number
  readonly occurrences: number
  readonly shared: string | null
  readonly names: readonly string[]
  readonly more_names: number
  /** False where it tells of more alerts than it has: what names those are about is not known here. */
  readonly all_names: boolean
  /** The first 10. */
  readonly alerts: readonly AlertView[]
  readonly more_alerts: number
  /** All of them say the same: the first says it for all. */
  readonly one_cause: boolean
  readonly classes: readonly { readonly name: string; readonly count: number }[]
  readonly first_seen: string | null
  readonly last_seen: string | null
  /** `docs/runbooks/RULE.md`. */
  readonly runbook: string | null
  /** The command that silences it. */
  readonly silence: string | null
  /** Address of the list of alerts; null without alerts.url. */
  readonly link: string | null
}

export interface AlertView {
  readonly id: string
  readonly rule: string
  readonly severity: string
  readonly state: string
  readonly title: string
  readonly cause: string
  /** Of its diagnosis: `docs/failures.md` has a section for each. */
  readonly class: string | null
  readonly remedy: string
  readonly who: string | null
  readonly said: string | null
  readonly ca: string | null
  readonly client: string | null
  readonly account: string | null
  readonly names: readonly string[]
  readonly more_names: number
  readonly since: string
  readonly last: string
  readonly resolved: string | null
  readonly resolution: string | null
  readonly count: number
  readonly details: readonly { readonly name: string; readonly value: string }[]
  /** Address of the record where alerts.url is configured, otherwise the command that shows it. */
  readonly record: string | null
  readonly link: string | null
}

/** `url` is where people reach the admin listener, or null. Pure. */
export function viewOf(notification: Notification, url: string | null): MessageView {
  const { alerts, count, rule } = notification
  const base = url === null ? null : url.replace(/\/+$/, '')
  const first = alerts[0]
  const names = [...new Set(alerts.flatMap(({ subject }) => subject.names))]
  const nameCount = Math.max(names.length, alerts.length === 1 ? (first?.subject.nameCount ?? 0) : 0)
  const listed = alerts.slice(0, MOST_NAMES)
  return {
    id: notification.id,
    kind: notification.kind,
    rule,
    severity: notification.severity,
    title: visible(notification.title, 250),
    text: notification.text === null ? null : visibleBlock(notification.text),
    made: moment(notification.made),
    count,
    occurrences: notification.occurrences,
    shared: notification.shared === null ? null : visible(notification.shared, 500),
    names: names.slice(0, MOST_NAMES).map((name) => visible(name, 253)),
    more_names: Math.max(0, nameCount - MOST_NAMES),
    all_names: count <= alerts.length,
    alerts: listed.map((alert) => alertView(alert, base)),
    more_alerts: Math.max(0, count - listed.length),
    one_cause: alerts.every(({ cause }) => cause === first?.cause),
    classes: classesOf(alerts),
    first_seen: first === undefined ? null : moment(alerts.map(({ since }) => since).sort()[0]!),
    last_seen:
      first === undefined
        ? null
        : moment(
            alerts
              .map(({ last }) => last)
              .sort()
              .at(-1)!,
          ),
    runbook: rule === null ? null : `docs/runbooks/${rule}.md`,
    silence:
      rule === null
        ? null
        : count === 1 && first !== undefined
          ? silenceOne(rule, first.key)
          : silenceMany(rule, alerts),
    link: base === null ? null : `${base}/api/v1/alerts`,
  }
}

function alertView(alert: Alert, base: string | null): AlertView {
  const { subject } = alert
  const names = subject.names.slice(0, MOST_NAMES).map((name) => visible(name, 253))
  return {
    id: alert.id,
    rule: alert.rule,
    severity: alert.severity,
    state: alert.state,
    title: visible(alert.title, 250),
    cause: visible(alert.cause),
    class: subject.details.class === undefined ? null : visible(subject.details.class, 50),
    remedy: visible(remedyOf(alert)),
    who: alert.fixer === null ? null : FIXER_TEXTS[alert.fixer],
    said: alert.said === null ? null : visible(alert.said),
    ca: subject.ca === null ? null : visible(subject.ca, 100),
    client: subject.clientText === null ? null : visible(subject.clientText, 200),
    account: subject.account === null ? null : visible(subject.account, 300),
    names,
    more_names: Math.max(0, subject.nameCount - names.length),
    since: moment(alert.since),
    last: moment(alert.last),
    resolved: alert.resolved === null ? null : moment(alert.resolved),
    resolution: alert.resolution === null ? null : visible(alert.resolution),
    count: alert.count,
    details: Object.entries(subject.details)
      .slice(0, 16)
      .map(([name, value]) => ({ name: visible(name, 50), value: visible(value, 300) })),
    ...recordOf(alert, base),
  }
}

/** Commands in a remedy name what it is about. */
function remedyOf({ remedy, subject: { names, ca }, evidence }: Alert): string {
  const name = names[0]?.replace(/^\*\./, '')
  const domain =
    name !== undefined && isIP(name) === 0 && /^[a-z0-9_][a-z0-9._-]*$/i.test(name) ? name : 'NAME'
  const by = isPlain(ca) ? ` --ca ${ca}` : ''
  const shown = isPlain(evidence.exchange) ? evidence.exchange : 'ID'
  return remedy
    .replace(/\bdoctor domain NAME\b/g, () => `doctor domain ${domain}${by}`)
    .replace(/\b(exchanges show|policy explain) ID\b/g, (_, command) => `${command} ${shown}`)
}

function recordOf({ evidence }: Alert, base: string | null): Pick<AlertView, 'record' | 'link'> {
  for (const [kind, id] of [
    ['exchanges', evidence.exchange],
    ['orders', evidence.order],
    ['certificates', evidence.certificate],
  ] as const) {
    if (!isPlain(id)) continue
    const link = base === null ? null : `${base}/api/v1/${kind}/${id}`
    return { record: link ?? `acmetap ${kind} show ${id}`, link }
  }
  return { record: null, link: null }
}

function isPlain(text: string | null): text is string {
  return text !== null && /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(text)
}

/** To be pasted into a shell, as it is. Not the whole fleet, where all that are listed are of one CA. */
function silenceMany(rule: string, alerts: readonly Alert[]): string {
  const [ca = null, ...others] = new Set(alerts.map(({ subject }) => subject.ca))
  const at = others.length === 0 && isPlain(ca) ? ` --ca ${ca}` : ''
  return `acmetap alerts silence --rule ${rule}${at} --for 1d`
}

/** As {@link silenceMany}. A key that a terminal would not show as it is has no place in it. */
function silenceOne(rule: string, key: string): string {
  if (!/^[\x20-\x7e]{1,400}$/.test(key)) return `acmetap alerts list --rule ${rule}`
  const quoted = /^[\w.:/@%+=,-]+$/.test(key) ? key : `'${key.replaceAll("'", `'\\''`)}'`
  return `acmetap alerts silence --rule ${rule} --key ${quoted} --for 1d`
}

function classesOf(alerts: readonly Alert[]): { name: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { subject } of alerts) {
    const name = subject.details.class
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts]
    .map(([name, count]) => ({ name: visible(name, 50), count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
}

/** `2026-01-31 12:00:05 UTC`. */
function moment(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 19)} UTC`
}
