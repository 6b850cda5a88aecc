import { existsSync, renameSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AlertSettings } from '../../../src/alerts/rule.ts'
import type { Vitals } from '../../../src/alerts/vitals.ts'
import { alertsFile, openAlertsFile } from '../../../src/store/sqlite/alerts/alerts-file.ts'
import { AlertsKeeper } from '../../../src/store/sqlite/alerts/alerts-keeper.ts'
import { type EvaluationMaker, evaluationOf } from '../../../src/store/sqlite/alerts/evaluation.ts'
import { ALERT_MIGRATIONS } from '../../../src/store/sqlite/alerts/schema.ts'
import { StoreFaults } from '../../../src/store/sqlite/faults.ts'
import { inventoryFile } from '../../../src/store/sqlite/inventory/inventory-file.ts'
import { HappeningWorld, type Happens } from '../../support/alerts/happening-world.ts'
import { alertSettings } from '../../support/alerts/settings.ts'

const DAY = 86_400_000
const T0 = Date.parse('2026-03-02T10:00:00.000Z')
const OPS = alertSettings({
  channels: [{ name: 'ops', webhook: { url: 'https://hooks.example.net/' } }],
  wait: '2s',
})
const QUIET: Vitals = {
  at: T0,
  since: 0,
  cas: [],
  record: { unwritableSince: null, detail: null, backlog: 0, behindSince: null, spillBytes: 0 },
  roots: [],
  endingRules: [],
  failingRenewals: [],
  sinks: [],
  channels: [],
}

let world: HappeningWorld
let keeper: AlertsKeeper
let now = T0

beforeEach(async () => {
  now = T0
  world = await HappeningWorld.create()
})
afterEach(async () => {
  keeper?.close()
  await world.remove()
})

interface Given {
  readonly settings?: AlertSettings
  readonly evaluationOf?: EvaluationMaker
  readonly faults?: StoreFaults
}

function open(given: Given = {}): AlertsKeeper {
  keeper = new AlertsKeeper({
    folder: world.folder,
    settings: OPS,
    evaluationOf,
    now: () => now,
    ...given,
  })
  work()
  return keeper
}

function reopen(given: Given = {}): AlertsKeeper {
  keeper.close()
  return open(given)
}

function work(): void {
  while (keeper.step());
}

function later(milliseconds: number): void {
  now += milliseconds
  work()
}

const failed = (name: string): Happens => ({ kind: 'failed', name, at: now })
const alerts = () => keeper.ask(({ memory }) => memory.alerts.list({ limit: 1000 })).items
const told = () =>
  keeper
    .ask(({ outbox }) => outbox.list({ limit: 1000 }))
    .items.map(({ notification, state }) => ({ ...notification, state }))
const namesOf = (list: readonly { readonly subject: { readonly names: readonly string[] } }[]) =>
  list.flatMap(({ subject }) => subject.names).sort()

/** After a fault: until the next try is allowed. */
async function workAgain(until: () => boolean): Promise<void> {
  await expect
    .poll(
      () => {
        work()
        return until()
      },
      { interval: 20, timeout: 30_000 },
    )
    .toBe(true)
}

describe('what happened', () => {
  test('before the first start is no alarm; what comes after is, and is told once', () => {
    world.happen([failed('old.example.com')])
    open()
    expect(alerts()).toEqual([])
    world.happen([failed('a.example.com'), failed('b.example.com')])
    work()
    expect(namesOf(alerts())).toEqual(['a.example.com', 'b.example.com'])
    expect(told()).toEqual([])
    later(2_000)
    expect(told()).toMatchObject([{ kind: 'firing', channel: 'ops', count: 2, state: 'waiting' }])
    expect(keeper.progress()).toMatchObject({ evaluated: 3, firing: 2, fault: null })
    expect(keeper.news).toBe(1)
    reopen()
    later(2_000)
    expect(alerts()).toHaveLength(2)
    expect(alerts().map(({ count }) => count)).toEqual([1, 1])
    expect(told()).toHaveLength(1)
  })

  test('is measured: from the fact to the notification', () => {
    open()
    world.happen([failed('a.example.com')])
    work()
    later(2_500)
    expect(keeper.progress().latency).toEqual({ p50: 2_500, p99: 2_500, count: 1 })
  })

  test('while nothing ran is told at the next start', () => {
    open()
    keeper.close()
    world.happen([failed('a.example.com')])
    open()
    later(2_000)
    expect(told()).toHaveLength(1)
  })

  test('in more batches than one is evaluated in order, to the end', () => {
    open()
    world.happen(Array.from({ length: 1_203 }, (_, i) => failed(`h${i}.example.com`)))
    work()
    expect(keeper.progress()).toMatchObject({ evaluated: 1_203, firing: 1_203 })
  })

  test('in a record that was put back to an earlier state begins with what comes then', () => {
    world.happen([failed('a.example.com'), failed('b.example.com')])
    open()
    keeper.ask(({ db }) => db.prepare("update state set value = '700 0' where name = 'position'").run())
    reopen()
    expect(alerts()).toEqual([])
    world.happen([failed('c.example.com')])
    work()
    expect(namesOf(alerts())).toEqual(['c.example.com'])
  })
})

describe('an inventory', () => {
  test('that is made anew shows nothing twice, and what comes after it has caught up', () => {
    open()
    const all = [failed('a.example.com'), failed('b.example.com')]
    world.happen(all)
    work()
    world.replaceInventory()
    work()
    expect(keeper.progress()).toMatchObject({ evaluated: 2, fault: null })
    world.project(all.slice(0, 1), 1)
    work()
    world.project(all.slice(1), 2)
    world.happen([failed('c.example.com')])
    work()
    expect(alerts().map(({ count, subject }) => [subject.names[0], count])).toEqual([
      ['c.example.com', 1],
      ['b.example.com', 1],
      ['a.example.com', 1],
    ])
  })

  test('that is being made anew is asked by no rule: what is missing in it is not over', () => {
    const asked: boolean[] = []
    open({
      evaluationOf(database, inventory, settings) {
        asked.push(inventory !== null)
        return evaluationOf(database, inventory, settings)
      },
    })
    world.happen([failed('a.example.com')])
    work()
    expect(asked.at(-1)).toBe(true)
    world.replaceInventory()
    work()
    expect(asked.at(-1)).toBe(false)
    world.project([failed('a.example.com')], 1)
    work()
    expect(asked.at(-1)).toBe(true)
  })

  test('that is not there is waited for', () => {
    open()
    world.happen([failed('a.example.com')])
    world.hideInventory(() => {
      work()
      expect(keeper.progress().fault).toContain('no inventory')
      expect(alerts()).toEqual([])
    })
    work()
    expect(alerts()).toHaveLength(1)
    expect(keeper.progress().fault).toBeNull()
  })
})

describe('faults', () => {
  test.each(['full', 'locked', 'io', 'applied'] as const)(
    'of the disk (%s) stop it until they are over; nothing is lost or counted twice',
    async (fault) => {
      const faults = new StoreFaults()
      open({ faults })
      faults.failCommits(fault)
      world.happen([failed('a.example.com')])
      work()
      expect(keeper.progress().fault).toMatch(/disk|locked/)
      faults.failCommits('none')
      await workAgain(() => keeper.progress().fault === null && alerts().length === 1)
      expect(alerts()[0]?.count).toBe(1)
      later(2_000)
      expect(told()).toHaveLength(1)
    },
  )

  test('a database that another holds is waited for', async () => {
    open()
    const other = new Database(alertsFile(world.folder))
    other.exec('begin immediate')
    world.happen([failed('a.example.com')])
    work()
    expect(keeper.progress().fault).toContain('locked')
    other.exec('rollback')
    other.close()
    await workAgain(() => alerts().length === 1)
    expect(keeper.progress().fault).toBeNull()
  })

  test('what cannot be evaluated is left out after some tries, and told', async () => {
    open({
      evaluationOf(database, inventory, settings) {
        const evaluation = evaluationOf(database, inventory, settings)
        const happened: typeof evaluation.happened = (happenings, at) => {
          if (happenings.some(({ names }) => names.includes('bad.example.com')))
            throw new Error('no such rule')
          evaluation.happened(happenings, at)
        }
        return new Proxy(evaluation, {
          get: (target, name) => {
            if (name === 'happened') return happened
            const value = Reflect.get(target, name) as unknown
            return typeof value === 'function' ? value.bind(target) : value
          },
        })
      },
    })
    world.happen([failed('a.example.com'), failed('bad.example.com'), failed('b.example.com')])
    work()
    expect(keeper.progress().fault).toBe('no such rule')
    await workAgain(() => alerts().length === 2)
    expect(namesOf(alerts())).toEqual(['a.example.com', 'b.example.com'])
    expect(keeper.progress().fault).toMatch(/1 happenings could not be evaluated.*no such rule/)
  })

  test('a damaged database is put aside, and a new one begins with what comes then', async () => {
    open()
    world.happen([failed('a.example.com')])
    work()
    keeper.close()
    writeFileSync(
      alertsFile(world.folder),
      'this is no database, and long enough to be seen as none'.repeat(99),
    )
    open()
    expect(existsSync(`${alertsFile(world.folder)}.damaged`)).toBe(true)
    expect(alerts()).toEqual([])
    expect(keeper.progress().fault).toContain(`${alertsFile(world.folder)}.damaged`)
    world.happen([failed('b.example.com')])
    work()
    expect(namesOf(alerts())).toEqual(['b.example.com'])
  })

  test('a database of a newer acmetap is left as it is', () => {
    const newer = [...ALERT_MIGRATIONS, { name: '0999_newer', sql: 'create table newer (x)' }]
    openAlertsFile(alertsFile(world.folder), newer).close()
    open()
    expect(keeper.progress().fault).toContain('0999_newer')
    expect(() => alerts()).toThrow(/newer/)
    expect(existsSync(`${alertsFile(world.folder)}.damaged`)).toBe(false)
  })
})

describe('a sign of life', () => {
  const settings = alertSettings({
    channels: [{ name: 'ops', webhook: { url: 'https://hooks.example.net/' }, heartbeat: '1m' }],
  })
  let count = 0
  /** How many came so far; they are taken at once. */
  function beats(): number {
    for (const { id, channel, kind } of keeper.ask(({ outbox }) => outbox.due(now, 10))) {
      keeper.change(({ outbox }) => outbox.settle(id, channel, { state: 'delivered', at: now }))
      if (kind === 'heartbeat') count += 1
    }
    return count
  }
  beforeEach(() => {
    count = 0
  })

  test('stays away while there is no inventory that is whole', () => {
    open({ settings })
    expect(beats()).toBe(1)
    later(60_000)
    expect(beats()).toBe(2)
    renameSync(inventoryFile(world.folder), `${inventoryFile(world.folder)}.away`)
    work()
    later(61_000)
    const before = beats()
    for (let i = 0; i < 5; i += 1) later(61_000)
    expect(beats()).toBe(before)
    renameSync(`${inventoryFile(world.folder)}.away`, inventoryFile(world.folder))
    later(61_000)
    later(61_000)
    expect(beats()).toBe(before + 1)
  })

  test('stays away while a rule cannot be asked how things stand; the others are', () => {
    open({ settings })
    beats()
    keeper.vitals({
      ...QUIET,
      record: { ...QUIET.record, unwritableSince: now - 60_000 },
      cas: null as never,
    })
    work()
    expect(alerts()).toMatchObject([{ rule: 'record-unwritable', state: 'firing' }])
    expect(keeper.progress().fault).toContain('ca-down: ')
    later(61_000)
    const before = beats()
    later(61_000)
    later(61_000)
    expect(beats()).toBe(before)
  })
})

describe('a clock that is set back by a year', () => {
  const YEAR = 365 * DAY

  test.each([['while it runs', false] as const, ['while nothing runs', true] as const])(
    'keeps nothing waiting (%s)',
    (_, isRestarted) => {
      now = T0 + YEAR
      open()
      keeper.changeSilences(({ silences }, at) =>
        silences.add(
          { name: 'quiet.example.com', until: new Date(now + DAY).toISOString(), reason: 'move' },
          'jane',
          at,
        ),
      )
      for (let i = 0; i < 11; i += 1) {
        world.happen([failed(`h${i}.example.com`)])
        work()
        later(2_000)
      }
      expect(told()).toHaveLength(10)
      const { id } = told().at(-1)!
      keeper.change(({ outbox }) =>
        outbox.settle(id, 'ops', { state: 'waiting', at: now, next: now + 60_000, error: 'refused' }),
      )
      if (isRestarted) keeper.close()
      now = T0
      if (isRestarted) open()
      else work()
      expect(keeper.ask(({ outbox }, at) => outbox.due(at, 10))).toHaveLength(1)
      later(5_000)
      expect(told()).toHaveLength(11)
      world.happen([failed('e.example.com'), failed('quiet.example.com')])
      work()
      later(2_000)
      expect(namesOf(told()[0]!.alerts)).toEqual(['e.example.com'])
      expect(alerts().find(({ silenced }) => silenced !== null)?.subject.names).toEqual(['quiet.example.com'])
      later(2 * DAY)
      expect(keeper.ask(({ silences }, at) => silences.holding(at))).toEqual([])
      later(6 * DAY)
      expect(alerts().filter(({ state }) => state === 'firing')).toEqual([])
    },
  )

  test('lets the weekly report come again', () => {
    const settings = alertSettings({
      channels: [{ name: 'ops', webhook: { url: 'https://hooks.example.net/' }, report: true }],
    })
    now = T0 + YEAR
    open({ settings })
    now = T0
    work()
    for (let day = 0; day < 8; day += 1) later(DAY)
    expect(told()).toMatchObject([{ kind: 'report' }])
  })
})

test('what a change decided and could not keep is not remembered', () => {
  open()
  world.happen([failed('a.example.com'), failed('b.example.com')])
  work()
  const other = new Database(alertsFile(world.folder))
  other.exec(
    "create trigger no before update on alerts when new.key like '%b.example.com' begin select raise(abort, 'no'); end",
  )
  const until = new Date(now + DAY).toISOString()
  const silence = () =>
    keeper.changeSilences(({ silences }, at) =>
      silences.add({ name: '.example.com', until, reason: 'x' }, 'jane', at),
    )
  expect(silence).toThrow('no')
  other.exec('drop trigger no')
  other.close()
  later(2_000)
  expect(told()[0]!.alerts).toMatchObject([{ silenced: null }, { silenced: null }])
})

describe('settings', () => {
  test('without a channel refuse what waits for it; rules that are off resolve', () => {
    open()
    world.happen([failed('a.example.com')])
    work()
    later(2_000)
    keeper.use(alertSettings({ rules: { 'validation-failed': { enabled: false } } }))
    work()
    expect(told()).toMatchObject([{ state: 'refused' }])
    expect(alerts()).toMatchObject([{ state: 'resolved' }])
  })

  test('that changed while nothing ran count from the start', () => {
    open()
    world.happen([failed('a.example.com')])
    work()
    later(2_000)
    reopen({ settings: alertSettings({ channels: [{ name: 'other', ntfy: { topic: 'x' } }] }) })
    expect(told().filter(({ channel }) => channel === 'ops')).toMatchObject([{ state: 'refused' }])
  })
})

test('a silence keeps quiet; once it ends, what still fires is told', () => {
  open()
  const until = new Date(now + DAY).toISOString()
  const { id } = keeper.changeSilences(({ silences }, at) =>
    silences.add({ name: '.example.com', until, reason: 'move' }, 'jane', at),
  )
  world.happen([failed('a.example.com')])
  work()
  later(2_000)
  expect(told()).toEqual([])
  expect(alerts()[0]?.silenced).toBe(id)
  expect(keeper.changeSilences(({ silences }, at) => silences.end(id, at))).toBe(true)
  work()
  later(2_000)
  expect(told()).toHaveLength(1)
})

test('how things stand is looked at once the server has told of itself', () => {
  open()
  keeper.vitals({ ...QUIET, record: { ...QUIET.record, unwritableSince: now - 60_000, detail: 'disk full' } })
  work()
  expect(alerts()).toMatchObject([{ rule: 'record-unwritable', state: 'firing' }])
  keeper.vitals(QUIET)
  later(60_000)
  expect(alerts()).toMatchObject([{ rule: 'record-unwritable', state: 'resolved' }])
})

test('counts for metrics: what fires, began, waits', () => {
  open()
  world.happen([failed('a.example.com'), failed('b.example.com')])
  work()
  later(2_000)
  expect(keeper.counts()).toEqual({
    firing: [{ rule: 'validation-failed', severity: 'warning', count: 2 }],
    began: [{ rule: 'validation-failed', count: 2 }],
    waiting: [{ channel: 'ops', count: 1 }],
    endpoints: [],
    fault: null,
  })
})

test('alerts that were resolved 400 days ago go', () => {
  open()
  world.happen([failed('a.example.com')])
  work()
  world.happen([{ ...failed('a.example.com'), kind: 'validated' }])
  work()
  expect(alerts()).toMatchObject([{ state: 'resolved' }])
  later(399 * DAY)
  expect(alerts()).toHaveLength(1)
  later(2 * DAY)
  expect(alerts()).toEqual([])
})
