import type { Alert } from '../alert.ts'
import type { Rendered } from '../render/renderer.ts'
import type { AlertView } from '../render/view.ts'
import { cut, visible } from '../render/visible.ts'
import type { Millis } from '../rule.ts'
import { below, type HttpService, JSON_FIELDS, type Outgoing } from './channel.ts'

interface AlertmanagerSettings {
  readonly url: string
  readonly instance: string
  /** ms between two signs of life; null without. */
  readonly heartbeat: Millis | null
}

/**
 * How long a firing alert stays there without a word from us: longer than a restart of acmetap takes, so that none
 * counts as resolved only because of it. Alertmanager forgets alerts when it restarts itself; reminders (each minute,
 * Delivery) mend that.
 */
export const HOLD: Millis = 3_600_000
const SHORT: Millis = 300_000

/**
 * API v2. Labels make the identity of an alert there, so they hold only what does not change while it fires, and its
 * severity, which routes need. What a group has beyond the alerts it lists is one alert more.
 */
export function alertmanager({ url, instance, heartbeat }: AlertmanagerSettings): HttpService {
  const common = { job: 'acmetap', instance }
  const post = (alerts: readonly object[]): Outgoing => ({
    url: below(url, '/api/v2/alerts'),
    fields: JSON_FIELDS,
    body: JSON.stringify(alerts),
  })
  const ofAlert = (rendered: Rendered, alert: Alert, view: AlertView | undefined, at: Millis) => ({
    labels: {
      alertname: alert.rule,
      severity: alert.severity,
      alert: alert.id,
      ...(alert.subject.ca === null ? {} : { ca: visible(alert.subject.ca, 100) }),
      ...common,
    },
    annotations: annotationsOf(rendered, alert, view),
    startsAt: alert.since,
    endsAt: endOf(alert, at),
    ...(view?.link ? { generatorURL: view.link } : {}),
  })
  const own = ({ title, text, notification }: Rendered, name: string, ends: Millis) => ({
    labels: { alertname: name, severity: notification.severity, ...common },
    annotations: { summary: title, description: text },
    startsAt: notification.made,
    endsAt: new Date(Math.max(ends, Date.parse(notification.made) + 1)).toISOString(),
  })
  const alertsOf = (rendered: Rendered, at: Millis): readonly object[] => {
    const { kind, alerts, count, rule } = rendered.notification
    if (kind === 'heartbeat') return [own(rendered, 'acmetap-heartbeat', at + 3 * (heartbeat ?? SHORT))]
    if (kind === 'test' || kind === 'report') return [own(rendered, `acmetap-${kind}`, at + SHORT)]
    const each = alerts.map((alert, index) => ofAlert(rendered, alert, rendered.view.alerts[index], at))
    if (count <= alerts.length && alerts.length > 0) return each
    const ends = kind === 'resolved' ? at : at + HOLD
    const group = own(rendered, rule ?? `acmetap-${kind}`, ends)
    return [...each, { ...group, labels: { ...group.labels, alert: 'group' } }]
  }
  return {
    requests: (rendered, at) => [post(alertsOf(rendered, at))],
    reminders: (rendered, at) => [post(rendered.flatMap((one) => alertsOf(one, at)))],
    secrets: [],
  }
}

function annotationsOf(rendered: Rendered, alert: Alert, view: AlertView | undefined) {
  const { runbook } = rendered.view
  const all = {
    summary: visible(alert.title, 250),
    description: visible(alert.cause),
    remedy: view?.remedy ?? visible(alert.remedy),
    said: view?.said,
    who: view?.who,
    names: view?.names.join(', '),
    client: view?.client,
    record: view?.record,
    runbook,
    resolution: view?.resolution,
    message: alert.state === 'firing' ? cut(rendered.text, 4000) : null,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value != null && value !== ''))
}

function endOf({ state, since, resolved }: Alert, at: Millis): string {
  if (state === 'firing') return new Date(at + HOLD).toISOString()
  return new Date(Math.max(Date.parse(resolved ?? since), Date.parse(since) + 1)).toISOString()
}
