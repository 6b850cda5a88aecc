import type { Rendered } from '../render/renderer.ts'
import { cut } from '../render/visible.ts'
import { type HttpService, JSON_FIELDS } from './channel.ts'
import { linesOf, linkOf } from './layout.ts'

/** Teams drops a message above 28 KB. */
const MOST_BYTES = 27_000

/**
 * An adaptive card for a workflow of Microsoft Teams ("when a webhook request is received"). Text runs, unlike text
 * blocks, know no Markdown.
 */
export function teams({ url }: { readonly url: string }): HttpService {
  return {
    requests(rendered) {
      let most = 8000
      let body = JSON.stringify(messageOf(rendered, most))
      while (Buffer.byteLength(body) > MOST_BYTES) {
        most = Math.floor(most / 2)
        body = JSON.stringify(messageOf(rendered, most))
      }
      return [{ url, fields: JSON_FIELDS, body }]
    },
    secrets: [url],
    // Some front ends answer 200 and say in the body that it went nowhere.
    faultIn: ({ body }) => (/delivery failed/i.test(body) ? 'it was not delivered' : null),
  }
}

function messageOf(rendered: Rendered, most: number) {
  const color = { resolved: 'good', critical: 'attention', warning: 'warning', info: 'accent' }
  const kind = rendered.view.kind === 'resolved' ? 'resolved' : rendered.notification.severity
  const link = linkOf(rendered)
  const run = (text: string, more: object = {}) => ({ type: 'TextRun', text, ...more })
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    fallbackText: cut(rendered.title, 250),
    msteams: { width: 'Full' },
    body: [
      {
        type: 'RichTextBlock',
        inlines: [run(cut(rendered.title, 250), { weight: 'bolder', size: 'large', color: color[kind] })],
      },
      ...linesOf(rendered, most).map(({ label, text }) => ({
        type: 'RichTextBlock',
        spacing: 'small',
        inlines: [...(label === null ? [] : [run(`${label}: `, { weight: 'bolder' })]), run(text)],
      })),
    ],
    actions: link === null ? [] : [{ type: 'Action.OpenUrl', title: 'Open in acmetap', url: link }],
  }
  return {
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }],
  }
}
