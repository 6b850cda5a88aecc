import { createHash } from 'node:crypto'
import type { SendMailOptions } from 'nodemailer'
import type { Rendered } from '../render/renderer.ts'
import { cut } from '../render/visible.ts'

export interface Addresses {
  readonly from: string
  readonly to: readonly string[]
}

/**
 * The mail of a notification: text and HTML (RFC 2046 §5.1.4). Its Message-ID comes from the notification's id, so that
 * a mail that was sent twice is the same mail; all of one key refer to one thread. RFC 3834 §5: nobody's holiday
 * responder answers. Pure.
 */
export function mailOf(rendered: Rendered, { from, to }: Addresses): SendMailOptions {
  const { notification, title, text, html } = rendered
  const domain = from.slice(from.lastIndexOf('@') + 1)
  const thread = createHash('sha256').update(`${notification.channel}\0${notification.key}`).digest('hex')
  const root = `<${thread.slice(0, 32)}@${domain}>`
  return {
    from: { name: 'acmetap', address: from },
    to: to.map((address) => ({ name: '', address })),
    subject: cut(title, 250),
    text: `${text}\n`,
    html,
    date: new Date(notification.made),
    messageId: `<${notification.id.replace(/[^\w.-]/g, '')}@${domain}>`,
    inReplyTo: root,
    references: root,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'X-Acmetap-Notification': notification.id.replace(/[^\w.-]/g, ''),
      'X-Acmetap-Kind': notification.kind,
      ...(notification.rule === null ? {} : { 'X-Acmetap-Rule': notification.rule }),
    },
    ...(notification.severity === 'critical' && notification.kind !== 'resolved' ? { priority: 'high' } : {}),
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}
