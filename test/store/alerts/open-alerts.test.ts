import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AlertDesk } from '../../../src/alerts/alert-desk.ts'
import type { EndpointState } from '../../../src/alerts/endpoint.ts'
import { StoreRefusal } from '../../../src/store/refusal.ts'
import { alertsFile } from '../../../src/store/sqlite/alerts/alerts-file.ts'
import { openAlerts } from '../../../src/store/sqlite/alerts/open-alerts.ts'
import { openAlertsOffline } from '../../../src/store/sqlite/alerts/open-alerts-offline.ts'
import { StoreFaults } from '../../../src/store/sqlite/faults.ts'
import { lockFolder } from '../../../src/store/sqlite/lock.ts'
import { HappeningWorld } from '../../support/alerts/happening-world.ts'
import { notificationOf } from '../../support/alerts/occurrences.ts'
import { alertSettings } from '../../support/alerts/settings.ts'

const SETTINGS = alertSettings({
  channels: [{ name: 'ops', webhook: { url: 'https://hooks.example.net/' } }],
  wait: '0s',
})
const DAY = 86_400_000

let world: HappeningWorld
let desk: AlertDesk | null = null

beforeEach(async () => {
  world = await HappeningWorld.create()
})
afterEach(async () => {
  await desk?.close()
  desk = null
  await world.remove()
})

async function open(faults?: StoreFaults): Promise<AlertDesk> {
  desk = await openAlerts({ folder: world.folder, settings: SETTINGS, ...(faults && { faults }) })
  // It has begun: what happens from here on is news.
  await expect.poll(async () => (await desk!.progress()).fault, { timeout: 10_000 }).toBeNull()
  return desk
}

const fail = (name: string) => world.happen([{ kind: 'failed', name, at: Date.now() }])
const inADay = () => new Date(Date.now() + DAY).toISOString()
const found = (endpoint: string, parts: Partial<EndpointState> = {}): EndpointState => ({
  endpoint,
  source: 'config',
  probed: '2026-03-02T10:00:00.000Z',
  served: null,
  error: 'connection refused',
  failingSince: '2026-03-02T10:00:00.000Z',
  newer: null,
  ...parts,
})

describe('the desk over its thread', () => {
  test('tells of news, gives what is due, and keeps what became of it', async () => {
    const { outbox, reader, feed, onNews, progress } = await open()
    const news = new Promise<void>((resolve) => onNews(resolve))
    fail('www.example.com')
    feed.wake()
    await news
    const [due] = await outbox.due(Date.now() + 60_000, 10)
    expect(due).toMatchObject({ channel: 'ops', kind: 'firing', count: 1 })
    expect(await outbox.next()).toBeLessThanOrEqual(Date.now())
    await outbox.settle(due!.id, 'ops', { state: 'delivered', at: Date.now() })
    expect(await outbox.next()).toBeNull()
    const { items } = await reader.deliveries({ limit: 10, channel: 'ops' })
    expect(items).toMatchObject([{ state: 'delivered', attempts: 1 }])
    const [alert] = (await reader.alerts({ limit: 10, name: { kind: 'below', value: 'example.com' } })).items
    expect(alert).toMatchObject({ rule: 'validation-failed', subject: { names: ['www.example.com'] } })
    expect(await reader.alert(alert!.id)).toEqual(alert)
    expect(await reader.alert('0000000000000000')).toBeNull()
    expect((await progress()).latency?.count).toBe(1)
    expect((await desk!.counts()).began).toEqual([{ rule: 'validation-failed', count: 1 }])
  })

  test('finds what the inventory took in after it was woken, and without being woken at all', async () => {
    const { feed, reader } = await open()
    feed.wake()
    fail('a.example.com')
    fail('b.example.com')
    await expect
      .poll(async () => (await reader.alerts({ limit: 10 })).items.length, { timeout: 10_000 })
      .toBe(2)
  })

  test('takes silences, refuses those that hold for nothing, for ever or not at all', async () => {
    const { actions, reader } = await open()
    const made = await actions.silence({ name: '.example.com', until: inADay(), reason: 'move' }, 'jane')
    expect(await reader.silences(false)).toEqual([made])
    expect(made).toMatchObject({ by: 'jane', ended: null, reason: 'move' })
    const refused = { name: 'FilterRefused' }
    await expect(actions.silence({ until: inADay(), reason: 'x' }, 'j')).rejects.toMatchObject(refused)
    const past = { rule: 'refused', until: '2020-01-01T00:00:00.000Z', reason: 'x' } as const
    await expect(actions.silence(past, 'j')).rejects.toMatchObject({ ...refused, filter: 'until' })
    const far = { ...past, until: new Date(Date.now() + 400 * DAY).toISOString() }
    await expect(actions.silence(far, 'j')).rejects.toMatchObject({ ...refused, filter: 'until' })
    expect(await actions.endSilence(made.id)).toBe(true)
    expect(await actions.endSilence(made.id)).toBe(false)
    expect(await reader.silences(false)).toEqual([])
    expect(await reader.silences(true)).toMatchObject([{ id: made.id, ended: expect.any(String) }])
  })

  test('keeps the watch list: what was added stays, what is no longer watched goes', async () => {
    const { actions, feed, reader } = await open()
    expect(await actions.addEndpoint('mail.example.com:25/smtp')).toMatchObject({
      source: 'added',
      probed: null,
    })
    await expect(actions.addEndpoint('mail.example.com')).rejects.toMatchObject({ filter: 'endpoint' })
    await feed.probed(found('www.example.com:443'))
    await feed.probed(found('[2001:db8::1]:443', { source: 'learned' }))
    await feed.probed(found('gone.example.com:443', { source: 'added' }))
    const listed = async (filter = {}) =>
      (await reader.endpoints({ limit: 10, ...filter })).items.map(({ endpoint }) => endpoint)
    expect(await listed()).toEqual(['[2001:db8::1]:443', 'www.example.com:443', 'mail.example.com:25/smtp'])
    expect(await listed({ host: '2001:db8::1' })).toEqual(['[2001:db8::1]:443'])
    expect(await listed({ source: 'config' })).toEqual(['www.example.com:443'])
    expect(await actions.removeEndpoint('www.example.com:443')).toBe(false)
    await feed.watched(['www.example.com:443'])
    expect(await listed()).toEqual(['www.example.com:443', 'mail.example.com:25/smtp'])
    await feed.probed(found('mail.example.com:25/smtp', { source: 'added', error: null }))
    expect((await desk!.counts()).endpoints).toEqual([{ state: 'unreachable', count: 2 }])
    expect(await actions.removeEndpoint('mail.example.com:25/smtp')).toBe(true)
    expect(await listed()).toEqual(['www.example.com:443'])
  })

  test('tells its fault, and goes on once it is over', async () => {
    const faults = new StoreFaults()
    const { feed, progress, reader } = await open(faults)
    faults.failCommits('full')
    fail('a.example.com')
    feed.wake()
    await expect.poll(async () => (await progress()).fault, { timeout: 10_000 }).toContain('full')
    faults.failCommits('none')
    await expect
      .poll(async () => (await reader.alerts({ limit: 5 })).items.length, { timeout: 10_000 })
      .toBe(1)
    expect((await progress()).fault).toBeNull()
  })

  test('puts in what others want to be told', async () => {
    const { outbox } = await open()
    const { number: _, ...wanted } = notificationOf(1, { kind: 'test', key: 'test' })
    expect(await outbox.add(wanted)).toEqual({ ...wanted, number: 1 })
    expect(await outbox.due(Date.now() + 1e12, 5)).toHaveLength(1)
  })
})

describe('without a server', () => {
  test('alerts are read as they stand, and silences made', async () => {
    const { reader } = await open()
    fail('a.example.com')
    await expect
      .poll(async () => (await reader.alerts({ limit: 5 })).items.length, { timeout: 10_000 })
      .toBe(1)
    const offline = openAlertsOffline(world.folder)
    expect((await offline.reader.alerts({ limit: 5 })).items).toHaveLength(1)
    await desk!.close()
    desk = null
    const made = await offline.actions.silence({ rule: 'refused', until: inADay(), reason: 'x' }, 'root')
    expect(await offline.reader.silences(false)).toEqual([made])
    await offline.close()
  })

  test('while one runs it is the one to ask', async () => {
    const lock = lockFolder(world.folder)
    const { actions, close } = openAlertsOffline(world.folder)
    await expect(actions.endSilence('0123456789abcdef')).rejects.toMatchObject({ reason: 'inUse' })
    lock.release()
    await close()
  })

  test('where nothing was ever kept there is nothing, and nothing is made', async () => {
    const { reader } = openAlertsOffline(world.folder)
    expect(await reader.alerts({ limit: 5 })).toEqual({ items: [], next: null })
    expect(await reader.silences(true)).toEqual([])
    expect(existsSync(alertsFile(world.folder))).toBe(false)
  })
})

test('a backup is not taken for a folder where nothing fires', async () => {
  const file = join(world.folder, 'record.backup')
  writeFileSync(file, '')
  const offline = openAlertsOffline(file)
  await expect(offline.reader.alerts({ limit: 10 })).rejects.toThrow(
    /is a backup, and a backup holds the record alone/,
  )
  await expect(offline.reader.silences(false)).rejects.toBeInstanceOf(StoreRefusal)
  await offline.close()
})
