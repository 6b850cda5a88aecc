import { describe, expect, test } from 'vitest'
import type { AlertConfig, Given } from '../../support/alerts/occurrences.ts'
import { channels, SimulatedDesk } from '../../support/alerts/simulated-desk.ts'

const HOUR = 3_600_000
const OF = channels('ops', 'web', 'pager')

/** Who is told of it firing. */
function receivers(config: AlertConfig, given: Given): string[] {
  const desk = new SimulatedDesk({ config: { channels: OF, ...config } })
  desk.occur(given)
  desk.pass(2_000)
  return desk.notifications.map(({ channel }) => channel)
}

describe('who is told', () => {
  test('without routes: every channel, of warning and critical', () => {
    expect(receivers({}, { severity: 'info' })).toEqual([])
    expect(receivers({}, { severity: 'warning' })).toHaveLength(3)
    expect(receivers({}, { severity: 'critical' })).toHaveLength(3)
  })

  test('with routes: the first that matches, and the next ones where it says continue; nobody without a match', () => {
    const routes = [
      { rules: ['ca-down'], channels: ['pager'], continue: true },
      { severity: ['critical' as const], channels: ['pager', 'ops'] },
      { rules: ['refused'], channels: [] },
      { severity: ['warning' as const], channels: ['web'] },
    ]
    expect(receivers({ routes }, { rule: 'ca-down', severity: 'critical' })).toEqual(['ops', 'pager'])
    expect(receivers({ routes }, { rule: 'ca-down', severity: 'info' })).toEqual(['pager'])
    expect(receivers({ routes }, { severity: 'critical' })).toEqual(['ops', 'pager'])
    expect(receivers({ routes }, { rule: 'refused' })).toEqual([])
    expect(receivers({ routes }, {})).toEqual(['web'])
    expect(receivers({ routes }, { severity: 'info' })).toEqual([])
    expect(receivers({ routes: [] }, { severity: 'critical' })).toEqual([])
  })

  test.each([
    ['www.example.com', ['www.example.com'], true],
    ['www.example.com', ['*.example.com'], false],
    ['*.example.com', ['*.example.com'], true],
    ['.example.com', ['example.com'], true],
    ['.example.com', ['a.b.example.com'], true],
    ['.example.com', ['*.example.com'], true],
    ['.example.com', ['x.test', 'WWW.Example.com'], true],
    ['.Example.com', ['www.example.com'], true],
    ['.example.com', ['badexample.com'], false],
    ['example.com', ['www.example.com'], false],
    ['.example.com', [], false],
    ['192.0.2.7', ['192.0.2.7'], true],
  ])('a route for %s takes %j: %s', (name, names, isTaken) => {
    const routes = [{ names: [name], channels: ['ops'] }]
    expect(receivers({ routes }, { key: 'k', subject: { names } })).toEqual(isTaken ? ['ops'] : [])
  })

  test('by label, CA and team; everything that is given must match', () => {
    const teams = { shop: { names: ['.shop.test'], labels: ['cluster-a'] } }
    const to = (route: object, subject: object) =>
      receivers({ teams, routes: [{ ...route, channels: ['ops'] }] }, { key: 'k', subject }).length === 1
    expect(to({ labels: ['a', 'b'] }, { label: 'b' })).toBe(true)
    expect(to({ labels: ['a'] }, { label: 'b' })).toBe(false)
    expect(to({ labels: ['a'] }, { label: null })).toBe(false)
    expect(to({ cas: ['letsencrypt'] }, {})).toBe(true)
    expect(to({ cas: ['other'] }, {})).toBe(false)
    expect(to({ cas: ['other'] }, { ca: null })).toBe(false)
    expect(to({ teams: ['shop'] }, { names: ['www.shop.test'] })).toBe(true)
    expect(to({ teams: ['shop'] }, { label: 'cluster-a' })).toBe(true)
    expect(to({ teams: ['shop'] }, { names: ['shop.example'] })).toBe(false)
    expect(to({ teams: ['shop'], cas: ['other'] }, { label: 'cluster-a' })).toBe(false)
    expect(to({ teams: ['nobody'] }, {})).toBe(false)
  })

  test('of the end: those who were told, but for channels that do not want it', () => {
    const quiet = { name: 'web', resolved: false }
    const desk = new SimulatedDesk({
      config: {
        channels: channels('ops', quiet, 'pager'),
        routes: [{ rules: ['validation-failed'], channels: ['ops', 'web'] }],
      },
    })
    desk.occur({})
    desk.pass(HOUR)
    desk.resolve('www.example.com')
    desk.pass(HOUR)
    expect(desk.notifications.map(({ kind, channel }) => `${kind} ${channel}`)).toEqual([
      'firing ops',
      'firing web',
      'resolved ops',
    ])
  })

  test('changes with the configuration: a new channel is told what fires, a removed one nothing more', () => {
    const desk = new SimulatedDesk({ config: { channels: channels('ops', 'web') } })
    desk.occur({ key: 'a' })
    desk.pass(HOUR)
    desk.occur({ key: 'b' })
    desk.use({ channels: channels('ops', 'pager') })
    desk.pass(HOUR)
    desk.resolve('a')
    desk.pass(HOUR)
    const told = (channel: string) =>
      desk.notifications.filter((one) => one.channel === channel).map(({ kind, count }) => `${kind} ${count}`)
    expect(told('ops')).toEqual(['firing 1', 'firing 1', 'resolved 1'])
    expect(told('web')).toEqual(['firing 1'])
    expect(told('pager')).toEqual(['firing 2', 'resolved 1'])
  })

  test('a channel that is removed while its end waits stops nothing', () => {
    const desk = new SimulatedDesk({ config: { channels: channels('ops') } })
    desk.occur({ key: 'a' })
    desk.pass(HOUR)
    desk.resolve('a')
    desk.use({ channels: channels('pager') })
    desk.pass(HOUR)
    expect(desk.notifications).toHaveLength(1)
    expect(desk.evaluator.nextTick()).toBeNull()
  })
})
