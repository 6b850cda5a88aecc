import { cut } from '../render/visible.ts'
import { type HttpService, JSON_FIELDS } from './channel.ts'
import { colorOf, escapeMarkdown, linkOf } from './layout.ts'

/** Webhook of Discord: one embed (title 256, description 4096 characters), whose mentions notify nobody. */
export function discord({ url }: { readonly url: string }): HttpService {
  return {
    requests(rendered) {
      const link = linkOf(rendered)
      const body = {
        username: 'acmetap',
        allowed_mentions: { parse: [] },
        embeds: [
          {
            title: cut(escapeMarkdown(cut(rendered.title, 120)), 256),
            description: cut(escapeMarkdown(cut(rendered.text, 3500)), 4096),
            color: colorOf(rendered),
            timestamp: rendered.notification.made,
            footer: { text: rendered.notification.id },
            ...(link === null ? {} : { url: link }),
          },
        ],
      }
      return [{ url, fields: JSON_FIELDS, body: JSON.stringify(body) }]
    },
    secrets: [url],
    isAboutUs: ({ body }) => /"code":\s*(?:10015|50027)\b/.test(body),
  }
}
