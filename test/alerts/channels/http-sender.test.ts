import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Channel, ChannelSettings, Receipt } from '../../../src/alerts/channels/channel.ts'
import { channelOf } from '../../../src/alerts/channels/channels.ts'
import { httpSender } from '../../../src/alerts/channels/http-sender.ts'
import { webhook } from '../../../src/alerts/channels/webhook.ts'
import { Renderer } from '../../../src/alerts/render/renderer.ts'
import type { WayOut } from '../../../src/ca/dial.ts'
import { OwnAddresses } from '../../../src/ca/own-addresses.ts'
import { createResolve } from '../../../src/ca/resolve.ts'
import { makeServerCertificate } from '../../../src/cli/demo/test-certificates.ts'
import { alertSettings, notificationOf } from '../../support/alerts/notifications.ts'
import { type Receiver, startReceiver } from '../../support/alerts/receiver.ts'

const rendered = new Renderer(alertSettings()).render(notificationOf())
const AT = Date.parse('2026-01-31T12:05:02.000Z')
const never = new AbortController().signal
const CANARY = 'canary-3f9c1e77'

let folder: string
let receiver: Receiver
const open: { close(): Promise<void> }[] = []
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'channels-'))
  receiver = await startReceiver()
  open.push(receiver)
})
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  rmSync(folder, { recursive: true, force: true })
})

function wayOut(more: Partial<WayOut> = {}): WayOut {
  return { resolve: createResolve(), own: new OwnAddresses(), proxy: null, ...more }
}

function channel(settings: Record<string, unknown>, way = wayOut()): Channel {
  const { channels } = alertSettings({ channels: [{ name: 'ops', ...settings }] })
  const made = channelOf(channels![0] as ChannelSettings, { way, instance: 'edge-1', url: null })
  open.push(made)
  return made
}
const send = (one: Channel): Promise<Receipt> => one.send(rendered, AT, never)

describe('answers', () => {
  test.each([
    [200, 'taken'],
    [202, 'taken'],
    [204, 'taken'],
    [302, 'rejected'],
    [400, 'refused'],
    [401, 'rejected'],
    [403, 'rejected'],
    [404, 'rejected'],
    [408, 'later'],
    [410, 'rejected'],
    [413, 'refused'],
    [422, 'refused'],
    [429, 'later'],
    [500, 'later'],
    [503, 'later'],
  ] as const)('%i: %s', async (status, kind) => {
    receiver.reply = () => ({
      status,
      headers: { location: `${receiver.url}/elsewhere` },
      body: status === 204 ? '' : 'why',
    })
    const receipt = await send(channel({ webhook: { url: `${receiver.url}/hook` } }))
    expect(receipt.kind).toBe(kind)
    if (receipt.kind !== 'taken')
      expect(receipt.error).toBe(
        status === 302
          ? `${receiver.url} answered 302 why: a redirect, which is not followed`
          : `${receiver.url} answered ${status} why`,
      )
    expect(receiver.received.map(({ method, path: at }) => `${method} ${at}`)).toEqual(['POST /hook'])
  })

  test.each([
    ['30', 30_000],
    ['Sat, 31 Jan 2026 12:06:02 GMT', 60_000],
    ['soon', null],
  ])('Retry-After: %s', async (value, after) => {
    receiver.reply = () => ({ status: 429, headers: { 'retry-after': value } })
    expect(await send(channel({ webhook: { url: receiver.url } }))).toMatchObject({ kind: 'later', after })
  })

  test('Telegram says in the body how long to wait, and that the chat is not there', async () => {
    const one = channel({ telegram: { url: receiver.url, token: 't', chat: '1' } })
    receiver.reply = () => ({ status: 429, body: '{"ok":false,"parameters":{"retry_after":35}}' })
    expect(await send(one)).toMatchObject({ kind: 'later', after: 35_000 })
    receiver.reply = () => ({ status: 400, body: '{"ok":false,"description":"Bad Request: chat not found"}' })
    expect(await send(one)).toMatchObject({ kind: 'rejected' })
    receiver.reply = () => ({
      status: 400,
      body: '{"ok":false,"description":"Bad Request: can\'t parse entities"}',
    })
    expect(await send(one)).toMatchObject({ kind: 'refused' })
  })

  test('a wrong key of PagerDuty is about the channel, a wrong event is not', async () => {
    const one = channel({ pagerduty: { url: receiver.url, routing_key: 'k' } })
    receiver.reply = () => ({
      status: 400,
      body: '{"status":"invalid event","errors":["Length of \'routing_key\' is incorrect"]}',
    })
    expect(await send(one)).toMatchObject({ kind: 'rejected' })
    receiver.reply = () => ({
      status: 400,
      body: '{"status":"invalid event","errors":["\'summary\' is missing"]}',
    })
    expect(await send(one)).toMatchObject({ kind: 'refused' })
  })

  test('a front end of Teams that says 200 and means no', async () => {
    receiver.reply = () => ({ status: 200, body: 'Webhook message delivery failed with error 429' })
    expect(await send(channel({ teams: { url: receiver.url } }))).toMatchObject({ kind: 'later' })
  })

  test('a heartbeat that Opsgenie does not know is no fault of the channel', async () => {
    receiver.reply = () => ({ status: 404, body: '{}' })
    const beat = new Renderer(alertSettings()).render(
      notificationOf({ kind: 'heartbeat', alerts: [], text: 'x' }),
    )
    const one = channel({ opsgenie: { url: receiver.url, api_key: 'k' } })
    expect(await one.send(beat, AT, never)).toMatchObject({ kind: 'refused' })
    expect(await send(one)).toMatchObject({ kind: 'rejected' })
  })

  test('of an endless answer 64 KiB are read', async () => {
    receiver.reply = () => ({ status: 200, body: 'x'.repeat(5_000_000) })
    const receipt = await send(channel({ webhook: { url: receiver.url } }))
    expect(receipt.kind === 'taken' && receipt.said.length).toBeLessThan(300)
  })

  test('none in time', async () => {
    receiver.reply = () => null
    const service = webhook({ url: receiver.url, secret: null, source: 'x' })
    const one = httpSender({ name: 'ops', service, way: wayOut(), trust: null, timeout: 150 })
    open.push(one)
    expect(await send(one)).toMatchObject({
      kind: 'later',
      error: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+: no .* within 150 ms$/),
    })
  })

  test('nobody listens', async () => {
    await receiver.close()
    expect(await send(channel({ webhook: { url: receiver.url } }))).toMatchObject({
      kind: 'later',
      error: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/),
    })
  })
})

describe('TLS', () => {
  test('is verified, by the roots that are named', async () => {
    const made = await makeServerCertificate(['localhost'], ['127.0.0.1'])
    const secure = await startReceiver(made)
    open.push(secure)
    expect(await send(channel({ webhook: { url: secure.url } }))).toMatchObject({
      kind: 'later',
      error: expect.stringMatching(/UNABLE_TO_VERIFY|SELF_SIGNED/),
    })
    const trust = path.join(folder, 'root.pem')
    writeFileSync(trust, made.root)
    expect(await send(channel({ webhook: { url: secure.url, trust } }))).toMatchObject({ kind: 'taken' })
    const elsewhere = secure.url.replace('127.0.0.1', '127.0.0.2')
    expect((await send(channel({ webhook: { url: elsewhere, trust } }))).kind).toBe('later')
    expect(secure.received).toHaveLength(1)
  })
})

describe('where no channel lives (W10, N2)', () => {
  test.each([
    'http://169.254.169.254/latest/',
    'http://[fe80::1]/',
    'http://[::ffff:169.254.169.254]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[fd00:ec2::254]/',
    'http://100.100.100.200/',
    'http://0xa9fea9fe/',
  ])('%s', async (url) => {
    expect(await send(channel({ webhook: { url } }))).toMatchObject({
      kind: 'later',
      error: expect.stringMatching(/is link-local or a metadata service/),
    })
  })

  test('a name that leads there', async () => {
    const resolve = async () => ['192.0.2.1', '169.254.169.254']
    expect(
      await send(channel({ webhook: { url: 'http://hooks.example/' } }, wayOut({ resolve }))),
    ).toMatchObject({
      error: expect.stringContaining('hooks.example leads to 169.254.169.254, which is link-local'),
    })
  })

  test("acmetap's own listener", async () => {
    const own = new OwnAddresses()
    own.use([{ address: '0.0.0.0', port: receiver.port }])
    expect(await send(channel({ webhook: { url: receiver.url } }, wayOut({ own })))).toMatchObject({
      error: expect.stringContaining("is acmetap's own listener"),
    })
    expect(receiver.received).toEqual([])
  })
})

describe('secrets', () => {
  const kinds: Record<string, () => Record<string, unknown>> = {
    webhook: () => ({ webhook: { url: `${receiver.url}/${CANARY}?k=${CANARY}`, secret: CANARY } }),
    slack: () => ({ slack: { url: `${receiver.url}/services/T0000/${CANARY}` } }),
    teams: () => ({ teams: { url: `${receiver.url}/workflows/x?sig=${CANARY}` } }),
    discord: () => ({ discord: { url: `${receiver.url}/api/webhooks/1/${CANARY}` } }),
    mattermost: () => ({ mattermost: { url: `${receiver.url}/hooks/${CANARY}` } }),
    telegram: () => ({ telegram: { url: receiver.url, token: CANARY, chat: '1' } }),
    ntfy: () => ({ ntfy: { url: receiver.url, token: CANARY, topic: 't' } }),
    pagerduty: () => ({ pagerduty: { url: receiver.url, routing_key: CANARY } }),
    opsgenie: () => ({ opsgenie: { url: receiver.url, api_key: CANARY } }),
  }
  test.each(Object.keys(kinds))('a channel that repeats what it was sent: %s', async (kind) => {
    const forms = [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString('base64')]
    for (const status of [200, 400, 403, 500]) {
      receiver.reply = ({ path: at, headers }) => ({
        status,
        body: `${at} ${headers.authorization} ${forms.join(' ')}`,
      })
      const receipt = await send(channel(kinds[kind]!()))
      const told = JSON.stringify(receipt)
      for (const form of forms) expect(told).not.toContain(form)
      expect(told).toContain('[secret]')
    }
  })
})
