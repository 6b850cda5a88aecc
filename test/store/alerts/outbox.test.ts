import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Settled } from '../../../src/alerts/alert-desk.ts'
import { type AlertsDatabase, openAlertsDatabase } from '../../../src/store/sqlite/alerts/alerts-database.ts'
import { notificationOf, T0 } from '../../support/alerts/occurrences.ts'

const DAY = 86_400_000
const LATER = T0 + 60_000

let alerts: AlertsDatabase

beforeEach(() => {
  alerts = openAlertsDatabase(':memory:')
})
afterEach(() => alerts.close())

const put = (number: number, channel: string, key: string) =>
  alerts.outbox.put(notificationOf(number, { channel, key }))
const due = (at = LATER, limit = 100) => alerts.outbox.due(at, limit).map(({ number }) => number)
const settle = (number: number, channel: string, settled: Settled) =>
  alerts.outbox.settle(notificationOf(number).id, channel, settled)
const states = () =>
  alerts.outbox.list({ limit: 100 }).items.map(({ notification, state }) => [notification.number, state])

describe('the outbox', () => {
  test('gives of each channel and key the oldest alone, and the next once it is settled', () => {
    put(1, 'ops', 'a')
    put(2, 'ops', 'a')
    put(3, 'ops', 'b')
    put(4, 'pager', 'a')
    expect(due().sort()).toEqual([1, 3, 4])
    settle(1, 'ops', { state: 'delivered', at: LATER })
    expect(due().sort()).toEqual([2, 3, 4])
    settle(4, 'pager', { state: 'refused', at: LATER, error: 'gone' })
    expect(due().sort()).toEqual([2, 3])
  })

  test('holds back what comes after one that waits for its next attempt', () => {
    put(1, 'ops', 'a')
    put(2, 'ops', 'a')
    settle(1, 'ops', { state: 'waiting', at: LATER, next: LATER + 5_000, error: '503' })
    expect(due(LATER + 4_999)).toEqual([])
    expect(alerts.outbox.next()).toBe(LATER + 5_000)
    expect(due(LATER + 5_000)).toEqual([1])
    // The clock was set back by a day since: nothing is ever put off by so much.
    expect(due(LATER - 86_400_000)).toEqual([1])
    expect(alerts.outbox.list({ limit: 1, cursor: undefined }).items[0]).toMatchObject({
      state: 'waiting',
      attempts: 0,
    })
    expect(alerts.outbox.list({ limit: 2 }).items[1]).toMatchObject({
      attempts: 1,
      next: new Date(LATER + 5_000).toISOString(),
      error: '503',
    })
  })

  test('hurries what waits at a channel that was mended, and nothing else', () => {
    put(1, 'ops', 'a')
    put(2, 'pager', 'a')
    for (const [number, channel] of [
      [1, 'ops'],
      [2, 'pager'],
    ] as const)
      settle(number, channel, { state: 'waiting', at: LATER, next: LATER + 300_000, error: '401' })
    alerts.outbox.hurry(['ops'], LATER + 1000)
    expect(due(LATER + 1000)).toEqual([1])
    expect(alerts.outbox.next()).toBe(LATER + 1000)
  })

  test('lists signs of life only where they are asked for', () => {
    alerts.outbox.put(notificationOf(1, { channel: 'ops', key: 'a' }))
    alerts.outbox.put(notificationOf(2, { channel: 'ops', key: 'heartbeat', kind: 'heartbeat' }))
    alerts.outbox.put(notificationOf(3, { channel: 'ops', key: 'a', kind: 'resolved' }))
    const listed = (kind?: 'heartbeat' | 'resolved') =>
      alerts.outbox.list({ limit: 10, kind }).items.map(({ notification }) => notification.number)
    expect(listed()).toEqual([3, 1])
    expect(listed('heartbeat')).toEqual([2])
    expect(listed('resolved')).toEqual([3])
  })

  test('lets channels take turns: one that takes nothing leaves room for the others', () => {
    for (let i = 1; i <= 50; i++) put(i, 'dead', `key ${i}`)
    put(51, 'ops', 'a')
    put(52, 'ops', 'b')
    expect(due(LATER, 4)).toEqual([1, 51, 2, 52])
  })

  test('keeps what is over as it was', () => {
    put(1, 'ops', 'a')
    settle(1, 'ops', { state: 'delivered', at: LATER })
    settle(1, 'ops', { state: 'waiting', at: LATER, next: LATER, error: 'late' })
    settle(1, 'ops', { state: 'refused', at: LATER, error: 'late' })
    expect(alerts.outbox.list({ limit: 10 }).items).toMatchObject([
      { state: 'delivered', delivered: new Date(LATER).toISOString(), attempts: 1, error: null, next: null },
    ])
    expect(alerts.outbox.next()).toBeNull()
  })

  test('takes one id of a channel once, and numbers what others put in', () => {
    put(7, 'ops', 'a')
    const { number, ...test } = notificationOf(8, { kind: 'test', key: 'test' })
    expect(alerts.outbox.add(test)).toEqual({ ...test, number })
    expect(alerts.outbox.add({ ...test, title: 'another' })).toEqual({ ...test, number })
    expect(alerts.outbox.lastNumber()).toBe(8)
  })

  test('refuses what waits for a channel that is no more', () => {
    put(1, 'ops', 'a')
    put(2, 'gone', 'a')
    put(3, 'gone', 'b')
    settle(3, 'gone', { state: 'delivered', at: LATER })
    alerts.outbox.keepChannels(['ops'], LATER)
    expect(states()).toEqual([
      [3, 'delivered'],
      [2, 'refused'],
      [1, 'waiting'],
    ])
    expect(alerts.outbox.list({ limit: 9, state: 'refused' }).items[0]?.error).toContain('configuration')
    expect(due()).toEqual([1])
  })

  test('is listed newest first, by page and filter', () => {
    for (let i = 1; i <= 7; i++) put(i, i % 2 === 0 ? 'ops' : 'pager', `key ${i}`)
    const first = alerts.outbox.list({ limit: 2, channel: 'pager' })
    expect(first.items.map(({ notification }) => notification.number)).toEqual([7, 5])
    const rest = alerts.outbox.list({ limit: 5, channel: 'pager', cursor: first.next! })
    expect(rest.items.map(({ notification }) => notification.number)).toEqual([3, 1])
    expect(rest.next).toBeNull()
    expect(() => alerts.outbox.list({ limit: 2, cursor: 'bm90aGluZw' })).toThrow(/cursor/)
    expect(alerts.outbox.counts()).toEqual([
      { channel: 'ops', count: 3 },
      { channel: 'pager', count: 4 },
    ])
  })

  test('forgets what was settled 90 days ago, never what waits, and no number is given twice', () => {
    for (const number of [1, 2, 3]) put(number, 'ops', `key ${number}`)
    settle(2, 'ops', { state: 'delivered', at: LATER })
    settle(3, 'ops', { state: 'delivered', at: LATER })
    expect(alerts.prune(T0 + 89 * DAY)).toBe(false)
    expect(states()).toHaveLength(3)
    expect(alerts.prune(T0 + 91 * DAY)).toBe(false)
    expect(states()).toEqual([[1, 'waiting']])
    expect(alerts.outbox.lastNumber()).toBe(3)
  })
})
