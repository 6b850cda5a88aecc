import { afterEach, describe, expect, test } from 'vitest'
import type { Channel, ChannelSettings, Receipt } from '../../src/alerts/channels/channel.ts'
import { Delivery, type DeliveryEvent, type Ticks } from '../../src/alerts/delivery.ts'
import type { Notification } from '../../src/alerts/notification.ts'
import type { Rendered } from '../../src/alerts/render/renderer.ts'
import type { AlertSettings } from '../../src/alerts/rule.ts'
import { OwnAddresses } from '../../src/ca/own-addresses.ts'
import { createResolve } from '../../src/ca/resolve.ts'
import { MemoryOutbox } from '../support/alerts/memory-outbox.ts'
import { alertOf, alertSettings, notificationOf } from '../support/alerts/notifications.ts'

const way = { resolve: createResolve(), own: new OwnAddresses(), proxy: null }
const START = Date.parse('2026-01-31T12:00:00.000Z')

/** A clock that goes on when it is told to: sleepers wake when their time has come. */
class FakeTicks implements Ticks {
  #now = START
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { at: this.#now + ms, wake: resolve }
      this.#sleepers.add(sleeper)
      signal.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper)
        reject(signal.reason)
      })
    })
  }

  /** In steps, and after each whatever it sets off is awaited. */
  async advance(ms: number, step = 250): Promise<void> {
    const end = this.#now + ms
    while (this.#now < end) {
      this.#now = Math.min(end, this.#now + step)
      for (const sleeper of this.#sleepers) {
        if (sleeper.at > this.#now) continue
        this.#sleepers.delete(sleeper)
        sleeper.wake()
      }
      await idle()
    }
  }
}

/** Everything that only waits for promises has happened. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 25; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

interface Sent {
  readonly at: number
  readonly id: string
  readonly key: string
  readonly number: number
}

/** A channel whose answers a test gives. */
class FakeChannel implements Channel {
  readonly name: string
  readonly sent: Sent[] = []
  readonly taken: Sent[] = []
  readonly reminded: (readonly Rendered[])[] = []
  answer: (rendered: Rendered, attempt: number) => Receipt | Promise<Receipt> = () => ({
    kind: 'taken',
    said: '200',
  })
  remind: Channel['remind'] = null
  closed = false
  most = 0
  #busy = 0
  readonly #ticks: FakeTicks

  constructor(name: string, ticks: FakeTicks) {
    this.name = name
    this.#ticks = ticks
  }

  async send(rendered: Rendered): Promise<Receipt> {
    this.#busy += 1
    this.most = Math.max(this.most, this.#busy)
    const { id, key, number } = rendered.notification
    const one = { at: this.#ticks.now() - START, id, key, number }
    this.sent.push(one)
    await new Promise((resolve) => setImmediate(resolve))
    const receipt = await this.answer(rendered, this.sent.length)
    if (receipt.kind === 'taken') this.taken.push(one)
    this.#busy -= 1
    return receipt
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

const open: Delivery[] = []
afterEach(async () => {
  for (const delivery of open.splice(0)) await delivery.close()
})

function world(names = ['ops'], more: { reader?: never; settings?: AlertSettings } = {}) {
  const ticks = new FakeTicks()
  const outbox = new MemoryOutbox()
  const events: DeliveryEvent[] = []
  const channels = new Map<string, FakeChannel>()
  const settingsOf = (list: readonly string[], path = 'x') =>
    alertSettings({
      channels: list.map((name) => ({ name, webhook: { url: `https://hooks.example/${path}` } })),
    })
  const delivery = new Delivery({
    outbox,
    settings: settingsOf(names),
    way,
    instance: 'edge-1',
    report: (event) => events.push(event),
    ticks,
    random: () => 0.5,
    open: ({ name }: ChannelSettings) => {
      const channel = new FakeChannel(name, ticks)
      channels.set(name, channel)
      return channel
    },
    ...more,
  })
  open.push(delivery)
  const add = async (channel: string, key: string, times = 1, more: Partial<Notification> = {}) => {
    for (let n = 0; n < times; n += 1) {
      const { number: _, ...rest } = notificationOf({ channel, key, ...more })
      await outbox.add({ ...rest, id: `${channel}-${key}-${outbox.entries.length}` })
    }
    delivery.wake()
    await idle()
  }
  return { ticks, outbox, events, channels, delivery, add, settingsOf, ops: channels.get('ops')! }
}

const down: Receipt = { kind: 'later', error: 'ECONNREFUSED', after: null }

test('what is in the outbox is sent, and settled', async () => {
  const { ops, outbox, add, events, delivery } = world()
  await add('ops', 'a', 3)
  await add('ops', 'b', 2)
  await idle()
  expect(ops.taken).toHaveLength(5)
  expect(outbox.states()).toEqual({ delivered: 5, waiting: 0, refused: 0 })
  expect(events).toEqual([])
  expect(delivery.status()).toEqual([{ name: 'ops', failingSince: null, waiting: 0, error: null }])
})

test('what nobody woke it for is found after a while', async () => {
  const { ops, outbox, ticks } = world()
  await idle()
  await outbox.add(notificationOf())
  expect(ops.sent).toEqual([])
  await ticks.advance(6000)
  expect(ops.taken).toHaveLength(1)
})

describe('a channel that is down', () => {
  test('is tried at 1 s, 2 s, 4 s … 5 min, once for all its keys, and hinders no other', async () => {
    const { ops, channels, ticks, add, events, delivery } = world(['ops', 'pager'])
    ops.answer = () => down
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) await add('ops', key)
    await add('pager', 'a')
    expect(channels.get('pager')!.taken).toHaveLength(1)
    await ticks.advance(3_600_000, 500)
    // The first round may have more than one under way; after that one at a time.
    const times = [...new Set(ops.sent.map(({ at }) => at))]
    const gaps = times.slice(1).map((at, index) => at - times[index]!)
    expect(gaps.slice(0, 3)).toEqual([1000, 2000, 4000])
    expect(Math.max(...gaps)).toBeLessThanOrEqual(301_000)
    expect(gaps.slice(-5).every((gap) => gap >= 299_000)).toBe(true)
    expect(ops.sent.length).toBeLessThan(30)
    expect(events).toEqual([{ kind: 'failed', channel: 'ops', message: 'ECONNREFUSED' }])
    expect(delivery.status()).toContainEqual({
      name: 'ops',
      failingSince: START,
      waiting: 6,
      error: 'ECONNREFUSED',
    })
  })

  test('for an hour and then up again: nothing is lost, the order of each key kept, the ids the same', async () => {
    const { ops, ticks, add, outbox, events } = world()
    ops.answer = () => (ticks.now() < START + 3_600_000 ? down : { kind: 'taken', said: '200' })
    for (let minute = 0; minute < 60; minute += 1) {
      for (const key of ['a', 'b', 'c', 'd', 'e']) await add('ops', key)
      await ticks.advance(60_000, 2000)
    }
    await ticks.advance(600_000, 500)
    expect(outbox.states()).toEqual({ delivered: 300, waiting: 0, refused: 0 })
    expect(ops.taken).toHaveLength(300)
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      const numbers = ops.taken.filter((one) => one.key === key).map(({ number }) => number)
      expect(numbers).toEqual([...numbers].sort((x, y) => x - y))
    }
    const attempts = new Set(ops.sent.filter(({ at }) => at < 3_600_000).map(({ id }) => id))
    expect([...attempts].every((id) => ops.taken.some((one) => one.id === id))).toBe(true)
    expect(events.map(({ kind }) => kind)).toEqual(['failed', 'recovered'])
  })

  test('Retry-After is heeded, from 1 s to 1 h', async () => {
    const { ops, ticks, add } = world()
    const waits = [30_000, 10, 86_400_000]
    ops.answer = (_rendered, attempt) =>
      attempt <= 3 ? { kind: 'later', error: '429', after: waits[attempt - 1]! } : { kind: 'taken', said: '' }
    await add('ops', 'a')
    await ticks.advance(4_000_000, 500)
    const [first, second, third, fourth] = ops.sent.map(({ at }) => at)
    expect(second! - first!).toBeGreaterThanOrEqual(30_000)
    expect(second! - first!).toBeLessThan(36_000)
    expect(third! - second!).toBeGreaterThanOrEqual(1000)
    expect(third! - second!).toBeLessThan(10_000)
    expect(fourth! - third!).toBeGreaterThanOrEqual(3_600_000)
    expect(fourth! - third!).toBeLessThan(3_606_000)
  })

  test('a token that was withdrawn loses nothing: tried each five minutes, at once under new settings', async () => {
    const { ops, channels, ticks, add, outbox, delivery, settingsOf } = world()
    ops.answer = () => ({ kind: 'rejected', error: '401' })
    await add('ops', 'a')
    await ticks.advance(1_000_000, 1000)
    expect(ops.sent.length).toBeLessThanOrEqual(4)
    expect(outbox.states().waiting).toBe(1)
    delivery.use(settingsOf(['ops'], 'rotated'))
    await idle()
    expect(ops.closed).toBe(true)
    expect(channels.get('ops')!.taken).toHaveLength(1)
    expect(outbox.states()).toEqual({ delivered: 1, waiting: 0, refused: 0 })
  })
})

test('what a channel refuses is settled so, told, and not in the way of what follows', async () => {
  const { ops, add, outbox, events } = world()
  ops.answer = (_rendered, attempt) =>
    attempt === 1 ? { kind: 'refused', error: '400 no' } : { kind: 'taken', said: '' }
  await add('ops', 'a', 2)
  await idle()
  expect(outbox.states()).toEqual({ delivered: 1, waiting: 0, refused: 1 })
  expect(outbox.entries[0]!.error).toBe('400 no')
  expect(events).toEqual([{ kind: 'refused', channel: 'ops', id: 'ops-a-0', message: '400 no' }])
})

test('a channel gets few at a time, a key one', async () => {
  const { ops, add } = world()
  let most = 0
  const busy = new Map<string, number>()
  ops.answer = async ({ notification: { key } }) => {
    busy.set(key, (busy.get(key) ?? 0) + 1)
    most = Math.max(most, busy.get(key)!)
    await idle()
    busy.set(key, busy.get(key)! - 1)
    return { kind: 'taken', said: '' }
  }
  for (let key = 0; key < 12; key += 1) await add('ops', `k${key}`, 3)
  for (let turn = 0; turn < 40; turn += 1) await idle()
  expect(ops.taken).toHaveLength(36)
  expect(ops.most).toBeGreaterThan(1)
  expect(ops.most).toBeLessThanOrEqual(4)
  expect(most).toBe(1)
})

test('one for a channel that is gone is refused', async () => {
  const { add, outbox } = world()
  await add('gone', 'a')
  await idle()
  expect(outbox.entries[0]).toMatchObject({ state: 'refused', error: 'no channel is called gone' })
})

test('an old sign of life is not sent', async () => {
  const { ops, add, outbox, ticks } = world()
  ops.answer = () => (ticks.now() < START + 1_800_000 ? down : { kind: 'taken', said: '' })
  await add('ops', 'heartbeat', 1, { kind: 'heartbeat', made: new Date(START).toISOString() })
  await ticks.advance(2_700_000, 2000)
  expect(ops.taken).toEqual([])
  expect(outbox.states()).toEqual({ delivered: 0, waiting: 0, refused: 1 })
})

test('a store that fails for a moment makes nothing be sent twice', async () => {
  const { ops, add, outbox, ticks } = world()
  outbox.faults.push(new Error('busy'), new Error('busy'))
  await add('ops', 'a')
  await ticks.advance(3000)
  expect(ops.sent).toHaveLength(1)
  expect(outbox.states().delivered).toBe(1)
})

test('an end in the middle repeats at most what was under way, under the same id', async () => {
  const outbox = new MemoryOutbox()
  const all: Sent[] = []
  for (let n = 0; n < 40; n += 1) {
    await outbox.add(notificationOf({ id: `n${n}`, key: `k${n % 4}` }))
  }
  for (let life = 0; life < 20; life += 1) {
    const ticks = new FakeTicks()
    const channel = new FakeChannel('ops', ticks)
    // What is answered after the end is never settled: the process was gone.
    let gone = false
    const dying = {
      due: (now: number, limit: number) => outbox.due(now, limit),
      hurry: async () => undefined,
      next: () => outbox.next(),
      add: (one: Notification) => outbox.add(one),
      settle: async (id: string, name: string, settled: Parameters<MemoryOutbox['settle']>[2]) => {
        if (gone) throw new Error('the process is gone')
        await outbox.settle(id, name, settled)
      },
    }
    const delivery = new Delivery({
      outbox: dying,
      settings: alertSettings({ channels: [{ name: 'ops', webhook: { url: 'https://hooks.example/' } }] }),
      way,
      instance: 'edge-1',
      report: () => undefined,
      ticks,
      random: () => 0.5,
      open: () => channel,
    })
    for (let turn = 0; turn < 3 + (life % 5) * 3; turn += 1)
      await new Promise((resolve) => setImmediate(resolve))
    gone = true
    all.push(...channel.sent)
    void delivery.close()
    await ticks.advance(5000, 1000)
  }
  const ids = all.map(({ id }) => id)
  expect(new Set(ids).size).toBe(40)
  // Never more at once than 4, so never more than 4 repeated by an end.
  expect(ids.length - 40).toBeLessThanOrEqual(20 * 4)
  for (const key of ['k0', 'k1', 'k2', 'k3']) {
    const numbers = [...new Set(all.filter((one) => one.key === key).map(({ number }) => number))]
    expect(numbers).toEqual([...numbers].sort((x, y) => x - y))
  }
  expect(outbox.states().delivered).toBe(40)
})

test('a test goes past the outbox and says what the channel said', async () => {
  const { ops, outbox, delivery } = world()
  ops.answer = ({ title, notification }) => ({ kind: 'taken', said: `${notification.kind}: ${title}` })
  expect(await delivery.test('ops')).toEqual({ kind: 'taken', said: 'test: Test of the channel ops' })
  expect(await delivery.test('nobody')).toBeNull()
  expect(outbox.entries).toEqual([])
})

test('settings that cannot be used change nothing', async () => {
  const { ops, delivery, add, settingsOf } = world()
  const broken = { ...settingsOf(['ops']), templates: { text: '/nowhere/x.liquid' } }
  expect(() => delivery.use(broken)).toThrow('ENOENT')
  await add('ops', 'a')
  await idle()
  expect(ops.taken).toHaveLength(1)
})

test('a channel that stays as it was keeps its connections and its back-off', async () => {
  const { ops, channels, delivery, settingsOf, add, ticks } = world()
  ops.answer = () => down
  await add('ops', 'a')
  delivery.use(settingsOf(['ops', 'more']))
  expect(channels.get('ops')).toBe(ops)
  expect(delivery.status()[0]).toMatchObject({ name: 'ops', failingSince: START })
  await ticks.advance(500)
  expect(ops.sent).toHaveLength(1)
  expect(ops.closed).toBe(false)
})

describe('a receiver that forgets', () => {
  test('is reminded each minute of what still fires and is not silenced', async () => {
    const firing = [
      alertOf({ id: '0000000000000001' }),
      alertOf({ id: '0000000000000002' }),
      alertOf({ id: '0000000000000003', silenced: 'aaaaaaaaaaaaaaaa' }),
    ]
    const told = notificationOf({ channel: 'ops', alerts: firing.slice(0, 1) })
    const delivered = {
      notification: notificationOf({ channel: 'ops', alerts: firing.slice(1) }),
      state: 'delivered',
      attempts: 1,
      next: null,
      delivered: null,
      error: null,
    } as const
    const ticks = new FakeTicks()
    const outbox = new MemoryOutbox()
    const channel = new FakeChannel('ops', ticks)
    channel.remind = async (rendered) => {
      channel.reminded.push(rendered)
      return { kind: 'taken', said: '' }
    }
    let now = firing
    const delivery = new Delivery({
      outbox,
      reader: {
        alerts: async () => ({ items: now, next: null }),
        alert: async (id) => now.find((one) => one.id === id) ?? null,
        deliveries: async () => ({ items: [delivered], next: null }),
      },
      settings: alertSettings({ channels: [{ name: 'ops', webhook: { url: 'https://hooks.example/' } }] }),
      way,
      instance: 'edge-1',
      report: (event) => expect(event).toBeNull(),
      ticks,
      open: () => channel,
    })
    open.push(delivery)
    await idle()
    const ids = () => channel.reminded.at(-1)?.map(({ notification }) => notification.alerts[0]!.id)
    expect(ids()).toEqual(['0000000000000002'])
    await outbox.add(told)
    delivery.wake()
    await ticks.advance(61_000, 1000)
    expect(ids()?.sort()).toEqual(['0000000000000001', '0000000000000002'])
    now = firing.slice(0, 1)
    await ticks.advance(60_000, 1000)
    expect(ids()).toEqual(['0000000000000001'])
    now = []
    const before = channel.reminded.length
    await ticks.advance(120_000, 1000)
    expect(channel.reminded).toHaveLength(before)
  })

  test('of thousands that fire none is forgotten, and the thread is given back between two', async () => {
    const idOf = (n: number) => n.toString(16).padStart(16, '0')
    const old = Array.from({ length: 120 }, (_, n) => alertOf({ id: idOf(n) }))
    const newer = Array.from({ length: 200 }, (_, n) => alertOf({ id: idOf(1000 + n) }))
    const ticks = new FakeTicks()
    const channel = new FakeChannel('ops', ticks)
    let turns = 0
    let counting = true
    const count = () => {
      turns += 1
      if (counting) setImmediate(count)
    }
    setImmediate(count)
    const turnsBetween: number[] = []
    channel.remind = async (rendered) => {
      channel.reminded.push(rendered)
      turnsBetween.push(turns)
      return { kind: 'taken', said: '' }
    }
    const tells = notificationOf({ channel: 'ops', alerts: old })
    const delivered = { notification: tells, state: 'delivered', attempts: 1, next: null } as const
    const delivery = new Delivery({
      outbox: new MemoryOutbox(),
      reader: {
        // Never the last page: the newest only.
        alerts: async () => ({ items: newer, next: 'more' }),
        alert: async (id) => old.find((one) => one.id === id) ?? null,
        deliveries: async () => ({ items: [{ ...delivered, delivered: null, error: null }], next: null }),
      },
      settings: alertSettings({ channels: [{ name: 'ops', webhook: { url: 'https://hooks.example/' } }] }),
      way,
      instance: 'edge-1',
      report: (event) => expect(event).toBeNull(),
      ticks,
      open: () => channel,
    })
    open.push(delivery)
    while (channel.reminded.length < 3) await new Promise((resolve) => setImmediate(resolve))
    counting = false
    expect(channel.reminded.map(({ length }) => length)).toEqual([50, 50, 20])
    expect(new Set(channel.reminded.flat().map(({ notification }) => notification.alerts[0]!.id)).size).toBe(
      120,
    )
    expect(turnsBetween[1]! - turnsBetween[0]!).toBeGreaterThanOrEqual(50)
  })
})

test('the thread is given back between two messages', async () => {
  const { channels, outbox, delivery } = world(['a', 'b', 'c', 'd'])
  let turn = 0
  const at: number[] = []
  for (const channel of channels.values()) {
    const send = channel.send.bind(channel)
    channel.send = (rendered) => {
      at.push(turn)
      return send(rendered)
    }
  }
  for (const name of ['a', 'b', 'c', 'd']) {
    const { number: _, ...rest } = notificationOf({ channel: name })
    await outbox.add({ ...rest, id: name })
  }
  delivery.wake()
  while (at.length < 4) {
    await new Promise((resolve) => setImmediate(resolve))
    turn += 1
  }
  expect(new Set(at).size).toBe(4)
})
