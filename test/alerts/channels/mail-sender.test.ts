import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Channel, ChannelSettings } from '../../../src/alerts/channels/channel.ts'
import { channelOf } from '../../../src/alerts/channels/channels.ts'
import type { Notification } from '../../../src/alerts/notification.ts'
import { Renderer } from '../../../src/alerts/render/renderer.ts'
import { OwnAddresses } from '../../../src/ca/own-addresses.ts'
import { createResolve } from '../../../src/ca/resolve.ts'
import { HOSTILE } from '../../support/alerts/hostile-texts.ts'
import { alertOf, alertSettings, notificationOf } from '../../support/alerts/notifications.ts'
import { reasonWithoutSmtp, type SmtpServer, startSmtpServer } from '../../support/peers/smtp-server.ts'

const missing = await reasonWithoutSmtp()
const renderer = new Renderer(alertSettings({ url: 'https://acmetap.example' }))
const AT = Date.parse('2026-01-31T12:05:02.000Z')
const never = new AbortController().signal

function channel(email: Record<string, unknown>, resolve = createResolve()): Channel {
  const { channels } = alertSettings({
    channels: [
      {
        name: 'ops',
        email: { from: 'acmetap@example.net', to: ['ops@example.net', 'b@example.org'], ...email },
      },
    ],
  })
  const way = { resolve, own: new OwnAddresses(), proxy: null }
  return channelOf(channels![0] as ChannelSettings, { way, instance: 'edge-1', url: null })
}
const send = (one: Channel, notification: Notification = notificationOf()) =>
  one.send(renderer.render(notification), AT, never)

describe.skipIf(missing !== null)(`mail to a real server${missing === null ? '' : ` (${missing})`}`, () => {
  describe('STARTTLS and a login', () => {
    let server: SmtpServer
    beforeAll(async () => {
      server = await startSmtpServer('starttls+auth')
    })
    afterAll(() => server?.stop())
    const settings = () => ({
      smtp: `smtp://localhost:${server.port}`,
      username: 'acmetap',
      password: server.password,
      trust: server.trust,
    })

    test('arrives over TLS, in both parts, with ids that stay and threads by key', async () => {
      const one = channel(settings())
      expect(await send(one)).toEqual({ kind: 'taken', said: '250 kept as 1' })
      expect(await send(one)).toMatchObject({ kind: 'taken' })
      const other = notificationOf({ id: '6f1c1c9e-0000-4000-8000-000000000002', severity: 'critical' })
      expect(await send(one, other)).toMatchObject({ kind: 'taken' })
      const [first, again, second] = await server.mails()
      expect(first!.envelope).toEqual({
        from: 'acmetap@example.net',
        to: ['ops@example.net', 'b@example.org'],
        tls: true,
        user: 'acmetap',
      })
      const { headers, parts } = first!
      expect(headers['content-type']![0]).toMatch(/^multipart\/alternative/)
      expect(parts.map(({ type }) => type)).toEqual(['text/plain', 'text/html'])
      expect(parts[0]!.text).toContain('Why: Nobody listens on port 80 of www.example.com. (http-refused)\n')
      expect(parts[0]!.text).toContain(
        'Do: Start the web server, then run acmetap doctor domain www.example.com',
      )
      expect(parts[0]!.text).toContain('Record: https://acmetap.example/api/v1/exchanges/')
      expect(parts[1]!.text).toContain(
        '<td>Nobody listens on port 80 of www.example.com. (http-refused)</td>',
      )
      expect(headers.subject).toEqual(['[warning] www.example.com: connection refused'])
      expect(headers['auto-submitted']).toEqual(['auto-generated'])
      expect(headers['message-id']).toEqual(['<6f1c1c9e-0000-4000-8000-000000000001@example.net>'])
      expect(again!.headers['message-id']).toEqual(headers['message-id'])
      expect(second!.headers['message-id']).not.toEqual(headers['message-id'])
      expect(second!.headers.references).toEqual(headers.references)
      expect(headers.references![0]).toMatch(/^<[0-9a-f]{32}@example\.net>$/)
      expect(second!.headers['x-priority']).toEqual(['1 (Highest)'])
    })

    test('a wrong password is about the channel, and is told to nobody', async () => {
      const receipt = await send(channel({ ...settings(), password: 'canary wrong 99' }))
      expect(receipt).toMatchObject({
        kind: 'rejected',
        error: expect.stringContaining('the login is refused'),
      })
      expect(JSON.stringify(receipt)).not.toContain('canary')
      expect(JSON.stringify(receipt)).not.toContain(
        Buffer.from('canary wrong').toString('base64').slice(0, 12),
      )
    })

    test('a certificate nobody vouches for is refused before a word', async () => {
      const { trust: _, ...rest } = settings()
      const before = (await server.mails()).length
      expect(await send(channel(rest))).toMatchObject({
        kind: 'later',
        error: expect.stringMatching(/certificate|self.signed/i),
      })
      expect(await server.mails()).toHaveLength(before)
    })
  })

  describe('plain text', () => {
    let server: SmtpServer
    beforeAll(async () => {
      server = await startSmtpServer('plain')
    })
    afterEach(() => server.answer({}))
    afterAll(() => server?.stop())
    const off = () => channel({ smtp: `smtp://127.0.0.1:${server.port}`, tls: 'off' })

    test('a server without STARTTLS gets nothing, unless tls is off', async () => {
      const receipt = await send(channel({ smtp: `smtp://127.0.0.1:${server.port}` }))
      expect(receipt.kind).not.toBe('taken')
      expect(await server.mails()).toEqual([])
      expect(await send(off())).toMatchObject({ kind: 'taken' })
      expect((await server.mails())[0]!.envelope).toMatchObject({ tls: false, user: null })
    })

    test.each([
      ['RCPT', '450 4.2.1 busy', 'later'],
      ['RCPT', '550 5.1.1 no such user', 'rejected'],
      ['DATA', '451 4.3.0 later', 'later'],
      ['DATA', '554 5.7.1 spam', 'refused'],
    ] as const)('%s answered %s: %s', async (verb, answer, kind) => {
      await server.answer({ [verb]: answer })
      const receipt = await send(off())
      expect(receipt.kind).toBe(kind)
      expect(receipt.kind !== 'taken' && receipt.error).toContain(answer.slice(4))
    })

    test('what strangers say adds no header, no recipient, no part, and ends no mail', async () => {
      const one = off()
      const before = (await server.mails()).length
      const base = alertOf()
      for (const hostile of HOSTILE) {
        const alert = alertOf({
          title: hostile,
          cause: hostile,
          said: hostile,
          subject: { ...base.subject, names: [hostile], clientText: hostile },
        })
        const notification = notificationOf({
          alerts: [alert],
          title: hostile,
          key: hostile,
          id: `id${hostile}`,
        })
        expect(await send(one, notification)).toMatchObject({ kind: 'taken' })
      }
      const mails = (await server.mails()).slice(before)
      expect(mails).toHaveLength(HOSTILE.length)
      const names = new Set(mails.flatMap(({ headers }) => Object.keys(headers)))
      expect([...names].sort()).toEqual([
        'auto-submitted',
        'content-type',
        'date',
        'from',
        'in-reply-to',
        'message-id',
        'mime-version',
        'references',
        'subject',
        'to',
        'x-acmetap-kind',
        'x-acmetap-notification',
        'x-acmetap-rule',
        'x-auto-response-suppress',
      ])
      for (const { headers, envelope, parts } of mails) {
        expect(envelope.to).toEqual(['ops@example.net', 'b@example.org'])
        expect(headers.subject).toHaveLength(1)
        expect(parts.map(({ type }) => type)).toEqual(['text/plain', 'text/html'])
        expect(parts[0]!.text).toContain('Silence: acmetap alerts silence')
      }
    })
  })

  test('TLS from the beginning', async () => {
    const server = await startSmtpServer('smtps+auth')
    try {
      const settings = {
        smtp: `smtps://127.0.0.1:${server.port}`,
        username: 'acmetap',
        password: server.password,
      }
      expect(await send(channel({ ...settings, trust: server.trust }))).toMatchObject({ kind: 'taken' })
      expect((await send(channel(settings))).kind).toBe('later')
      const other = { ...settings, smtp: `smtps://mail.example:${server.port}`, trust: server.trust }
      expect(await send(channel(other, async () => ['127.0.0.1']))).toMatchObject({
        kind: 'later',
        error: expect.stringContaining('mail.example'),
      })
      expect(await server.mails()).toHaveLength(1)
      expect((await server.mails())[0]!.envelope).toMatchObject({ tls: true, user: 'acmetap' })
    } finally {
      await server.stop()
    }
  })
})

test('a metadata address is no mail server', async () => {
  expect(await send(channel({ smtp: 'smtp://169.254.169.254:25' }))).toMatchObject({
    kind: 'later',
    error: expect.stringContaining('link-local'),
  })
})
