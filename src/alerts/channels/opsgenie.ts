import { createHash } from 'node:crypto'
import type { Rendered } from '../render/renderer.ts'
import type { AlertView } from '../render/view.ts'
import { cut, visible } from '../render/visible.ts'
import { below, type HttpService, JSON_FIELDS, type Outgoing } from './channel.ts'

interface OpsgenieSettings {
  readonly url: string
  readonly key: string
  readonly instance: string
}

const PRIORITY = { critical: 'P1', warning: 'P3', info: 'P5' } as const

/**
 * Alert API: one alert per alert, with its id as `alias`; groups as for PagerDuty. A sign of life pings the heartbeat
 * that is called acmetap there.
 */
export function opsgenie({ url, key, instance }: OpsgenieSettings): HttpService {
  const fields = { ...JSON_FIELDS, authorization: `GenieKey ${key}` }
  const post = (path: string, body: object): Outgoing => ({
    url: below(url, path),
    fields,
    body: JSON.stringify(body),
  })
  const create = (rendered: Rendered, alias: string, message: string, priority: string, details: object) =>
    post('/v2/alerts', {
      message: cut(message, 130),
      alias,
      description: cut(rendered.text, 15_000),
      priority,
      source: instance,
      tags: ['acmetap', ...(rendered.notification.rule === null ? [] : [rendered.notification.rule])],
      details,
    })
  const close = (alias: string, note: string) =>
    post(`/v2/alerts/${encodeURIComponent(alias)}/close?identifierType=alias`, {
      source: instance,
      note: cut(note, 2000),
    })
  return {
    requests(rendered) {
      const { kind, id, alerts, count, severity } = rendered.notification
      if (kind === 'heartbeat') return [{ ...post('/v2/heartbeats/acmetap/ping', {}), alone: true }]
      const priority = PRIORITY[severity]
      if (kind === 'test' || kind === 'report') {
        return [create(rendered, id, rendered.title, 'P5', {}), close(id, 'Nothing to do.')]
      }
      if (alerts.length === 0) return [create(rendered, id, rendered.title, priority, {})]
      const each = alerts.map((alert, at) =>
        alert.state === 'resolved'
          ? close(alert.id, visible(alert.resolution ?? 'It is over.'))
          : create(
              rendered,
              alert.id,
              visible(alert.title),
              PRIORITY[alert.severity],
              detailsOf(rendered.view.alerts[at]),
            ),
      )
      if (count <= alerts.length) return each
      const group = groupAlias(rendered)
      return kind === 'resolved'
        ? [...each, close(group, rendered.title)]
        : [create(rendered, group, rendered.title, priority, {})]
    },
    secrets: [key],
    isAboutUs: ({ body }) => /api ?key|not authori[sz]ed/i.test(body),
  }
}

function detailsOf(view: AlertView | undefined): Record<string, string> {
  if (view === undefined) return {}
  const { ca, client, record, who, since } = view
  const all = { ca, client, record, who, since, seen: String(view.count) }
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null),
  )
}

function groupAlias({ notification: { channel, key } }: Rendered): string {
  return `group-${createHash('sha256').update(`${channel}\0${key}`).digest('hex').slice(0, 32)}`
}
