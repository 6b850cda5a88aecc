import { describe, expect, test } from 'vitest'
import { channels, mail, SimulatedDesk } from '../../support/alerts/simulated-desk.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const OPS = { channels: channels('ops') }
const FEW = { ...OPS, burst: 3 }

function failures(from: number, to: number, cause: (i: number) => string = () => 'firewall') {
  return Array.from({ length: to - from }, (_, at) => {
    const i = from + at
    return {
      key: `k${i}`,
      group: 'letsencrypt',
      cause: `Why: ${cause(i)}.`,
      subject: {
        names: [`h${i}.shop.example.com`],
        details: { class: cause(i), address: '192.0.2.7' },
      },
    }
  })
}

describe('what comes together', () => {
  test('is told together, with what it shares', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur(...failures(0, 312, (i) => (i < 300 ? 'firewall' : 'nxdomain')))
    desk.pass(2_000)
    expect(desk.told()).toEqual([
      'firing ops 312 312 failed validations at letsencrypt: 300 × firewall, 12 × nxdomain',
    ])
    const [only] = desk.notifications
    expect(only!.alerts).toHaveLength(20)
    expect(only!.shared).toBe('all: address 192.0.2.7, domain example.com, CA letsencrypt')
    expect(only!.occurrences).toBe(312)
  })

  test('with one cause says it', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur(...failures(0, 2))
    desk.pass(2_000)
    expect(desk.notifications[0]!.shared).toBe(
      'Why: firewall. (all: address 192.0.2.7, firewall, domain example.com, CA letsencrypt)',
    )
  })

  test('of which most share something close to the cause says so', () => {
    const desk = new SimulatedDesk({ config: OPS })
    const [a, b, c] = failures(0, 3, (i) => `${i}`)
    desk.occur(a, b, { ...c, subject: { ca: 'other', names: ['x.test'], details: { resolver: 'ns1.test' } } })
    desk.pass(2_000)
    expect(desk.notifications[0]!.shared).toBe('2 of 3: address 192.0.2.7')
  })

  test('of several groups is told by group while the allowance is there for all, else at once', () => {
    const groups = (...names: string[]) => names.map((group) => ({ key: group, group }))
    const few = new SimulatedDesk({ config: FEW })
    few.occur(...groups('a', 'b', 'c'))
    few.pass(HOUR)
    expect(few.notifications.map(({ count }) => count)).toEqual([1, 1, 1])
    const many = new SimulatedDesk({ config: FEW })
    many.occur(...groups('a', 'b', 'c', 'd'))
    many.pass(2_000)
    expect(many.notifications.map(({ count }) => count)).toEqual([4])
  })

  test('of different rules does not share an allowance', () => {
    const desk = new SimulatedDesk({ config: FEW })
    for (let i = 0; i < 5; i += 1) {
      desk.occur({ key: `a${i}` })
      desk.pass(3_000)
    }
    desk.occur({ rule: 'ca-down', severity: 'critical', key: 'ca' })
    desk.pass(3_000)
    expect(desk.notifications.map(({ rule }) => rule)).toEqual([
      'validation-failed',
      'validation-failed',
      'validation-failed',
      'ca-down',
    ])
  })
})

describe('above the allowance', () => {
  test('10,000 failures by 4 causes within a minute are a handful, and the last says all', () => {
    const desk = new SimulatedDesk({ config: OPS })
    const causes = ['firewall', 'nxdomain', 'http-not-found', 'caa']
    for (let second = 0; second < 60; second += 1) {
      desk.occur(
        ...failures(
          Math.floor((second * 10_000) / 60),
          Math.floor(((second + 1) * 10_000) / 60),
          (i) => causes[i % 4]!,
        ),
      )
      desk.pass(1_000)
    }
    desk.pass(9 * MINUTE)
    expect(desk.notifications.length).toBeLessThanOrEqual(5)
    const last = desk.notifications.at(-1)!
    expect(last).toMatchObject({ count: 10_000, occurrences: 10_000 })
    expect(last.title).toBe(
      '10000 failed validations at letsencrypt: 2500 × caa, 2500 × firewall, 2500 × http-not-found, 2500 × nxdomain (since 10:00 UTC)',
    )
    expect(desk.memory.all().every(({ alert }) => alert.told === 1)).toBe(true)
    // Nothing is left over.
    desk.pass(HOUR)
    expect(desk.notifications.length).toBeLessThanOrEqual(5)
  })

  test('also when each cause is a group of its own', () => {
    const desk = new SimulatedDesk({ config: OPS })
    const causes = ['firewall', 'nxdomain', 'http-not-found', 'caa']
    for (let second = 0; second < 60; second += 1) {
      const some = failures(second * 20, second * 20 + 20, (i) => causes[i % 4]!)
      desk.occur(...some.map((one) => ({ ...one, group: one.cause })))
      desk.pass(1_000)
    }
    desk.pass(9 * MINUTE)
    expect(desk.notifications.length).toBeLessThanOrEqual(5)
    expect(desk.notifications.at(-1)!.count).toBe(1_200)
  })

  test('is told when the interval has passed, and a new burst begins', () => {
    const desk = new SimulatedDesk({ config: { ...OPS, burst: 2, interval: '1m' } })
    for (let i = 0; i < 4; i += 1) {
      desk.occur({ key: `k${i}` })
      desk.pass(10_000)
    }
    expect(desk.notifications.map(({ count }) => count)).toEqual([1, 1])
    desk.pass(21_999)
    expect(desk.notifications).toHaveLength(2)
    desk.pass(1)
    expect(desk.notifications.map(({ count }) => count)).toEqual([1, 1, 4])
    expect(desk.notifications[2]!.alerts.map(({ key }) => key)).toEqual(['k2', 'k3'])
    desk.pass(10 * MINUTE)
    desk.occur({ key: 'k9' })
    desk.pass(2_000)
    expect(desk.notifications.map(({ count }) => count)).toEqual([1, 1, 4, 1])
  })

  test('holds over a restart', () => {
    const desk = new SimulatedDesk({ config: { ...OPS, burst: 1, interval: '1m' } })
    desk.occur({ key: 'a' })
    desk.pass(3_000)
    desk.restart()
    desk.occur({ key: 'b' })
    desk.pass(3_000)
    expect(desk.notifications).toHaveLength(1)
    desk.restart()
    desk.pass(MINUTE)
    expect(desk.notifications.map(({ count }) => count)).toEqual([1, 2])
  })

  test('an alert that is told twice in a burst counts once', () => {
    const desk = new SimulatedDesk({ config: { ...OPS, burst: 2, interval: '1m' } })
    desk.occur({ key: 'a' })
    desk.pass(3_000)
    desk.occur({ key: 'a', severity: 'critical' })
    desk.pass(3_000)
    desk.occur({ key: 'b' })
    desk.pass(MINUTE)
    expect(desk.notifications.map(({ count }) => count)).toEqual([1, 1, 2])
  })

  test('that ended meanwhile is told to nobody', () => {
    const desk = new SimulatedDesk({ config: { ...OPS, burst: 1, interval: '1m' } })
    desk.occur({ key: 'a' })
    desk.pass(3_000)
    desk.occur({ key: 'b' })
    desk.pass(3_000)
    desk.resolve('b')
    desk.pass(HOUR)
    expect(desk.notifications).toHaveLength(1)
  })

  test('what is over is told likewise, and each that a channel knows by name is named', () => {
    const desk = new SimulatedDesk({ config: OPS })
    for (let i = 0; i < 3; i += 1) {
      desk.occur(...failures(i * 20, i * 20 + 20))
      desk.pass(3_000)
    }
    desk.pass(HOUR)
    const named = desk.notifications.flatMap(({ alerts }) => alerts.map(({ key }) => key))
    expect(new Set(named).size).toBe(60)
    for (const key of named) desk.resolve(key)
    desk.pass(HOUR)
    const over = desk.notifications.filter(({ kind }) => kind === 'resolved')
    expect(over).toHaveLength(3)
    expect(new Set(over.flatMap(({ alerts }) => alerts.map(({ key }) => key))).size).toBe(60)
  })

  test('of those that were only counted the end is counted too', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur(...failures(0, 100))
    desk.pass(HOUR)
    const named = new Set(desk.notifications[0]!.alerts.map(({ key }) => key))
    for (let i = 99; i >= 0; i -= 1) desk.resolve(`k${i}`)
    desk.pass(HOUR)
    const over = desk.notifications.slice(1)
    expect(over.map(({ count }) => count)).toEqual([100])
    expect(over[0]!.alerts.every(({ key }) => named.has(key))).toBe(true)
  })
})

describe('a digest', () => {
  const config = { channels: channels(mail('mail', '1h')) }

  test('collects what is not critical, of all rules, with what is over', () => {
    const desk = new SimulatedDesk({ config })
    desk.occur({ key: 'a' })
    desk.pass(30 * MINUTE)
    desk.occur({ key: 'b', rule: 'limit-hit', title: 'limit hit' })
    desk.pass(30 * MINUTE)
    expect(desk.told()).toEqual(['digest mail 2 Digest: 2 alerts'])
    desk.resolve('a')
    desk.pass(10 * MINUTE)
    desk.occur({ key: 'c' })
    desk.pass(50 * MINUTE)
    expect(desk.told(1)).toEqual(['digest mail 2 Digest: 1 alert, 1 over'])
    expect(desk.notifications[1]!.text).toBe(
      'over: www.example.com failed validation (since 2026-03-02 10:00 UTC, seen once)\n' +
        'warning: www.example.com failed validation (since 2026-03-02 11:10 UTC, seen once)',
    )
    expect(desk.notifications[1]!.rule).toBeNull()
  })

  test('does not wait with what is critical, or becomes it; everything stays in one order', () => {
    const desk = new SimulatedDesk({ config })
    desk.occur({ key: 'a' }, { key: 'b', severity: 'critical' })
    desk.pass(2_000)
    expect(desk.told()).toEqual(['firing mail 1 www.example.com failed validation'])
    desk.occur({ key: 'a', severity: 'critical' })
    desk.pass(2_000)
    expect(desk.notifications).toHaveLength(2)
    desk.pass(2 * HOUR)
    expect(desk.notifications).toHaveLength(2)
    expect(new Set(desk.notifications.map(({ key }) => key))).toEqual(new Set(['digest']))
  })
})
