import { cut } from '../render/visible.ts'
import { type HttpService, JSON_FIELDS } from './channel.ts'
import { escapeAngles, linesOf } from './layout.ts'

/**
 * Incoming webhook of Slack. The text goes as `rich_text`, in which nothing is markup; the header (150 characters) is
 * plain text, and the summary for notifications has its three control characters escaped.
 */
export function slack({ url }: { readonly url: string }): HttpService {
  return {
    requests(rendered) {
      const elements = linesOf(rendered, 2900).flatMap(({ label, text, link }, at) => [
        ...(at === 0 ? [] : [{ type: 'text', text: '\n' }]),
        ...(label === null ? [] : [{ type: 'text', text: `${label}: `, style: { bold: true } }]),
        link ? { type: 'link', url: text } : { type: 'text', text },
      ])
      const blocks = [
        { type: 'header', text: { type: 'plain_text', text: cut(rendered.title, 150), emoji: false } },
        ...(elements.length === 0
          ? []
          : [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] }]),
      ]
      const body = { text: escapeAngles(rendered.title), mrkdwn: false, unfurl_links: false, blocks }
      return [{ url, fields: JSON_FIELDS, body: JSON.stringify(body) }]
    },
    secrets: [url],
    isAboutUs: ({ body }) => /invalid_token|no_service|no_team|channel_not_found|team_disabled/.test(body),
  }
}
