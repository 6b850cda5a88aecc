import { cut } from '../render/visible.ts'
import { type HttpService, JSON_FIELDS } from './channel.ts'
import { colorOf, escapeMarkdown, linkOf } from './layout.ts'

/** Incoming webhook of Mattermost. The text stands in a code block, where neither markup nor mentions are read. */
export function mattermost({ url }: { readonly url: string }): HttpService {
  return {
    requests(rendered) {
      const link = linkOf(rendered)
      const text = cut(rendered.text, 8000).replaceAll('```', "'''")
      const attachment = {
        fallback: escapeMarkdown(rendered.title),
        color: `#${colorOf(rendered).toString(16).padStart(6, '0')}`,
        title: escapeMarkdown(rendered.title),
        ...(link === null ? {} : { title_link: link }),
        text: `\`\`\`\n${text}\n\`\`\``,
      }
      const body = JSON.stringify({ username: 'acmetap', attachments: [attachment] })
      return [{ url, fields: JSON_FIELDS, body }]
    },
    secrets: [url],
    isAboutUs: ({ body }) => /web_?hook\.(?:incoming\.(?:app|disabled)|get)/i.test(body),
  }
}
