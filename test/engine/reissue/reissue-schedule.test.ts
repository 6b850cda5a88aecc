import { beforeEach, expect, test } from 'vitest'
import { applyPlan, INTERRUPTED } from '../../../src/engine/reissue/apply-plan.ts'
import { makePlan } from '../../../src/engine/reissue/make-plan.ts'
import {
  ReissueSchedule,
  SCHEDULE,
  type ScheduleNews,
  type ScheduleSettings,
} from '../../../src/engine/reissue/reissue-schedule.ts'
import { ENGINE_T0, reissuePlan } from '../../support/engine/engine-values.ts'
import { ReissueWorld } from '../../support/engine/reissue-world.ts'

const HOUR = 3_600_000_000
let world: ReissueWorld
let news: ScheduleNews[]
let settings: ScheduleSettings | null
let schedule: ReissueSchedule
let trusted: boolean
beforeEach(() => {
  world = new ReissueWorld()
  trusted = true
  settings = { where: 'expires<14d', every: 86_400, max: 2 }
  start()
})

function start(): void {
  news = []
  schedule = new ReissueSchedule({
    settings: () => settings,
    store: world.store,
    make: (where) => makePlan(world.planParts(), { where, madeBy: SCHEDULE, pace: 0, stopAt: 20 }),
    apply: (id, signal) =>
      applyPlan(world.applyParts(), id, { signal, onProgress: () => {}, onLine: () => {} }),
    clock: world.clock,
    clockTrusted: () => trusted,
    onNews: (told) => news.push(told),
  })
}

test('without settings nothing happens', async () => {
  settings = null
  await world.observed('a.example.com')
  await schedule.look()
  expect(await world.store.plans()).toEqual([])
})

test('a plan is made and applied every so often, also across restarts', async () => {
  await world.observed('a.example.com')
  await schedule.look()
  expect(news).toMatchObject([{ kind: 'applied', plan: { plan: { state: 'done', madeBy: SCHEDULE } } }])
  world.clock.wall = ENGINE_T0 + 23 * HOUR
  await schedule.look()
  start()
  await schedule.look()
  expect(await world.store.plans()).toHaveLength(1)
  world.clock.wall = ENGINE_T0 + 24 * HOUR
  await schedule.look()
  expect(await world.store.plans()).toHaveLength(2)
  expect([...world.issued.values()]).toEqual([1])
})

test('a plan beyond the bounds is told and not applied', async () => {
  for (const name of ['a', 'b', 'c']) await world.observed(`${name}.example.com`)
  await schedule.look()
  expect(news).toMatchObject([{ kind: 'tooLarge', lines: 3, max: 2 }])
  expect(world.asked).toEqual([])
  expect((await world.store.plans())[0]?.state).toBe('planned')
})

test('lines that cannot be done do not count', async () => {
  for (const name of ['a', 'b', 'c']) await world.observed(`${name}.example.com`)
  world.requests.clear()
  await schedule.look()
  expect(news).toEqual([])
})

test.each([
  { state: 'running', stoppedBecause: null },
  { state: 'stopped', stoppedBecause: INTERRUPTED },
] as const)('one of its own that was cut off ($state) is gone on with; of others nothing is', async (cut) => {
  await world.observed('a.example.com')
  const { plan } = await makePlan(world.planParts(), {
    where: 'overdue',
    madeBy: SCHEDULE,
    pace: 0,
    stopAt: 20,
  })
  await world.store.putPlan({ ...plan, ...cut })
  await world.store.putPlan(reissuePlan({ ...cut, madeBy: 'ops' }))
  await schedule.look()
  expect(news).toMatchObject([{ kind: 'applied', plan: { plan: { id: plan.id, state: 'done' } } }])
  expect([...world.issued.values()]).toEqual([1])
})

test('what cannot be planned is told, and tried again when it is time', async () => {
  settings = { where: 'expires<', every: 86_400, max: 2 }
  await schedule.look()
  await schedule.look()
  expect(news).toMatchObject([{ kind: 'failed', error: { name: 'WhereError' } }])
})

test('a clock that was set back makes one plan, not one at every look', async () => {
  await world.store.putPlan(reissuePlan({ madeBy: SCHEDULE, state: 'done', madeAt: ENGINE_T0 + 500 * HOUR }))
  for (let look = 0; look < 3; look++) await schedule.look()
  expect(await world.store.plans()).toHaveLength(2)
})

test('it begins by itself, and ends', async () => {
  await world.observed('a.example.com')
  schedule.start()
  await expect.poll(() => news.length).toBe(1)
  await schedule.close()
})

test('no plan is made by a clock that cannot be believed', async () => {
  await world.observed('a.example.com')
  trusted = false
  await schedule.look()
  expect(await world.store.plans()).toEqual([])
  trusted = true
  await schedule.look()
  expect(await world.store.plans()).toHaveLength(1)
})
