import { cut, cutBytes } from '../render/visible.ts'
import { type HttpService, JSON_FIELDS } from './channel.ts'
import { linkOf } from './layout.ts'

interface NtfySettings {
  readonly url: string
  readonly topic: string
  readonly token: string | null
}

const PRIORITY = { critical: 5, warning: 4, info: 3 } as const
const TAG = { critical: 'rotating_light', warning: 'warning', info: 'information_source' } as const

/** ntfy, published as JSON to the root of the server. Plain text; 4096 bytes. */
export function ntfy({ url, topic, token }: NtfySettings): HttpService {
  return {
    requests(rendered) {
      const { kind, severity, rule } = rendered.notification
      const link = linkOf(rendered)
      const isQuiet = kind === 'resolved' || kind === 'heartbeat' || kind === 'report'
      const body = {
        topic,
        title: cut(rendered.title, 200),
        message: cutBytes(rendered.text === '' ? rendered.title : rendered.text, 3900),
        priority: isQuiet ? 2 : PRIORITY[severity],
        tags: [kind === 'resolved' ? 'white_check_mark' : TAG[severity], ...(rule === null ? [] : [rule])],
        ...(link === null ? {} : { click: link }),
      }
      const authorization = token === null ? {} : { authorization: `Bearer ${token}` }
      return [{ url, fields: { ...JSON_FIELDS, ...authorization }, body: JSON.stringify(body) }]
    },
    secrets: token === null ? [] : [token],
  }
}
