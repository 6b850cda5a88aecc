import { describe, expect, test } from 'vitest'
import { channels, SimulatedDesk } from '../../support/alerts/simulated-desk.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** A Monday. */
const MONDAY = Date.parse('2026-03-09T08:00:00.000Z')

describe('a heartbeat', () => {
  const config = { channels: channels({ name: 'ops', heartbeat: '5m' }, 'web') }

  function beats(desk: SimulatedDesk): number[] {
    for (const { id } of desk.notifications) desk.memory.settle(id, 'delivered')
    return desk.notifications.map(({ made }) => Date.parse(made))
  }

  test('comes at its pace to who wants it, also over a restart', () => {
    const desk = new SimulatedDesk({ config })
    const begin = desk.now
    for (let i = 0; i < 3; i += 1) {
      desk.pass(4 * MINUTE)
      desk.restart()
      beats(desk)
    }
    expect(beats(desk)).toEqual([begin, begin + 5 * MINUTE, begin + 10 * MINUTE])
    expect(desk.notifications[0]).toMatchObject({ kind: 'heartbeat', channel: 'ops', key: 'heartbeat' })
  })

  test('stays away while evaluation is stuck, and comes again after', () => {
    const desk = new SimulatedDesk({ config })
    desk.pass(0)
    beats(desk)
    desk.lag = 5 * MINUTE + 1
    desk.pass(20 * MINUTE)
    expect(desk.notifications).toHaveLength(1)
    desk.lag = 0
    desk.pass(5 * MINUTE)
    expect(desk.notifications).toHaveLength(2)
  })

  test('does not pile up for a channel that takes nothing', () => {
    const desk = new SimulatedDesk({ config })
    desk.pass(DAY)
    expect(desk.notifications).toHaveLength(1)
    beats(desk)
    desk.pass(5 * MINUTE)
    expect(desk.notifications).toHaveLength(2)
  })

  test('goes on when the clock is set back', () => {
    const desk = new SimulatedDesk({ config })
    desk.pass(0)
    beats(desk)
    desk.now -= DAY
    desk.evaluator.tick(desk.now, 0)
    expect(desk.notifications).toHaveLength(2)
  })
})

describe('the weekly report', () => {
  const config = { channels: channels({ name: 'ops', report: true }, 'web') }

  test('comes on Mondays at 08:00 UTC and says so when there is nothing to report', () => {
    const desk = new SimulatedDesk({ config })
    desk.pass(14 * DAY)
    expect(desk.notifications.map(({ made }) => Date.parse(made))).toEqual([MONDAY, MONDAY + 7 * DAY])
    expect(desk.told()[0]).toBe('report ops 0 Week with acmetap: nothing to report')
    expect(desk.notifications[0]!.text).toBe(
      'From 2026-03-02 08:00 to 2026-03-09 08:00 UTC.\nNo alert began.\nNo alert fires now.\nNothing to report.',
    )
  })

  test('says what began, what fires and what was issued', () => {
    const desk = new SimulatedDesk({
      config,
      issued: (from, to) => ({ certificates: (to - from) / DAY, failures: 3 }),
    })
    desk.occur({ key: 'a' }, { key: 'b' }, { key: 'b' }, { key: 'c', rule: 'ca-down', severity: 'critical' })
    desk.pass(MINUTE)
    desk.resolve('a')
    desk.pass(7 * DAY)
    const report = desk.notifications.find(({ kind }) => kind === 'report')!
    expect(report).toMatchObject({
      title: 'Week with acmetap: 3 alerts began, 2 fire now',
      count: 2,
      text: [
        'From 2026-03-02 08:00 to 2026-03-09 08:00 UTC.',
        '7 certificates issued, 3 failures.',
        'Alerts that began:',
        '- validation-failed: 2, seen 3 times',
        '- ca-down: 1, seen once',
        'Alerts that fire now:',
        '- validation-failed: 1',
        '- ca-down: 1',
      ].join('\n'),
    })
    expect(report.alerts.map(({ key }) => key)).toEqual(['c', 'b'])
  })

  test('comes once after weeks in which nothing ran, of the last one', () => {
    const desk = new SimulatedDesk({ config })
    desk.pass(MINUTE)
    desk.now = MONDAY + 21 * DAY + HOUR
    desk.restart()
    desk.pass(MINUTE)
    expect(desk.notifications).toHaveLength(1)
    expect(desk.notifications[0]!.text).toContain('From 2026-03-23 08:00 to 2026-03-30 08:00 UTC.')
  })
})
