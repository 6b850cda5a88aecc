import { describe, expect, test } from 'vitest'
import { occurrence } from '../../support/alerts/occurrences.ts'
import { channels, SimulatedDesk, stateRule } from '../../support/alerts/simulated-desk.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const OPS = { channels: channels('ops') }

describe('an alert', () => {
  test('is told once after the time to wait, and counts what comes again', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur({})
    expect(desk.told()).toEqual([])
    desk.pass(1_999)
    expect(desk.told()).toEqual([])
    desk.pass(1)
    expect(desk.told()).toEqual(['firing ops 1 www.example.com failed validation'])
    desk.pass(10 * MINUTE)
    desk.occur({}, { cause: 'Now the port is closed.' })
    desk.pass(HOUR)
    expect(desk.notifications).toHaveLength(1)
    const { alert } = desk.kept('www.example.com')
    expect(alert).toMatchObject({ state: 'firing', count: 3, told: 1, cause: 'Now the port is closed.' })
    expect(alert.since < alert.last).toBe(true)
  })

  test('is told again after the quiet time when it was seen since, and only then', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur({})
    desk.pass(5_000)
    desk.occur({})
    desk.pass(DAY)
    expect(desk.told(1)).toEqual(['firing ops 1 www.example.com failed validation'])
    expect(desk.notifications[1]!.occurrences).toBe(2)
    desk.pass(5 * DAY)
    expect(desk.notifications).toHaveLength(2)
    desk.occur({})
    desk.pass(5_000)
    expect(desk.notifications).toHaveLength(3)
  })

  test('is told at once when it becomes worse or another step is reached', () => {
    const desk = new SimulatedDesk({ config: OPS })
    const expiring = (step: string, severity: 'warning' | 'critical') =>
      desk.occur({ rule: 'certificate-expiring', severity, subject: { details: { step } } })
    expiring('21', 'warning')
    desk.pass(HOUR)
    expiring('21', 'warning')
    desk.pass(HOUR)
    expect(desk.notifications).toHaveLength(1)
    expiring('14', 'warning')
    desk.pass(HOUR)
    expect(desk.notifications).toHaveLength(2)
    expiring('14', 'critical')
    desk.pass(HOUR)
    expect(desk.notifications.map(({ severity }) => severity)).toEqual(['warning', 'warning', 'critical'])
    expiring('14', 'warning')
    desk.pass(HOUR)
    expect(desk.notifications).toHaveLength(3)
  })

  test('ends by its key or by a name, and who was told is told', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur({ key: 'a' }, { key: 'b', subject: { names: ['b.test'], client: 'c000000000000001' } })
    desk.pass(HOUR)
    const byName = (client: string | null) =>
      desk.signal({
        occurrences: [],
        resolutions: [
          {
            rule: 'validation-failed',
            by: { name: 'b.test', client, ca: null, account: null },
            at: desk.now,
            why: 'ok',
          },
        ],
      })
    byName('c000000000000002')
    desk.pass(HOUR)
    expect(desk.kept('b').alert.state).toBe('firing')
    byName('c000000000000001')
    desk.resolve('a')
    desk.pass(HOUR)
    expect(desk.kept('b').alert).toMatchObject({ state: 'resolved', resolution: 'ok' })
    expect(desk.told(1)).toEqual(['resolved ops 2 Over: 2 failed validations at letsencrypt'])
    desk.occur({ key: 'a' })
    desk.pass(HOUR)
    expect(desk.memory.all().filter(({ alert }) => alert.key === 'a')).toHaveLength(2)
    expect(desk.notifications).toHaveLength(3)
  })

  test('ends by a name at its CA and of its account alone, as far as they are known', () => {
    const desk = new SimulatedDesk({ config: OPS })
    const [name, account] = ['b.test', 'https://ca.example/acct/1']
    desk.occur(
      { key: 'a', subject: { names: [name], account } },
      { key: 'unknown', subject: { names: [name], ca: null } },
    )
    const passed = (ca: string, of: string | null) =>
      desk.signal({
        occurrences: [],
        resolutions: [
          {
            rule: 'validation-failed',
            by: { name, client: null, ca, account: of },
            at: desk.now,
            why: 'ok',
          },
        ],
      })
    passed('zerossl', null)
    passed('letsencrypt', 'https://ca.example/acct/2')
    expect(desk.kept('a').alert.state).toBe('firing')
    expect(desk.kept('unknown').alert.state).toBe('resolved')
    passed('letsencrypt', account)
    expect(desk.kept('a').alert.state).toBe('resolved')
  })

  test('ends by itself when it was not seen until its time', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur({ until: desk.now + HOUR })
    desk.pass(30 * MINUTE)
    desk.occur({ until: desk.now + HOUR })
    desk.pass(HOUR - 1)
    expect(desk.kept('www.example.com').alert.state).toBe('firing')
    desk.pass(1)
    expect(desk.kept('www.example.com').alert).toMatchObject({
      state: 'resolved',
      resolved: new Date(desk.now).toISOString(),
    })
    desk.pass(HOUR)
    expect(desk.told(1)).toEqual(['resolved ops 1 Over: www.example.com failed validation'])
  })

  test('that lapsed while nothing ran is another when it is seen again', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur({ until: desk.now + HOUR })
    desk.pass(MINUTE)
    desk.now += 2 * HOUR
    desk.restart()
    desk.occur({ until: desk.now + HOUR })
    desk.pass(MINUTE)
    expect(desk.memory.all().map(({ alert }) => alert.state)).toEqual(['resolved', 'firing'])
    expect(desk.told(1).map((line) => line.split(' ')[0])).toEqual(['firing', 'resolved'])
  })

  test('that ended before it was told is told to nobody, unless it was critical', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur({ key: 'a' }, { key: 'b', rule: 'ca-down', severity: 'critical' })
    desk.pass(1_000)
    desk.resolve('a')
    desk.resolve('b', 'ca-down')
    desk.pass(HOUR)
    expect(desk.told().map((line) => line.split(' ')[0])).toEqual(['firing', 'resolved'])
    const [firing, over] = desk.notifications
    expect(firing!.alerts[0]).toMatchObject({ key: 'b', state: 'firing', resolved: null })
    expect(over!.alerts[0]).toMatchObject({ key: 'b', state: 'resolved' })
  })

  test('that is merely to be known is told once, also when it lapses first, and its end to nobody', () => {
    const desk = new SimulatedDesk({ config: { ...OPS, wait: '1m' } })
    const notice = { rule: 'new-ca', isNotice: true, until: desk.now + 30_000 } as const
    desk.occur(notice)
    desk.pass(40_000)
    expect(desk.kept('www.example.com').alert.state).toBe('resolved')
    desk.pass(HOUR)
    expect(desk.told()).toEqual(['firing ops 1 www.example.com failed validation'])
    desk.occur({ ...notice, until: desk.now + 30 * DAY })
    desk.pass(MINUTE)
    desk.occur({ ...notice, until: desk.now + 30 * DAY })
    desk.pass(20 * DAY)
    desk.occur({ ...notice, until: desk.now + 30 * DAY })
    desk.pass(40 * DAY)
    expect(desk.notifications).toHaveLength(2)
  })

  test('of a rule that is off is none, and one that fires ends when it is switched off', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur({})
    desk.pass(MINUTE)
    desk.use({ ...OPS, rules: { 'validation-failed': { enabled: false } } })
    desk.occur({ key: 'b' })
    desk.pass(MINUTE)
    expect(desk.kept('www.example.com').alert).toMatchObject({
      state: 'resolved',
      resolution: 'The rule was switched off.',
    })
    expect(desk.kept('b')).toBeUndefined()
    expect(desk.told(1)).toEqual(['resolved ops 1 Over: www.example.com failed validation'])
  })

  test('of a rule switched off while nothing ran ends at the start', () => {
    const desk = new SimulatedDesk({ config: OPS })
    desk.occur({})
    desk.pass(MINUTE)
    const next = new SimulatedDesk({
      config: { ...OPS, rules: { 'validation-failed': { enabled: false } } },
      memory: desk.memory,
      now: desk.now,
    })
    expect(next.kept('www.example.com').alert.state).toBe('resolved')
  })

  test('beyond the most of a rule is counted in one, which ends when they are few again', () => {
    const desk = new SimulatedDesk({ config: OPS, most: 10 })
    for (let i = 0; i < 15; i += 1) desk.occur({ key: `k${i}` })
    expect(desk.evaluator.firing).toBe(11)
    expect(desk.kept('(more)').alert.count).toBe(5)
    desk.restart()
    desk.resolve('k0')
    expect(desk.kept('(more)').alert.state).toBe('firing')
    desk.resolve('k1')
    desk.resolve('k2')
    expect(desk.kept('(more)').alert.state).toBe('resolved')
    expect(desk.evaluator.firing).toBe(7)
  })
})

describe('rules over how things stand', () => {
  test('are asked at their pace; what is no longer among it ends', () => {
    let down = ['a', 'b']
    let asked = 0
    const rule = stateRule('ca-down', 10_000, function* (now) {
      asked += 1
      for (const key of down) yield occurrence({ rule: 'ca-down', severity: 'critical', key, at: now })
    })
    const desk = new SimulatedDesk({ config: OPS, stateRules: [rule] })
    expect(desk.evaluator.nextLook(desk.now)).toBe(desk.now)
    desk.look()
    expect(desk.evaluator.nextLook(desk.now)).toBe(desk.now + 10_000)
    desk.pass(9_999)
    desk.look()
    expect(asked).toBe(1)
    desk.restart()
    desk.pass(1)
    down = ['b']
    desk.look()
    expect(asked).toBe(2)
    expect(desk.kept('a').alert).toMatchObject({ state: 'resolved', resolution: 'It is as it should be.' })
    expect(desk.kept('b').alert).toMatchObject({ state: 'firing', count: 2 })
  })

  test('are asked anew when settings change or the clock was set back', () => {
    let asked = 0
    const rule = stateRule('ca-down', DAY, () => {
      asked += 1
      return []
    })
    const desk = new SimulatedDesk({ config: OPS, stateRules: [rule] })
    desk.look()
    desk.use({ ...OPS, rules: { 'ca-down': { share: 0.9 } } })
    desk.look()
    expect(asked).toBe(2)
    desk.now -= HOUR
    desk.look()
    expect(asked).toBe(3)
    desk.use({ ...OPS, rules: { 'ca-down': { enabled: false } } })
    desk.look()
    expect(asked).toBe(3)
    expect(desk.evaluator.nextLook(desk.now)).toBeNull()
  })
})

describe('what is told', () => {
  test('has ids that are UUIDs, each its own, and numbers that grow', () => {
    const desk = new SimulatedDesk({ config: { channels: channels('ops', 'team') } })
    desk.occur({ key: 'a' }, { key: 'b', group: 'other' })
    desk.pass(MINUTE)
    const ids = desk.notifications.map(({ id }) => id)
    expect(new Set(ids).size).toBe(4)
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(desk.notifications.map(({ number }) => number)).toEqual([1, 2, 3, 4])
  })

  test('is nothing without channels, and the alert is there all the same', () => {
    const desk = new SimulatedDesk({})
    desk.occur({})
    desk.pass(HOUR)
    expect(desk.notifications).toEqual([])
    expect(desk.kept('www.example.com').alert.state).toBe('firing')
    expect(desk.evaluator.nextTick()).toBeNull()
  })
})

describe('what swings to and fro', () => {
  test('after a restart nothing that settles is over before it was measured for as long', () => {
    let is = true
    const rule = stateRule('ca-down', 5_000, (now) =>
      is ? [occurrence({ rule: 'ca-down', key: 'letsencrypt', at: now })] : [],
    )
    const desk = new SimulatedDesk({ config: OPS, stateRules: [{ ...rule, settles: 5 * MINUTE }] })
    desk.look()
    desk.pass(10 * MINUTE)
    const restarted = desk.now
    desk.restart()
    is = false
    desk.look(restarted)
    desk.pass(4 * MINUTE)
    desk.look(restarted)
    expect(desk.kept('letsencrypt').alert.state).toBe('firing')
    desk.pass(MINUTE)
    desk.look(restarted)
    expect(desk.kept('letsencrypt').alert.state).toBe('resolved')
  })

  test.each([
    [0, 120],
    [5 * MINUTE, 2],
  ])('is told of each swing, unless its rule lets it settle (%s ms)', (settles, times) => {
    let is = false
    const swinging = stateRule('ca-down', 5_000, (now) =>
      is ? [occurrence({ rule: 'ca-down', key: 'letsencrypt', at: now })] : [],
    )
    const desk = new SimulatedDesk({ config: OPS, stateRules: [{ ...swinging, settles }] })
    const began = () => desk.memory.all().length
    for (let i = 0; i < 240; i += 1) {
      is = !is
      desk.look()
      desk.pass(5_000)
      if (i % 50 === 0) desk.restart()
    }
    expect(began()).toBe(times)
    desk.pass(4 * MINUTE)
    desk.look()
    expect(desk.kept('letsencrypt').alert.state).toBe(settles > 0 ? 'firing' : 'resolved')
    desk.pass(MINUTE)
    desk.look()
    expect(desk.kept('letsencrypt').alert.state).toBe('resolved')
    desk.pass(6 * MINUTE)
    is = true
    desk.look()
    desk.pass(5_000)
    is = false
    desk.look()
    expect(desk.kept('letsencrypt').alert.state).toBe('resolved')
  })
})
