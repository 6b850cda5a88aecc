import { describe, expect, test } from 'vitest'
import { channels, SimulatedDesk } from '../../support/alerts/simulated-desk.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const OPS = { channels: channels('ops') }

describe('a silence', () => {
  test('keeps an alert from being told; when it ends and the alert still fires, it is told', () => {
    const desk = new SimulatedDesk({ config: OPS })
    const { id } = desk.silence({ rule: 'validation-failed' }, HOUR)
    desk.occur({})
    desk.pass(30 * MINUTE)
    desk.occur({ severity: 'critical' })
    expect(desk.kept('www.example.com').alert).toMatchObject({ silenced: id, count: 2, told: 0 })
    desk.pass(30 * MINUTE + 1_999)
    expect(desk.notifications).toEqual([])
    desk.pass(1)
    expect(desk.notifications).toHaveLength(1)
    expect(desk.notifications[0]!.alerts[0]).toMatchObject({ silenced: null, count: 2 })
    expect(desk.kept('www.example.com').alert.silenced).toBeNull()
  })

  test('of an alert that ended meanwhile is followed by nothing', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.silence({ rule: 'validation-failed' }, HOUR)
    desk.occur({ severity: 'critical' })
    desk.pass(MINUTE)
    desk.resolve('www.example.com')
    desk.pass(2 * HOUR)
    expect(desk.notifications).toEqual([])
  })

  test('that is made while an alert waits, or fires, keeps it quiet at once; its end is told to who knew', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur({ key: 'told' })
    desk.pass(MINUTE)
    desk.occur({ key: 'waits' })
    desk.pass(1_000)
    const { id } = desk.silence({ rule: 'validation-failed' }, 48 * HOUR)
    desk.pass(MINUTE)
    desk.occur({ key: 'told' })
    desk.pass(30 * HOUR)
    expect(desk.notifications).toHaveLength(1)
    expect(['told', 'waits'].map((key) => desk.kept(key).alert.silenced)).toEqual([id, id])
    desk.resolve('told')
    desk.resolve('waits')
    desk.pass(HOUR)
    expect(desk.told(1)).toEqual(['resolved ops 1 Over: www.example.com failed validation'])
  })

  test('that is taken back ends at once; another that matches holds on', () => {
    const desk = new SimulatedDesk({ config: OPS })
    const first = desk.silence({ rule: 'validation-failed' }, HOUR)
    const second = desk.silence({ ca: 'letsencrypt' }, 2 * HOUR)
    desk.occur({})
    desk.endSilence(first)
    expect(desk.kept('www.example.com').alert.silenced).toBe(second.id)
    desk.pass(HOUR)
    expect(desk.notifications).toEqual([])
    desk.restart()
    desk.endSilence(second)
    desk.pass(2_000)
    expect(desk.notifications).toHaveLength(1)
  })

  test('does not tell again what was told before it', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur({})
    desk.pass(MINUTE)
    desk.silence({ rule: 'validation-failed' }, HOUR)
    desk.pass(2 * HOUR)
    expect(desk.notifications).toHaveLength(1)
  })

  test.each([
    [{ rule: 'validation-failed' }, true],
    [{ rule: 'refused' }, false],
    [{ key: 'k' }, true],
    [{ key: 'l' }, false],
    [{ name: '.example.com' }, true],
    [{ name: 'example.com' }, false],
    [{ client: 'c000000000000001' }, true],
    [{ client: 'c000000000000002' }, false],
    [{ label: 'cluster-a' }, true],
    [{ label: 'cluster-b' }, false],
    [{ ca: 'letsencrypt' }, true],
    [{ ca: 'other' }, false],
    [{ rule: 'validation-failed', ca: 'other' }, false],
    [{ rule: 'validation-failed', ca: 'letsencrypt', name: 'www.example.com' }, true],
  ] as const)('%j matches: %s', (given, isSilenced) => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.silence(given)
    desk.occur({ key: 'k', subject: { client: 'c000000000000001', label: 'cluster-a' } })
    desk.pass(MINUTE)
    expect(desk.notifications).toHaveLength(isSilenced ? 0 : 1)
  })
})
