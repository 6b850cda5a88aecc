import type { Alert } from '../alert.ts'
import type { AlertSettings, Millis } from '../rule.ts'
import { SEVERITIES } from '../rule-names.ts'
import { MAX_LISTED } from './compose.ts'
import type { AlertMemory, RuleSummary } from './memory.ts'
import { post, wordsAlone } from './post.ts'
import { seenText } from './words.ts'

/** What the inventory knows of a time [from, to). */
export type IssuedIn = (
  from: Millis,
  to: Millis,
) => { readonly certificates: number; readonly failures: number }

const WEEK = 7 * 86_400_000
/** 1970-01-05T08:00Z, a Monday. */
const FIRST = 4 * 86_400_000 + 8 * 3_600_000

/**
 * The weekly report, Mondays at 08:00 UTC, to channels that want it; also when there is nothing to report. Of weeks
 * that went by while nothing ran, the last one alone is told.
 */
export function report(
  memory: AlertMemory,
  settings: AlertSettings,
  issued: IssuedIn | null,
  now: Millis,
): void {
  const to = mondayBefore(now)
  for (const { name, report: isWanted } of settings.channels ?? []) {
    if (!isWanted) continue
    const last = memory.notes.get(noteOf(name))
    if (last !== null && Number(last) >= to) continue
    memory.notes.set(noteOf(name), String(to))
    if (last !== null) tell(memory, name, issued, to, now)
  }
}

export function nextReport(memory: AlertMemory, settings: AlertSettings): Millis | null {
  const times = (settings.channels ?? []).flatMap(({ name, report: isWanted }) => {
    if (!isWanted) return []
    const last = memory.notes.get(noteOf(name))
    return [last === null ? 0 : Number(last) + WEEK]
  })
  return times.length === 0 ? null : Math.min(...times)
}

function tell(memory: AlertMemory, channel: string, issued: IssuedIn | null, to: Millis, now: Millis): void {
  const rules = memory.alerts.summary(to - WEEK, to)
  const firing = rules.reduce((sum, rule) => sum + rule.firing, 0)
  const began = rules.reduce((sum, rule) => sum + rule.began, 0)
  const title =
    began + firing === 0
      ? 'Week with acmetap: nothing to report'
      : `Week with acmetap: ${began} ${began === 1 ? 'alert' : 'alerts'} began, ${firing} ${firing === 1 ? 'fires' : 'fire'} now`
  const text = lines(rules, issued, to).join('\n')
  const alerts = firing === 0 ? [] : open(memory, rules)
  const occurrences = rules.reduce((sum, rule) => sum + rule.occurrences, 0)
  const draft = wordsAlone(channel, 'report', title, text)
  post(memory.outbox, { ...draft, alerts, count: firing, occurrences }, now)
}

function lines(rules: readonly RuleSummary[], issued: IssuedIn | null, to: Millis): string[] {
  const counts = issued?.(to - WEEK, to)
  const began = rules.filter((rule) => rule.began > 0)
  const firing = rules.filter((rule) => rule.firing > 0)
  return [
    `From ${minute(to - WEEK)} to ${minute(to)} UTC.`,
    ...(counts ? [`${counts.certificates} certificates issued, ${counts.failures} failures.`] : []),
    ...(began.length === 0 ? ['No alert began.'] : ['Alerts that began:']),
    ...began.map((rule) => `- ${rule.rule}: ${rule.began}, ${seenText(rule.occurrences)}`),
    ...(firing.length === 0 ? ['No alert fires now.'] : ['Alerts that fire now:']),
    ...firing.map((rule) => `- ${rule.rule}: ${rule.firing}`),
    ...(began.length + firing.length === 0 ? ['Nothing to report.'] : []),
  ]
}

/** The worst that fire, at most as many as a notification names. */
function open(memory: AlertMemory, rules: readonly RuleSummary[]): Alert[] {
  return rules
    .filter(({ firing }) => firing > 0)
    .flatMap(({ rule }) => memory.alerts.firingOf(rule).slice(0, MAX_LISTED))
    .flatMap(({ id }) => memory.alerts.byId(id)?.alert ?? [])
    .toSorted((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity))
    .slice(0, MAX_LISTED)
}

function mondayBefore(now: Millis): Millis {
  return Math.floor((now - FIRST) / WEEK) * WEEK + FIRST
}

function minute(at: Millis): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ')
}

function noteOf(channel: string): string {
  return `report ${channel}`
}
