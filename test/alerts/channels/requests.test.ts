import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { alertmanager, HOLD } from '../../../src/alerts/channels/alertmanager.ts'
import type { HttpService } from '../../../src/alerts/channels/channel.ts'
import { discord } from '../../../src/alerts/channels/discord.ts'
import { mattermost } from '../../../src/alerts/channels/mattermost.ts'
import { ntfy } from '../../../src/alerts/channels/ntfy.ts'
import { opsgenie } from '../../../src/alerts/channels/opsgenie.ts'
import { pagerduty } from '../../../src/alerts/channels/pagerduty.ts'
import { slack } from '../../../src/alerts/channels/slack.ts'
import { teams } from '../../../src/alerts/channels/teams.ts'
import { telegram } from '../../../src/alerts/channels/telegram.ts'
import { webhook } from '../../../src/alerts/channels/webhook.ts'
import { type Notification, notification as notificationSchema } from '../../../src/alerts/notification.ts'
import { Renderer } from '../../../src/alerts/render/renderer.ts'
import { HOSTILE } from '../../support/alerts/hostile-texts.ts'
import { alertOf, alertSettings, alertsOf, notificationOf } from '../../support/alerts/notifications.ts'

const renderer = new Renderer(alertSettings({ url: 'https://acmetap.example' }))
const AT = Date.parse('2026-01-31T12:05:02.000Z')
const LINK = 'https://acmetap.example/api/v1/exchanges/01JZZZZZZZZZZZZZZZZZZZZZZZ'

const SERVICES: Readonly<Record<string, HttpService>> = {
  webhook: webhook({ url: 'https://hooks.example/x', secret: 'key', source: 'https://acmetap.example' }),
  slack: slack({ url: 'https://hooks.slack.example/services/T/B/x' }),
  teams: teams({ url: 'https://teams.example/workflows/x?sig=y' }),
  discord: discord({ url: 'https://discord.example/api/webhooks/1/x' }),
  mattermost: mattermost({ url: 'https://mm.example/hooks/x' }),
  telegram: telegram({ url: 'https://api.telegram.example/', token: '1:token', chat: '-100' }),
  ntfy: ntfy({ url: 'https://ntfy.example', topic: 'fleet', token: 'tk' }),
  pagerduty: pagerduty({ url: 'https://events.pd.example', key: 'routing', instance: 'edge-1' }),
  opsgenie: opsgenie({ url: 'https://api.og.example', key: 'genie', instance: 'edge-1' }),
  alertmanager: alertmanager({ url: 'http://127.0.0.1:9093/', instance: 'edge-1', heartbeat: 60_000 }),
}

function sent(name: string, notification: Notification = notificationOf()) {
  return SERVICES[name]!.requests(renderer.render(notification), AT).map(({ url, fields, body }) => ({
    url,
    fields,
    body: JSON.parse(body),
  }))
}

const over = notificationOf({
  kind: 'resolved',
  alerts: [alertOf({ state: 'resolved', resolved: '2026-01-31T13:00:00.000Z', resolution: 'Validated.' })],
})
const large = (kind: Notification['kind'] = 'firing') =>
  notificationOf({ kind, alerts: alertsOf(20), count: 10_000, title: '10000 names failed' })

describe('webhook', () => {
  const event = z.strictObject({
    specversion: z.literal('1.0'),
    id: z.uuid(),
    source: z.url(),
    type: z.string().regex(/^io\.acmetap\.[a-z.]+$/),
    subject: z.string().optional(),
    time: z.iso.datetime(),
    datacontenttype: z.literal('application/json'),
    partitionkey: z.string(),
    sequence: z.string().regex(/^\d{20}$/),
    data: notificationSchema.extend({ message: z.strictObject({ title: z.string(), text: z.string() }) }),
  })

  test('is a CloudEvent in structured mode', () => {
    const [one] = sent('webhook')
    expect(one!.fields['content-type']).toBe('application/cloudevents+json; charset=utf-8')
    const read = event.parse(one!.body)
    expect(read).toMatchObject({
      id: notificationOf().id,
      type: 'io.acmetap.alert.firing',
      subject: 'validation-failed',
    })
    expect(event.parse(sent('webhook', over)[0]!.body).type).toBe('io.acmetap.alert.resolved')
    const beat = notificationOf({ kind: 'heartbeat', rule: null, alerts: [], text: 'x' })
    expect(event.parse(sent('webhook', beat)[0]!.body)).toMatchObject({ type: 'io.acmetap.heartbeat' })
  })

  test('is signed over time and bytes', () => {
    const { fields, body } = SERVICES.webhook!.requests(renderer.render(notificationOf()), AT)[0]!
    const [, seconds, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(fields['acmetap-signature'] ?? '') ?? []
    expect(Number(seconds)).toBe(AT / 1000)
    expect(mac).toBe(createHmac('sha256', 'key').update(`${seconds}.${body}`).digest('hex'))
    const unsigned = webhook({ url: 'https://x.example', secret: null, source: 'x' })
    expect(unsigned.requests(renderer.render(notificationOf()), AT)[0]!.fields).not.toHaveProperty(
      'acmetap-signature',
    )
  })
})

test('slack: a header of at most 150 characters and rich text, nothing of it markup', () => {
  const [{ url, body } = { url: '', body: null }] = sent('slack')
  expect(url).toBe('https://hooks.slack.example/services/T/B/x')
  const text = z.strictObject({
    type: z.literal('text'),
    text: z.string().min(1),
    style: z.object({ bold: z.boolean() }).optional(),
  })
  const link = z.strictObject({ type: z.literal('link'), url: z.url() })
  const message = z.strictObject({
    text: z.string(),
    mrkdwn: z.literal(false),
    unfurl_links: z.literal(false),
    blocks: z.tuple([
      z.strictObject({
        type: z.literal('header'),
        text: z.strictObject({
          type: z.literal('plain_text'),
          text: z.string().max(150),
          emoji: z.literal(false),
        }),
      }),
      z.strictObject({
        type: z.literal('rich_text'),
        elements: z.tuple([
          z.strictObject({ type: z.literal('rich_text_section'), elements: z.array(z.union([text, link])) }),
        ]),
      }),
    ]),
  })
  const read = message.parse(body)
  expect(read.blocks[1].elements[0].elements).toContainEqual({ type: 'link', url: LINK })
  expect(message.parse(sent('slack', large())[0]!.body).text).toContain('10000 names failed')
})

test('teams: an adaptive card below 28 KB, in text runs', () => {
  const run = z.strictObject({
    type: z.literal('TextRun'),
    text: z.string(),
    weight: z.string().optional(),
    size: z.string().optional(),
    color: z.string().optional(),
  })
  const message = z.strictObject({
    type: z.literal('message'),
    attachments: z.tuple([
      z.strictObject({
        contentType: z.literal('application/vnd.microsoft.card.adaptive'),
        contentUrl: z.null(),
        content: z.object({
          type: z.literal('AdaptiveCard'),
          version: z.literal('1.4'),
          body: z.array(
            z.strictObject({
              type: z.literal('RichTextBlock'),
              spacing: z.string().optional(),
              inlines: z.array(run),
            }),
          ),
          actions: z.array(
            z.strictObject({ type: z.literal('Action.OpenUrl'), title: z.string(), url: z.literal(LINK) }),
          ),
        }),
      }),
    ]),
  })
  message.parse(sent('teams')[0]!.body)
  const huge = notificationOf({ kind: 'report', text: 'Ж\n'.repeat(8000) })
  const [request] = SERVICES.teams!.requests(renderer.render(huge), AT)
  expect(Buffer.byteLength(request!.body)).toBeLessThanOrEqual(27_000)
})

test('discord: one embed within its limits, mentions off', () => {
  const message = z.strictObject({
    username: z.string(),
    allowed_mentions: z.strictObject({ parse: z.array(z.never()) }),
    embeds: z.tuple([
      z.strictObject({
        title: z.string().max(256),
        description: z.string().max(4096),
        color: z.int(),
        timestamp: z.iso.datetime(),
        footer: z.strictObject({ text: z.string() }),
        url: z.url(),
      }),
    ]),
  })
  for (const one of [
    notificationOf(),
    large(),
    notificationOf({ kind: 'report', text: '*'.repeat(10_000) }),
  ]) {
    message.parse(sent('discord', one)[0]!.body)
  }
})

test('mattermost: an attachment whose text is one code block', () => {
  const [{ body } = { body: null }] = sent(
    'mattermost',
    notificationOf({ alerts: [alertOf({ said: 'a ``` @all' })] }),
  )
  const [attachment] = body.attachments
  expect(attachment.color).toBe('#bf8700')
  expect(attachment.text.match(/```/g)).toHaveLength(2)
  expect(attachment.title_link).toBe(LINK)
})

test('telegram: HTML of at most 4096 characters', () => {
  const [{ url, body } = { url: '', body: null }] = sent('telegram')
  expect(url).toBe('https://api.telegram.example/bot1:token/sendMessage')
  expect(body).toMatchObject({ chat_id: '-100', parse_mode: 'HTML', disable_notification: false })
  expect(body.text).toMatch(/^<b>\[warning\] www/)
  const long = sent('telegram', notificationOf({ kind: 'report', text: 'x<'.repeat(8000) }))[0]!.body.text
  expect(long.replaceAll('&lt;', '<').length).toBeLessThanOrEqual(4096)
})

test('ntfy: JSON with priority, tags and where to click', () => {
  const [{ url, fields, body } = { url: '', fields: {}, body: null }] = sent(
    'ntfy',
    notificationOf({ severity: 'critical' }),
  )
  expect(url).toBe('https://ntfy.example')
  expect(fields).toMatchObject({ authorization: 'Bearer tk' })
  expect(body).toMatchObject({
    topic: 'fleet',
    priority: 5,
    tags: ['rotating_light', 'validation-failed'],
    click: LINK,
  })
  expect(sent('ntfy', over)[0]!.body).toMatchObject({
    priority: 2,
    tags: ['white_check_mark', 'validation-failed'],
  })
  const long = sent('ntfy', notificationOf({ kind: 'report', text: '😀'.repeat(8000) }))[0]!.body
  expect(Buffer.byteLength(long.message)).toBeLessThanOrEqual(4096)
})

describe('pagerduty', () => {
  test('triggers and resolves one incident per alert', () => {
    const [one, ...rest] = sent(
      'pagerduty',
      notificationOf({ alerts: [alertOf({ title: 'x'.repeat(3000) })] }),
    )
    expect(rest).toEqual([])
    expect(one!.url).toBe('https://events.pd.example/v2/enqueue')
    expect(one!.body).toMatchObject({
      routing_key: 'routing',
      event_action: 'trigger',
      dedup_key: '0123456789abcdef',
      client: 'acmetap',
      payload: {
        source: 'edge-1',
        severity: 'warning',
        timestamp: '2026-01-31T12:00:00.000Z',
        component: 'pebble',
      },
      links: [{ href: LINK, text: 'Open in acmetap' }],
    })
    expect(one!.body.payload.summary.length).toBeLessThanOrEqual(1024)
    expect(one!.body.payload.custom_details).toMatchObject({
      silence: expect.stringContaining('acmetap alerts silence --rule validation-failed --key '),
      runbook: 'docs/runbooks/validation-failed.md',
    })
    expect(sent('pagerduty', over).map(({ body }) => [body.event_action, body.dedup_key])).toEqual([
      ['resolve', '0123456789abcdef'],
    ])
    expect(sent('pagerduty', notificationOf({ alerts: alertsOf(3) }))).toHaveLength(3)
  })

  test('a group too large to list is one incident, which ends as it began', () => {
    const [trigger, ...rest] = sent('pagerduty', large())
    expect(rest).toEqual([])
    expect(trigger!.body.payload.summary).toContain('10000 names failed')
    const ends = sent('pagerduty', {
      ...large('resolved'),
      alerts: alertsOf(20, () => ({ state: 'resolved' })),
    })
    expect(ends).toHaveLength(21)
    expect(ends.at(-1)!.body).toMatchObject({ event_action: 'resolve', dedup_key: trigger!.body.dedup_key })
  })

  test('a report pages nobody, a test ends itself', () => {
    expect(sent('pagerduty', notificationOf({ kind: 'report', alerts: [], text: 'x' }))[0]!.url).toContain(
      '/v2/change/enqueue',
    )
    const tested = sent('pagerduty', notificationOf({ kind: 'test', alerts: [], text: 'x' }))
    expect(tested.map(({ body }) => body.event_action)).toEqual(['trigger', 'resolve'])
  })
})

describe('opsgenie', () => {
  test('creates and closes by alias', () => {
    const [one] = sent(
      'opsgenie',
      notificationOf({ alerts: [alertOf({ severity: 'critical', title: 'x'.repeat(500) })] }),
    )
    expect(one!.url).toBe('https://api.og.example/v2/alerts')
    expect(one!.fields).toMatchObject({ authorization: 'GenieKey genie' })
    expect(one!.body).toMatchObject({
      alias: '0123456789abcdef',
      priority: 'P1',
      source: 'edge-1',
      tags: ['acmetap', 'validation-failed'],
    })
    expect(one!.body.message.length).toBeLessThanOrEqual(130)
    expect(one!.body.description.length).toBeLessThanOrEqual(15_000)
    expect(sent('opsgenie', over)[0]!.url).toBe(
      'https://api.og.example/v2/alerts/0123456789abcdef/close?identifierType=alias',
    )
  })

  test('a sign of life pings a heartbeat; that there is none hinders nothing else', () => {
    const [ping] = SERVICES.opsgenie!.requests(
      renderer.render(notificationOf({ kind: 'heartbeat', alerts: [], text: 'x' })),
      AT,
    )
    expect(ping).toMatchObject({ url: 'https://api.og.example/v2/heartbeats/acmetap/ping', alone: true })
  })
})

describe('alertmanager', () => {
  const posted = z.array(
    z.strictObject({
      labels: z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string().min(1)),
      annotations: z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string()),
      startsAt: z.iso.datetime(),
      endsAt: z.iso.datetime(),
      generatorURL: z.url().optional(),
    }),
  )

  test('fires for as long as acmetap may be away, and ends when it is over', () => {
    const [firing] = posted.parse(sent('alertmanager')[0]!.body)
    expect(firing!.labels).toEqual({
      alertname: 'validation-failed',
      severity: 'warning',
      alert: '0123456789abcdef',
      ca: 'pebble',
      job: 'acmetap',
      instance: 'edge-1',
    })
    expect(Date.parse(firing!.endsAt)).toBe(AT + HOLD)
    expect(firing!.generatorURL).toBe(LINK)
    const [ended] = posted.parse(sent('alertmanager', over)[0]!.body)
    expect(ended!.labels).toEqual(firing!.labels)
    expect(ended!.endsAt).toBe('2026-01-31T13:00:00.000Z')
  })

  test('what a group does not list is one alert more', () => {
    const alerts = posted.parse(sent('alertmanager', large())[0]!.body)
    expect(alerts).toHaveLength(21)
    expect(alerts.at(-1)!.labels).toMatchObject({ alertname: 'validation-failed', alert: 'group' })
  })

  test('a sign of life is an alert that ends when there are no more', () => {
    const [beat] = posted.parse(
      sent('alertmanager', notificationOf({ kind: 'heartbeat', rule: null, alerts: [], text: 'x' }))[0]!.body,
    )
    expect(beat!.labels.alertname).toBe('acmetap-heartbeat')
    expect(Date.parse(beat!.endsAt)).toBe(AT + 180_000)
  })
})

describe('what strangers say is markup nowhere', () => {
  const hostileOf = (hostile: string) => {
    const base = alertOf()
    const alert = alertOf({
      title: hostile,
      cause: hostile,
      said: hostile,
      subject: { ...base.subject, ca: hostile, names: [hostile], clientText: hostile },
    })
    return notificationOf({ alerts: [alert], title: hostile })
  }

  test.each(HOSTILE)('%j', (hostile) => {
    const notification = hostileOf(hostile)
    const bodyOf = (name: string) => sent(name, notification)[0]!.body
    for (const name of Object.keys(SERVICES)) {
      const [request] = SERVICES[name]!.requests(renderer.render(notification), AT)
      // A machine reads the event: its data is what it is, its message is for people.
      const { message } = name === 'webhook' ? JSON.parse(request!.body).data : { message: null }
      expect(message === null ? request!.body : JSON.stringify(message), name).not.toMatch(
        /[\r\n\0\u202e\u2028\ufeff]/,
      )
      for (const field of Object.values(request!.fields)) expect(field).not.toMatch(/[\r\n]/)
    }
    const slacked = bodyOf('slack')
    expect(slacked.text).not.toMatch(/<[!@#h]/)
    expect(slacked.blocks[0].text.type).toBe('plain_text')
    for (const element of slacked.blocks[1].elements[0].elements) {
      if (element.type === 'link') expect(element.url).toMatch(/^https:\/\/acmetap\.example\//)
    }
    const told = bodyOf('telegram').text as string
    expect(told.replace(/^<b>|<\/b>\n/g, '')).not.toMatch(/[<>]/)
    expect(told).not.toMatch(/@(?!\u200b)/)
    const embed = bodyOf('discord').embeds[0]
    for (const text of [embed.title, embed.description] as string[]) {
      expect(text).not.toMatch(/(?<!\\)[*_~|`[\]<>]/)
      expect(text).not.toMatch(/@(?!\u200b)/)
    }
    const [attachment] = bodyOf('mattermost').attachments
    expect(attachment.text.match(/```/g)).toHaveLength(2)
    for (const text of [attachment.title, attachment.fallback] as string[]) {
      expect(text).not.toMatch(/(?<!\\)[*_~|`[\]<>]/)
      expect(text).not.toMatch(/@(?!\u200b)/)
    }
  })
})
