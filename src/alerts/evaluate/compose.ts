import type { Alert } from '../alert.ts'
import type { Millis } from '../rule.ts'
import { SEVERITIES } from '../rule-names.ts'
import type { Lane, TellingKind } from './memory.ts'
import type { Draft } from './post.ts'
import type { Tally } from './tally.ts'
import { seenText, sharedBy, titleOf } from './words.ts'

/** Alerts a notification names; the others are counted. */
export const MAX_LISTED = 20
/** Lines of a digest. */
const MAX_LINES = 200

interface ToTell {
  readonly lane: Lane
  readonly key: string
  /** At least one; those to be named first. */
  readonly alerts: readonly { readonly alert: Alert; readonly kind: TellingKind }[]
  /** Of these alerts; of a lane that held something back, of all since its burst began. */
  readonly tally: Tally
  readonly now: Millis
}

/** One notification of alerts that are told together. */
export function compose({ lane, key, alerts, tally, now }: ToTell): Draft {
  const [first] = alerts
  const isAlone = tally.alerts === 1
  const kind = lane.kind
  return {
    channel: lane.channel,
    kind,
    key,
    rule: lane.rule,
    severity: worst(alerts.map(({ alert }) => alert)),
    title: isAlone ? titleOfOne(first!.alert, first!.kind, lane, now) : titleOfMany(alerts, tally, lane),
    shared: sharedBy(tally),
    alerts: alerts.slice(0, MAX_LISTED).map(({ alert, kind: told }) => asTold(alert, told)),
    count: tally.alerts,
    occurrences: tally.occurrences,
    text: kind === 'digest' ? digestText(alerts) : null,
  }
}

export function worst(alerts: readonly Alert[]): Alert['severity'] {
  const worstOf = Math.max(0, ...alerts.map(({ severity }) => SEVERITIES.indexOf(severity)))
  return SEVERITIES[worstOf]!
}

/** That it fires is told of it as firing, even where it has ended since: its end is told after. */
export function asTold(alert: Alert, kind: TellingKind): Alert {
  return kind === 'resolved' ? alert : { ...alert, state: 'firing', resolved: null, resolution: null }
}

function titleOfOne(alert: Alert, kind: TellingKind, lane: Lane, now: Millis): string {
  if (kind === 'resolved' && lane.kind !== 'digest') return `Over: ${alert.title}`
  if (kind === 'escalation') return `Not resolved for ${span(now - Date.parse(alert.since))}: ${alert.title}`
  return lane.kind === 'digest' ? `Digest: ${alert.title}` : alert.title
}

function titleOfMany(alerts: ToTell['alerts'], tally: Tally, lane: Lane): string {
  if (lane.kind !== 'digest') {
    const title = titleOf(lane.rule, lane.kind, tally)
    return lane.held ? `${title} (since ${tally.since.slice(11, 16)} UTC)` : title
  }
  const over = alerts.filter(({ kind }) => kind === 'resolved').length
  const firing = alerts.length - over
  return `Digest: ${[...(firing > 0 ? [`${firing} ${firing === 1 ? 'alert' : 'alerts'}`] : []), ...(over > 0 ? [`${over} over`] : [])].join(', ')}`
}

function digestText(alerts: ToTell['alerts']): string {
  const lines = alerts
    .slice(0, MAX_LINES)
    .map(
      ({ alert, kind }) =>
        `${kind === 'resolved' ? 'over' : alert.severity}: ${alert.title} (since ${alert.since.slice(0, 16).replace('T', ' ')} UTC, ${seenText(alert.count)})`,
    )
  if (alerts.length > MAX_LINES) lines.push(`and ${alerts.length - MAX_LINES} more`)
  return lines.join('\n')
}

/** A length of time for people, in its largest whole unit. */
function span(ms: Millis): string {
  const minutes = Math.max(1, Math.floor(ms / 60_000))
  if (minutes < 120) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`
}
