import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Channel, ChannelSettings } from '../../../src/alerts/channels/channel.ts'
import { channelOf } from '../../../src/alerts/channels/channels.ts'
import { Renderer } from '../../../src/alerts/render/renderer.ts'
import { OwnAddresses } from '../../../src/ca/own-addresses.ts'
import { createResolve } from '../../../src/ca/resolve.ts'
import { HOSTILE } from '../../support/alerts/hostile-texts.ts'
import { alertOf, alertSettings, notificationOf } from '../../support/alerts/notifications.ts'
import { type Receiver, startReceiver } from '../../support/alerts/receiver.ts'
import {
  type Alertmanager,
  reasonWithoutAlertmanager,
  startAlertmanager,
} from '../../support/peers/alertmanager.ts'

const missing = await reasonWithoutAlertmanager()
const renderer = new Renderer(alertSettings({ url: 'https://acmetap.example' }))
const never = new AbortController().signal

interface Told {
  readonly status: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly generatorURL: string
}

describe.skipIf(missing !== null)(`a real Alertmanager${missing === null ? '' : ` (${missing})`}`, () => {
  let hook: Receiver
  let manager: Alertmanager
  let channel: Channel
  beforeAll(async () => {
    hook = await startReceiver()
    manager = await startAlertmanager(hook.url)
    const { channels } = alertSettings({ channels: [{ name: 'am', alertmanager: { url: manager.url } }] })
    const way = { resolve: createResolve(), own: new OwnAddresses(), proxy: null }
    channel = channelOf(channels![0] as ChannelSettings, { way, instance: 'edge-1', url: null })
  })
  afterAll(async () => {
    await channel?.close()
    await manager?.stop()
    await hook?.close()
  })

  const since = new Date(Date.now() - 60_000).toISOString()
  const firing = alertOf({ since })
  const over = alertOf({
    since,
    state: 'resolved',
    resolved: new Date().toISOString(),
    resolution: 'Validated.',
  })
  const send = (more: Parameters<typeof notificationOf>[0]) =>
    channel.send(
      renderer.render(notificationOf({ made: new Date().toISOString(), ...more })),
      Date.now(),
      never,
    )
  const ids = async () => (await manager.firing()).map(({ labels }) => labels.alert)

  /** What the receiver was told of an alert, when it was. */
  async function told(alert: string, status: string): Promise<Told> {
    for (let tries = 0; tries < 800; tries += 1) {
      for (const { body } of hook.received) {
        const { alerts } = JSON.parse(body) as { readonly alerts: readonly Told[] }
        const found = alerts.find((one) => one.labels.alert === alert && one.status === status)
        if (found) return found
      }
      await sleep(50)
    }
    throw new Error(`nobody was told that ${alert} is ${status}`)
  }

  test('fires there, is told on with all it says, and ends there', async () => {
    expect(await send({ alerts: [firing] })).toEqual({ kind: 'taken', said: '200' })
    expect(await ids()).toEqual(['0123456789abcdef'])
    const notified = await told('0123456789abcdef', 'firing')
    expect(notified.labels).toMatchObject({
      alertname: 'validation-failed',
      severity: 'warning',
      ca: 'pebble',
    })
    expect(notified.annotations).toMatchObject({
      summary: 'www.example.com: connection refused',
      description: 'Nobody listens on port 80 of www.example.com.',
      runbook: 'docs/runbooks/validation-failed.md',
    })
    expect(notified.generatorURL).toMatch(/^https:\/\/acmetap\.example\/api\/v1\/exchanges\//)
    // Twice the same is one alert.
    await send({ alerts: [firing] })
    expect(await ids()).toEqual(['0123456789abcdef'])
    await send({ kind: 'resolved', alerts: [over] })
    expect((await told('0123456789abcdef', 'resolved')).annotations.resolution).toBe('Validated.')
    expect(await ids()).toEqual([])
  })

  test('what it forgot when it was restarted is there again after a reminder', async () => {
    const alert = alertOf({ id: 'feedfeedfeedfeed', since })
    await send({ alerts: [alert] })
    await manager.restart()
    expect(await ids()).toEqual([])
    const reminder = renderer.render(notificationOf({ alerts: [alert] }))
    expect(await channel.remind!([reminder], Date.now(), never)).toMatchObject({ kind: 'taken' })
    expect(await ids()).toEqual(['feedfeedfeedfeed'])
  })

  test('what strangers say is taken', async () => {
    for (const [at, hostile] of HOSTILE.entries()) {
      const base = alertOf()
      const alert = alertOf({
        id: at.toString(16).padStart(16, 'b'),
        since,
        title: hostile,
        cause: hostile,
        said: hostile,
        subject: { ...base.subject, ca: hostile, names: [hostile] },
      })
      expect(await send({ alerts: [alert] })).toEqual({ kind: 'taken', said: '200' })
    }
    expect((await ids()).filter((id) => id?.startsWith('bbb'))).toHaveLength(HOSTILE.length)
  })

  test('a test, a report and a sign of life', async () => {
    for (const kind of ['test', 'report', 'heartbeat'] as const) {
      expect(await send({ kind, rule: null, alerts: [], count: 0, text: 'x' })).toMatchObject({
        kind: 'taken',
      })
    }
    const names = (await manager.firing()).map(({ labels }) => labels.alertname)
    expect(names).toEqual(expect.arrayContaining(['acmetap-test', 'acmetap-report', 'acmetap-heartbeat']))
  })
})
