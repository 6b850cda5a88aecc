import { describe, expect, test } from 'vitest'
import type { AlertConfig } from '../../support/alerts/occurrences.ts'
import { channels, mail, SimulatedDesk } from '../../support/alerts/simulated-desk.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const ROUTES = [{ channels: ['ops'], escalate: { channel: 'pager', undelivered: '5m', unresolved: '4h' } }]
const CONFIG = { channels: channels('ops', 'pager'), routes: ROUTES }

function delivered(desk: SimulatedDesk): void {
  for (const { id } of desk.notifications) desk.memory.settle(id, 'delivered')
}

describe('what a channel has not taken', () => {
  test('goes to the second channel, which is told the end too, in order', () => {
    const desk = new SimulatedDesk({ config: CONFIG })
    desk.occur({})
    desk.pass(5 * MINUTE + 1_999)
    expect(desk.notifications).toHaveLength(1)
    desk.pass(1)
    expect(desk.told(1)).toEqual(['escalation pager 1 Not delivered: www.example.com failed validation'])
    expect(desk.notifications[1]).toMatchObject({
      text: 'Channel ops has not taken this since 2026-03-02 10:00 UTC.',
      key: 'validation-failed',
    })
    expect(desk.kept('www.example.com').alert.told).toBe(2)
    desk.pass(HOUR)
    expect(desk.notifications).toHaveLength(2)
    desk.resolve('www.example.com')
    desk.pass(MINUTE)
    expect(desk.told(2).toSorted()).toEqual([
      'resolved ops 1 Over: www.example.com failed validation',
      'resolved pager 1 Over: www.example.com failed validation',
    ])
    desk.pass(HOUR)
    expect(desk.notifications).toHaveLength(4)
  })

  test('goes there at once when it was refused', () => {
    const desk = new SimulatedDesk({ config: CONFIG })
    desk.occur({})
    desk.pass(3_000)
    desk.memory.settle(desk.notifications[0]!.id, 'refused')
    desk.pass(0)
    expect(desk.notifications[1]).toMatchObject({
      channel: 'pager',
      text: 'Channel ops refused this notification.',
    })
  })

  test('does not when it was taken in time, ended meanwhile or is silenced', () => {
    const taken = new SimulatedDesk({ config: CONFIG })
    taken.occur({})
    taken.pass(4 * MINUTE)
    delivered(taken)
    taken.pass(HOUR)
    expect(taken.notifications).toHaveLength(1)

    const ended = new SimulatedDesk({ config: CONFIG })
    ended.occur({})
    ended.pass(MINUTE)
    ended.resolve('www.example.com')
    ended.pass(HOUR)
    expect(ended.notifications.map(({ channel }) => channel)).toEqual(['ops', 'ops'])

    const silenced = new SimulatedDesk({ config: CONFIG })
    silenced.occur({})
    silenced.pass(MINUTE)
    silenced.silence({ ca: 'letsencrypt' })
    silenced.pass(HOUR)
    expect(silenced.notifications).toHaveLength(1)
  })

  test('of a digest goes there as one for each rule, in the order of its end', () => {
    const desk = new SimulatedDesk({
      config: {
        channels: channels(mail('mail', '1h'), 'pager'),
        routes: [{ channels: ['mail'], escalate: { channel: 'pager' } }],
      },
    })
    desk.occur({ key: 'a' }, { key: 'b' }, { key: 'c', rule: 'refused', title: 'refused' })
    desk.pass(HOUR + 6 * MINUTE)
    expect(desk.told()).toEqual([
      'digest mail 3 Digest: 3 alerts',
      'escalation pager 2 Not delivered: 2 failed validations at letsencrypt',
      'escalation pager 1 Not delivered: refused',
    ])
    desk.resolve('c', 'refused')
    desk.pass(MINUTE)
    expect(desk.notifications[3]).toMatchObject({ kind: 'resolved', channel: 'pager', key: 'refused' })
    expect(desk.notifications[2]!.key).toBe('refused')
  })

  test('two channels that escalate to each other do not play ball', () => {
    const there = { channels: ['ops'], escalate: { channel: 'pager' } }
    const back = { channels: ['pager'], escalate: { channel: 'ops' } }
    const kindsWith = (routes: object[]) => {
      const desk = new SimulatedDesk({
        config: { channels: channels('ops', 'pager'), routes } as AlertConfig,
      })
      desk.occur({})
      desk.pass(20 * HOUR)
      return desk.notifications.map(({ kind, channel }) => `${kind} ${channel}`)
    }
    expect(kindsWith([there, back])).toEqual(['firing ops', 'escalation pager'])
    // Each is told anyway: one more copy of it helps nobody.
    expect(kindsWith([{ ...there, continue: true }, back])).toEqual(['firing ops', 'firing pager'])
  })
})

describe('what is not resolved', () => {
  test('is told to the second channel once, and so is its end', () => {
    const desk = new SimulatedDesk({ config: CONFIG })
    desk.occur({})
    desk.pass(MINUTE)
    delivered(desk)
    desk.pass(4 * HOUR - MINUTE + 1_999)
    expect(desk.notifications).toHaveLength(1)
    desk.pass(1)
    expect(desk.told(1)).toEqual([
      'escalation pager 1 Not resolved for 4 h: www.example.com failed validation',
    ])
    desk.pass(10 * HOUR)
    desk.occur({})
    desk.pass(HOUR)
    desk.resolve('www.example.com')
    desk.pass(HOUR)
    expect(desk.notifications.filter(({ channel }) => channel === 'pager').map(({ kind }) => kind)).toEqual([
      'escalation',
      'resolved',
    ])
  })

  test('escalates even when nothing ran at that time, and it is seen again first', () => {
    const desk = new SimulatedDesk({ config: CONFIG })
    desk.occur({})
    desk.pass(MINUTE)
    delivered(desk)
    desk.now += 5 * HOUR
    desk.restart()
    desk.occur({})
    desk.pass(MINUTE)
    expect(desk.notifications.map(({ channel }) => channel)).toEqual(['ops', 'pager'])
  })

  test('is told together when many are', () => {
    const desk = new SimulatedDesk({ config: CONFIG })
    for (let i = 0; i < 500; i += 1) desk.occur({ key: `k${i}` })
    desk.pass(MINUTE)
    delivered(desk)
    desk.pass(5 * HOUR)
    expect(desk.told(1)).toEqual(['escalation pager 500 Not resolved: 500 failed validations at letsencrypt'])
  })

  test('does not escalate while it is silenced, but after', () => {
    const desk = new SimulatedDesk({ config: CONFIG })
    desk.occur({})
    desk.pass(MINUTE)
    delivered(desk)
    desk.silence({ ca: 'letsencrypt' }, 6 * HOUR)
    desk.pass(5 * HOUR)
    expect(desk.notifications).toHaveLength(1)
    desk.pass(2 * HOUR)
    expect(desk.notifications.map(({ channel }) => channel)).toEqual(['ops', 'pager'])
  })

  test('is not collected into a digest', () => {
    const desk = new SimulatedDesk({
      config: { channels: channels('ops', mail('pager', '1d')), routes: ROUTES },
    })
    desk.occur({})
    desk.pass(MINUTE)
    delivered(desk)
    desk.pass(4 * HOUR)
    expect(desk.notifications.map(({ kind }) => kind)).toEqual(['firing', 'escalation'])
  })

  test('a notice never escalates', () => {
    const desk = new SimulatedDesk({ config: CONFIG })
    desk.occur({ isNotice: true })
    desk.pass(MINUTE)
    delivered(desk)
    desk.pass(20 * HOUR)
    expect(desk.notifications).toHaveLength(1)
  })
})
