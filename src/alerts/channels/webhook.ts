import { createHmac } from 'node:crypto'
import type { HttpService } from './channel.ts'

interface WebhookSettings {
  readonly url: string
  readonly secret: string | null
  /** CloudEvents' `source`: a URI-reference. */
  readonly source: string
}

/**
 * CloudEvents 1.0 in structured mode. `id` is the notification's and stays the same however often it is sent;
 * `partitionkey` and `sequence` (extensions of CloudEvents) say what is ordered and how.
 *
 * `Acmetap-Signature: t=SECONDS,v1=HEX` is HMAC-SHA256 under the secret over `SECONDS.BODY`. A receiver makes it anew
 * over the bytes it got, compares in constant time, and refuses a time more than five minutes off.
 */
export function webhook({ url, secret, source }: WebhookSettings): HttpService {
  return {
    requests({ notification, title, text }, at) {
      const { id, kind, key, number, made, rule } = notification
      const isOfAlerts = ['firing', 'resolved', 'escalation', 'digest'].includes(kind)
      const body = JSON.stringify({
        specversion: '1.0',
        id,
        source,
        type: `io.acmetap.${isOfAlerts ? 'alert.' : ''}${kind}`,
        ...(rule === null ? {} : { subject: rule }),
        time: made,
        datacontenttype: 'application/json',
        partitionkey: key,
        sequence: String(number).padStart(20, '0'),
        data: { ...notification, message: { title, text } },
      })
      const seconds = Math.floor(at / 1000)
      const fields = { 'content-type': 'application/cloudevents+json; charset=utf-8' }
      const signature = secret === null ? {} : { 'acmetap-signature': signatureOf(secret, seconds, body) }
      return [{ url, fields: { ...fields, ...signature }, body }]
    },
    secrets: [...(secret === null ? [] : [secret]), url],
  }
}

export function signatureOf(secret: string, seconds: number, body: string): string {
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
  return `t=${seconds},v1=${mac}`
}
