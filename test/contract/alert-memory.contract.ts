import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Silence } from '../../src/alerts/alert.ts'
import type { AlertMemory, Lane, Told, Waiting } from '../../src/alerts/evaluate/memory.ts'
import type { Delivery } from '../../src/alerts/notification.ts'
import { keptAlert, notificationOf, T0 } from '../support/alerts/occurrences.ts'

export interface MemoryUnderTest {
  readonly memory: AlertMemory
  /** As delivery does. */
  settle(id: string, state: Delivery['state']): void
  keepSilence(silence: Silence): void
  /** The same data by another process; what was opened before is closed. */
  reopen(): MemoryUnderTest
  close(): void
}

const TOLD: Told = {
  at: T0,
  count: 3,
  severity: 'warning',
  step: '7',
  waits: null,
  listed: true,
  escalated: false,
}

/** What every memory of an evaluator must do, whatever it is made of. */
export function alertMemoryContract(name: string, create: () => MemoryUnderTest): void {
  describe(`${name} as the memory of an evaluator`, () => {
    let place: MemoryUnderTest
    let memory: AlertMemory

    beforeEach(() => {
      place = create()
      memory = place.memory
    })
    afterEach(() => place.close())

    const reopen = (): void => {
      place = place.reopen()
      memory = place.memory
    }

    describe('alerts', () => {
      test('are found by id, and by rule and key while they fire, whole, also after a restart', () => {
        const kept = keptAlert(
          'a000000000000001',
          { subject: { details: { step: '7' } } },
          { wake: T0 + 5, until: T0 + 9, channels: { ops: TOLD } },
        )
        memory.alerts.put(kept)
        reopen()
        expect(memory.alerts.byId('a000000000000001')).toEqual(kept)
        expect(memory.alerts.firing('validation-failed', 'www.example.com')).toEqual(kept)
        expect(memory.alerts.firing('issuance-failed', 'www.example.com')).toBeNull()
        expect(memory.alerts.firing('validation-failed', 'example.com')).toBeNull()
        expect(memory.alerts.byId('a000000000000002')).toBeNull()
      })

      test('no longer fire once resolved, and the next with the key is another', () => {
        const kept = keptAlert('a000000000000001', {}, { wake: T0 })
        memory.alerts.put(kept)
        const resolved = {
          ...kept,
          wake: null,
          alert: { ...kept.alert, state: 'resolved' as const, resolved: kept.alert.since, resolution: 'x' },
        }
        memory.alerts.put(resolved)
        expect(memory.alerts.firing('validation-failed', 'www.example.com')).toBeNull()
        expect(memory.alerts.firingOf('validation-failed')).toEqual([])
        expect(memory.alerts.firingAbout('validation-failed', 'www.example.com', null)).toEqual([])
        expect(memory.alerts.due(T0 + 100, 10)).toEqual([])
        expect(memory.alerts.nextWake()).toBeNull()
        const next = keptAlert('a000000000000002')
        memory.alerts.put(next)
        expect(memory.alerts.firing('validation-failed', 'www.example.com')).toEqual(next)
        expect(memory.alerts.byId('a000000000000001')).toEqual(resolved)
      })

      test('of a rule are listed in the order they were put first', () => {
        memory.alerts.put(keptAlert('a000000000000003', { key: 'c', at: T0 + 2 }))
        memory.alerts.put(keptAlert('a000000000000002', { key: 'b', at: T0 + 1 }))
        memory.alerts.put(keptAlert('a000000000000001', { key: 'a', at: T0 + 2 }))
        memory.alerts.put(keptAlert('a000000000000004', { key: 'a', rule: 'refused' }))
        memory.alerts.put(keptAlert('a000000000000003', { key: 'c', at: T0 + 2 }, { wake: T0 }))
        expect(memory.alerts.firingOf('validation-failed')).toEqual([
          { id: 'a000000000000003', key: 'c' },
          { id: 'a000000000000002', key: 'b' },
          { id: 'a000000000000001', key: 'a' },
        ])
      })

      test('are found by a name, also after it changed', () => {
        const names = (list: string[], client: string | null = null) => ({
          key: `${list.join()} ${client}`,
          subject: { names: list, client },
        })
        memory.alerts.put(keptAlert('a000000000000001', names(['a.test', 'b.test'])))
        memory.alerts.put(keptAlert('a000000000000002', names(['b.test'], 'c000000000000001')))
        const ids = (name: string, client: string | null): string[] =>
          memory.alerts
            .firingAbout('validation-failed', name, client)
            .map(({ alert }) => alert.id)
            .sort()
        expect(ids('b.test', null)).toEqual(['a000000000000001', 'a000000000000002'])
        expect(ids('b.test', 'c000000000000001')).toEqual(['a000000000000002'])
        expect(ids('b.test', 'c000000000000002')).toEqual([])
        const before = memory.alerts.byId('a000000000000001')!
        const subject = { ...before.alert.subject, names: ['c.test'] }
        memory.alerts.put({ ...before, alert: { ...before.alert, subject } })
        expect(ids('b.test', null)).toEqual(['a000000000000002'])
        expect(ids('c.test', null)).toEqual(['a000000000000001'])
        expect(memory.alerts.firingAbout('refused', 'c.test', null)).toEqual([])
      })

      test('whose time has come are given in order, and at most so many', () => {
        memory.alerts.put(keptAlert('a000000000000001', { key: 'a' }, { wake: T0 + 2 }))
        memory.alerts.put(keptAlert('a000000000000002', { key: 'b' }, { wake: T0 + 1 }))
        memory.alerts.put(keptAlert('a000000000000003', { key: 'c' }, { wake: T0 + 3 }))
        memory.alerts.put(keptAlert('a000000000000004', { key: 'd' }))
        const ids = (now: number, limit: number): string[] =>
          memory.alerts.due(now, limit).map(({ alert }) => alert.id)
        expect(memory.alerts.nextWake()).toBe(T0 + 1)
        expect(ids(T0, 10)).toEqual([])
        expect(ids(T0 + 2, 10)).toEqual(['a000000000000002', 'a000000000000001'])
        expect(ids(T0 + 9, 1)).toEqual(['a000000000000002'])
        memory.alerts.put(keptAlert('a000000000000002', { key: 'b' }))
        expect(memory.alerts.nextWake()).toBe(T0 + 2)
      })

      test('are summed up by rule', () => {
        const old = keptAlert('a000000000000001', { key: 'a', at: T0 - 1 })
        const inside = keptAlert('a000000000000002', { key: 'b', at: T0 })
        memory.alerts.put({ ...old, alert: { ...old.alert, count: 7 } })
        memory.alerts.put({
          ...inside,
          alert: { ...inside.alert, count: 5, state: 'resolved', resolved: inside.alert.since },
        })
        memory.alerts.put(keptAlert('a000000000000003', { key: 'c', at: T0 + 9 }))
        memory.alerts.put(keptAlert('a000000000000004', { key: 'd', rule: 'refused', at: T0 + 10 }))
        expect([...memory.alerts.summary(T0, T0 + 10)].sort((a, b) => (a.rule < b.rule ? -1 : 1))).toEqual([
          { rule: 'refused', firing: 1, began: 0, occurrences: 0 },
          { rule: 'validation-failed', firing: 2, began: 2, occurrences: 6 },
        ])
      })
    })

    describe('the queue', () => {
      const waiting = (alert: string, given: Partial<Waiting> = {}): Waiting => ({
        channel: 'ops',
        alert,
        kind: 'firing',
        lane: 'ops validation-failed firing',
        group: 'g',
        due: T0,
        ...given,
      })
      const lane = (id: string, given: Partial<Lane> = {}): Lane => ({
        id,
        channel: id.split(' ')[0]!,
        rule: 'validation-failed',
        kind: 'firing',
        due: null,
        sends: [],
        held: false,
        total: null,
        ...given,
      })

      test('keeps what waits in the order it came, once for each channel and alert', () => {
        memory.queue.put(waiting('a000000000000003'))
        memory.queue.put(waiting('a000000000000001'))
        memory.queue.put(waiting('a000000000000002', { channel: 'mail', lane: 'mail digest' }))
        memory.queue.put(waiting('a000000000000003', { channel: 'mail', lane: 'mail digest' }))
        const again = waiting('a000000000000003', { due: T0 + 1, kind: 'escalation' })
        memory.queue.put(again)
        reopen()
        expect(memory.queue.waiting('ops validation-failed firing')).toEqual([
          waiting('a000000000000001'),
          again,
        ])
        expect(memory.queue.waiting('mail digest').map(({ alert }) => alert)).toEqual([
          'a000000000000002',
          'a000000000000003',
        ])
        memory.queue.put(waiting('a000000000000001', { lane: 'ops validation-failed resolved' }))
        expect(memory.queue.waiting('ops validation-failed firing')).toEqual([again])
        memory.queue.drop('ops', 'a000000000000003')
        memory.queue.drop('ops', 'a00000000000000f')
        expect(memory.queue.waiting('ops validation-failed firing')).toEqual([])
        expect(memory.queue.waiting('mail digest')).toHaveLength(2)
      })

      test('keeps lanes, and knows those that are due', () => {
        const total = {
          alerts: 2,
          occurrences: 3,
          since: '2026-03-02T10:00:00.000Z',
          values: { CA: { le: 2 } },
        }
        const whole = lane('ops a', { due: T0 + 2, sends: [T0 - 2, T0 - 1], held: true, total })
        memory.queue.putLane(lane('ops a'))
        memory.queue.putLane(whole)
        memory.queue.putLane(lane('ops b', { due: T0 + 1, rule: null, kind: 'digest' }))
        memory.queue.putLane(lane('ops c'))
        reopen()
        expect(memory.queue.lane('ops a')).toEqual(whole)
        expect(memory.queue.lane('ops d')).toBeNull()
        expect(memory.queue.nextDue()).toBe(T0 + 1)
        expect(memory.queue.dueLanes(T0)).toEqual([])
        expect(memory.queue.dueLanes(T0 + 2).map(({ id }) => id)).toEqual(['ops b', 'ops a'])
      })

      test('forgets a channel', () => {
        memory.queue.put(waiting('a000000000000001'))
        memory.queue.put(waiting('a000000000000001', { channel: 'mail', lane: 'mail digest' }))
        memory.queue.putLane(lane('ops validation-failed firing', { due: T0 }))
        memory.queue.putLane(lane('mail digest', { due: T0 + 5 }))
        memory.queue.forget('ops')
        expect(memory.queue.waiting('ops validation-failed firing')).toEqual([])
        expect(memory.queue.lane('ops validation-failed firing')).toBeNull()
        expect(memory.queue.nextDue()).toBe(T0 + 5)
        expect(memory.queue.waiting('mail digest')).toHaveLength(1)
      })
    })

    describe('the outbox', () => {
      test('gives numbers that grow, also after a restart', () => {
        expect(memory.outbox.lastNumber()).toBe(0)
        memory.outbox.add(notificationOf(1))
        memory.outbox.add(notificationOf(4))
        reopen()
        expect(memory.outbox.lastNumber()).toBe(4)
        expect(() => memory.outbox.add(notificationOf(4))).toThrow()
      })

      test('knows what is overdue: waits for long, or was refused; once', () => {
        for (const number of [1, 2, 3, 4, 5])
          memory.outbox.add(notificationOf(number, { alerts: [keptAlert('a000000000000001').alert] }))
        memory.outbox.add(notificationOf(6, { channel: 'mail' }))
        const id = (number: number): string => notificationOf(number).id
        place.settle(id(1), 'delivered')
        place.settle(id(5), 'refused')
        const overdue = (before: number, limit = 10): (number | string)[] =>
          memory.outbox
            .overdue('ops', before, limit)
            .map(({ notification, state }) =>
              state === 'waiting' ? notification.number : `${state} ${notification.number}`,
            )
        expect(memory.outbox.oldest('ops')).toBe(0)
        expect(overdue(T0 + 3)).toEqual([2, 3, 'refused 5'])
        expect(overdue(T0 + 3, 1)).toEqual([2])
        memory.outbox.escalated(id(5))
        memory.outbox.escalated(id(2))
        reopen()
        expect(overdue(T0 + 3)).toEqual([3])
        expect(memory.outbox.overdue('ops', T0 + 3, 1)[0]!.notification.alerts).toHaveLength(1)
        expect(memory.outbox.oldest('ops')).toBe(T0 + 3)
        expect(memory.outbox.oldest('pager')).toBeNull()
      })

      test('knows whether something of a key waits', () => {
        memory.outbox.add(notificationOf(1, { key: 'heartbeat' }))
        expect(memory.outbox.isWaiting('ops', 'heartbeat')).toBe(true)
        expect(memory.outbox.isWaiting('mail', 'heartbeat')).toBe(false)
        expect(memory.outbox.isWaiting('ops', 'report')).toBe(false)
        place.settle(notificationOf(1).id, 'delivered')
        expect(memory.outbox.isWaiting('ops', 'heartbeat')).toBe(false)
      })
    })

    test('notes are kept, changed and forgotten', () => {
      memory.notes.set('a', '1')
      memory.notes.set('a', '2')
      memory.notes.set('b', '3')
      memory.notes.set('b', null)
      memory.notes.set('c', null)
      reopen()
      expect(['a', 'b', 'c'].map((note) => memory.notes.get(note))).toEqual(['2', null, null])
    })

    test('silences hold until their end, or until they are taken back', () => {
      const silence = (id: string, until: number, ended: number | null = null): Silence => ({
        id,
        rule: 'validation-failed',
        until: new Date(until).toISOString(),
        reason: 'maintenance',
        by: 'root',
        made: new Date(T0).toISOString(),
        ended: ended === null ? null : new Date(ended).toISOString(),
      })
      place.keepSilence(silence('5000000000000001', T0 + 10))
      place.keepSilence(silence('5000000000000002', T0 + 20))
      place.keepSilence(silence('5000000000000003', T0 + 20, T0 + 1))
      expect(memory.silences(T0 + 9)).toEqual([
        silence('5000000000000001', T0 + 10),
        silence('5000000000000002', T0 + 20),
      ])
      expect(memory.silences(T0 + 10)).toEqual([silence('5000000000000002', T0 + 20)])
    })
  })
}
