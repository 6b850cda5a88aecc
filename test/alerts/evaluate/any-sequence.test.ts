import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Silence } from '../../../src/alerts/alert.ts'
import { receiversOf } from '../../../src/alerts/evaluate/route.ts'
import type { Notification } from '../../../src/alerts/notification.ts'
import { type AlertConfig, alertSettings } from '../../support/alerts/occurrences.ts'
import { channels, mail, SimulatedDesk } from '../../support/alerts/simulated-desk.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const CONFIG: AlertConfig = {
  channels: channels('ops', 'pager', mail('mail', '1h')),
  routes: [
    { rules: ['ca-down'], channels: ['ops', 'pager'], continue: true },
    { names: ['.b.test'], channels: ['mail'], escalate: { channel: 'pager', unresolved: '2h' } },
    {
      severity: ['warning', 'critical'],
      channels: ['ops', 'mail'],
      escalate: { channel: 'pager', undelivered: '10m' },
    },
  ],
  burst: 2,
}
const SETTINGS = alertSettings(CONFIG)

const RULES = ['validation-failed', 'ca-down'] as const
const NAMES = ['a.test', 'b.test', 'c.b.test', 'd.test', 'e.test'] as const

type Step =
  | {
      readonly kind: 'occur'
      readonly rule: (typeof RULES)[number]
      readonly name: (typeof NAMES)[number]
      readonly severity: 'info' | 'warning' | 'critical'
      readonly group: string
      readonly lasts: number | null
      readonly step: string
    }
  | { readonly kind: 'resolve'; readonly rule: (typeof RULES)[number]; readonly name: (typeof NAMES)[number] }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'silence'; readonly name: (typeof NAMES)[number]; readonly ms: number }
  | { readonly kind: 'unsilence' }
  | { readonly kind: 'settle'; readonly state: 'delivered' | 'refused'; readonly which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('occur' as const),
      rule: fc.constantFrom(...RULES),
      name: fc.constantFrom(...NAMES),
      severity: fc.constantFrom('info', 'warning', 'critical'),
      group: fc.constantFrom('', 'g'),
      lasts: fc.constantFrom(null, null, 500, 20 * MINUTE),
      step: fc.constantFrom('14', '14', '7'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('resolve' as const),
      rule: fc.constantFrom(...RULES),
      name: fc.constantFrom(...NAMES),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(0, 100, 2_000, 30_000, 5 * MINUTE, 3 * 60 * MINUTE, 2 * DAY),
    }),
  },
  fc.record({
    kind: fc.constant('silence' as const),
    name: fc.constantFrom(...NAMES),
    ms: fc.constantFrom(1_000, 10 * MINUTE, DAY),
  }),
  fc.constant({ kind: 'unsilence' as const }),
  fc.record({
    kind: fc.constant('settle' as const),
    state: fc.constantFrom('delivered', 'refused'),
    which: fc.nat(20),
  }),
)

function take(desk: SimulatedDesk, one: Step, silences: Silence[]): void {
  switch (one.kind) {
    case 'occur': {
      const { rule, name, group, lasts } = one
      const isNotice = name === 'e.test'
      desk.occur({
        rule,
        key: name,
        severity: isNotice ? 'warning' : one.severity,
        group,
        isNotice,
        until: lasts === null ? null : desk.now + lasts,
        subject: { names: [name], details: { step: one.step } },
      })
      break
    }
    case 'resolve':
      desk.resolve(one.name, one.rule)
      break
    case 'pass':
      desk.pass(one.ms)
      break
    case 'silence':
      silences.push(desk.silence({ name: one.name }, one.ms))
      break
    case 'unsilence': {
      const last = silences.pop()
      if (last !== undefined) desk.endSilence(last)
      break
    }
    case 'settle': {
      const one2 = desk.notifications[one.which]
      if (one2 !== undefined) desk.memory.settle(one2.id, one.state)
    }
  }
}

/** Runs the steps; where `isCrashing`, each is tried and lost first, and then done by another process. */
function run(steps: readonly Step[], isCrashing: boolean): SimulatedDesk {
  const desk = new SimulatedDesk({ config: CONFIG })
  const silences: Silence[] = []
  for (const one of steps) {
    if (isCrashing) {
      const lost = new SimulatedDesk({ config: CONFIG, memory: desk.memory.copy(), now: desk.now })
      if (one.kind !== 'silence' && one.kind !== 'unsilence') take(lost, one, [...silences])
      desk.restart()
    }
    take(desk, one, silences)
  }
  return desk
}

interface Line {
  readonly channel: string
  readonly key: string
  readonly number: number
  readonly alert: string
  readonly isEnd: boolean
}

function linesOf(notifications: readonly Notification[]): Line[] {
  return notifications.flatMap(({ channel, key, number, kind, alerts }) =>
    alerts.map(({ id, state }) => ({
      channel,
      key,
      number,
      alert: id,
      isEnd: kind === 'resolved' || (kind === 'digest' && state === 'resolved'),
    })),
  )
}

describe('whatever happens in whatever order', () => {
  const steps = fc.array(step, { minLength: 1, maxLength: 60 })

  test('what fires and is not silenced is told to everybody it is routed to; what was critical, in any case', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const desk = run(all, false)
        // Until every silence has ended, everything has escalated and the last digest was made.
        desk.pass(2 * DAY + 3 * 60 * MINUTE)
        for (const { alert, channels: told, isNotice } of desk.memory.all()) {
          const wasTold = Object.entries(told).filter(([, { at }]) => at !== null)
          if (alert.state === 'firing' && alert.silenced === null)
            for (const name of receiversOf(alert, SETTINGS).channels)
              expect(
                wasTold.map(([channel]) => channel),
                `${alert.key} to ${name}`,
              ).toContain(name)
          // Nothing is left in a lane, and who was told of the beginning was told of the end.
          for (const { waits } of Object.values(told)) expect(waits).toBeNull()
          const lines = linesOf(desk.notifications).filter((line) => line.alert === alert.id)
          if (alert.state === 'resolved' && !isNotice)
            for (const [channel] of wasTold)
              expect(lines.filter((line) => line.channel === channel).at(-1)!.isEnd).toBe(true)
          if (alert.told === 0) expect(lines).toEqual([])
        }
        expect(desk.evaluator.nextTick() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(desk.now)
      }),
      { numRuns: 400 },
    )
  })

  test('no end is told before its beginning, each channel and alert in one order; numbers grow', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { notifications } = run(all, false)
        expect(notifications.map(({ number }) => number)).toEqual(notifications.map((_, i) => i + 1))
        const lines = linesOf(notifications)
        for (const end of lines.filter(({ isEnd }) => isEnd)) {
          const same = lines.filter(({ alert, channel }) => alert === end.alert && channel === end.channel)
          expect(same[0]!.isEnd).toBe(false)
          expect(same.filter(({ isEnd }) => isEnd)).toHaveLength(1)
          expect(same.at(-1)).toEqual(end)
          expect(new Set(same.map(({ key }) => key)).size).toBe(1)
        }
      }),
      { numRuns: 400 },
    )
  })

  test('a process that ends at any point changes nothing', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const calm = run(all, false)
        const crashing = run(all, true)
        expect(crashing.notifications).toEqual(calm.notifications)
        expect(crashing.memory.all()).toEqual(calm.memory.all())
      }),
      { numRuns: 150 },
    )
  })

  test('at most the allowance is used within the interval, by each rule on each channel', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { notifications } = run(all, false)
        for (const one of notifications) {
          if (one.kind !== 'firing' && one.kind !== 'resolved') continue
          const at = Date.parse(one.made)
          const near = notifications.filter(
            ({ kind, channel, rule, made }) =>
              kind === one.kind &&
              channel === one.channel &&
              rule === one.rule &&
              Date.parse(made) >= at &&
              Date.parse(made) < at + SETTINGS.interval,
          )
          expect(near.length).toBeLessThanOrEqual(2)
        }
      }),
      { numRuns: 200 },
    )
  })
})
