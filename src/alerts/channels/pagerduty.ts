import { createHash } from 'node:crypto'
import type { Alert } from '../alert.ts'
import type { Rendered } from '../render/renderer.ts'
import type { AlertView } from '../render/view.ts'
import { cut, visible } from '../render/visible.ts'
import { below, type HttpService, JSON_FIELDS, type Outgoing } from './channel.ts'
import { linkOf } from './layout.ts'

interface PagerdutySettings {
  readonly url: string
  readonly key: string
  /** Name of this acmetap: the `source` of events. */
  readonly instance: string
}

/**
 * Events API v2. One event per alert with the alert's id as `dedup_key`, so that each incident ends when its alert
 * does. A group that is larger than what a notification lists is one event for all: it ends when as many are over at
 * once, and is triggered anew when it is told again. Reports and signs of life are change events, which page nobody.
 */
export function pagerduty({ url, key, instance }: PagerdutySettings): HttpService {
  const event = (path: string, body: object): Outgoing => ({
    url: below(url, path),
    fields: JSON_FIELDS,
    body: JSON.stringify({ routing_key: key, ...body }),
  })
  const act = (action: 'trigger' | 'resolve', dedup: string, rendered: Rendered, payload: object) => {
    const link = linkOf(rendered)
    const links = link === null ? [] : [{ href: link, text: 'Open in acmetap' }]
    return event('/v2/enqueue', {
      event_action: action,
      dedup_key: dedup,
      ...(action === 'resolve' ? {} : { client: 'acmetap', payload, links }),
    })
  }
  const one = (rendered: Rendered, alert: Alert, view: AlertView | undefined) =>
    act(alert.state === 'resolved' ? 'resolve' : 'trigger', alert.id, rendered, {
      summary: visible(alert.title, 1024),
      source: instance,
      severity: alert.severity,
      timestamp: alert.since,
      component: visible(alert.subject.ca ?? 'acmetap', 100),
      group: alert.rule,
      class: visible(alert.subject.details.class ?? alert.rule, 100),
      custom_details: {
        ...(view ?? { cause: visible(alert.cause), remedy: visible(alert.remedy) }),
        silence: rendered.view.silence,
        runbook: rendered.view.runbook,
      },
    })
  const all = (rendered: Rendered, action: 'trigger' | 'resolve', dedup: string) =>
    act(action, dedup, rendered, {
      summary: cut(rendered.title, 1024),
      source: instance,
      severity: rendered.notification.severity,
      timestamp: rendered.notification.made,
      group: rendered.notification.rule ?? rendered.notification.kind,
      custom_details: { text: rendered.text },
    })
  return {
    requests(rendered) {
      const { kind, id, alerts, count, made } = rendered.notification
      if (kind === 'test') return [all(rendered, 'trigger', id), all(rendered, 'resolve', id)]
      if (kind === 'report' || kind === 'heartbeat' || kind === 'digest') {
        const payload = {
          summary: cut(rendered.title, 1024),
          source: instance,
          timestamp: made,
          custom_details: { text: rendered.text },
        }
        return [event('/v2/change/enqueue', { payload })]
      }
      if (alerts.length === 0) return [all(rendered, 'trigger', id)]
      const each = alerts.map((alert, at) => one(rendered, alert, rendered.view.alerts[at]))
      if (count <= alerts.length) return each
      const group = groupKey(rendered)
      return kind === 'resolved'
        ? [...each, all(rendered, 'resolve', group)]
        : [all(rendered, 'trigger', group)]
    },
    secrets: [key],
    isAboutUs: ({ body }) => /routing_key|routing key|invalid key/i.test(body),
  }
}

function groupKey({ notification: { channel, key } }: Rendered): string {
  return `group-${createHash('sha256').update(`${channel}\0${key}`).digest('hex').slice(0, 32)}`
}
