import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { intentFact } from '../../../src/audit/intent.ts'
import { pseudonymWith } from '../../../src/audit/privacy.ts'
import type { PolicyVerdict, WebhookAnswer } from '../../../src/exchange/decision.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import type { PolicyBundle } from '../../../src/policy/bundle.ts'
import type { ReplayReport } from '../../../src/policy/replay-report.ts'
import { backupSqlite, openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/open.ts'
import { type ReplayRequest, replayRecord } from '../../../src/store/sqlite/policy/replay-record.ts'
import { stillClock } from '../../support/exchanges.ts'
import { entryOf } from '../../support/facts.ts'
import { BEGAN, issuances } from '../../support/policy/issuances.ts'
import { CONTEXT, factOf, recordSteps } from '../../support/policy/recorded-issuances.ts'
import { REPLAYED_POLICY } from '../../support/policy/replayed-policy.ts'

const DAY = 86_400_000_000
const DAYS = 12
const ALL = { bundle: REPLAYED_POLICY, since: BEGAN / 1000, until: null }

let folder: string
let record: string
let whole: ReplayReport

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-replayed-'))
  record = join(folder, 'record')
  await recordSteps(record, issuances({ orders: 300, seed: 3, days: DAYS }))
  whole = await reportOf({ place: record, ...ALL })
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

async function reportOf(request: ReplayRequest): Promise<ReplayReport> {
  for await (const event of replayRecord(request)) if (event.kind === 'report') return event.report
  throw new Error('no report')
}

async function opened<T>(place: string, work: (store: SqliteStore) => Promise<T>): Promise<T> {
  const store = await openSqliteStore({ folder: place, now: BEGAN, boot: newExchangeId(), software: 'test' })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

test("a backup's file is replayed as the folder it was made of", async () => {
  const file = join(folder, 'backup.sqlite')
  await backupSqlite(record, file)
  expect(whole.totals.decided).toBeGreaterThan(300)
  expect(await reportOf({ place: file, ...ALL })).toEqual(whole)
})

test('what was removed for its age is told, and what reaches back to it is not known', async () => {
  const place = join(folder, 'pruned')
  await recordSteps(place, issuances({ orders: 300, seed: 3, days: DAYS }))
  const cut = BEGAN + 6 * DAY
  await opened(place, async (store) => {
    const keeping = store.keeping({
      clock: stillClock(),
      instance: 'acmetap',
      pseudonym: () => pseudonymWith(Buffer.alloc(32, 3)),
    })
    const never = new AbortController().signal
    const before = { exchanges: cut, bodies: null, personal: null }
    await keeping.prune(before, Number.MAX_SAFE_INTEGER, never)
  })
  const pruned = await reportOf({ place, ...ALL })
  expect(whole.range.incomplete).toBe(false)
  expect(pruned.range.incomplete).toBe(true)
  expect(Date.parse(pruned.range.countedFrom)).toBeGreaterThan((BEGAN + DAY) / 1000)
  expect(pruned.notes.join()).toContain('Older facts were removed')
  expect(pruned.totals.decided).toBeLessThan(whole.totals.decided)
  expect(pruned.totals.unknown).toBeGreaterThan(whole.totals.unknown)
  const notKnown = pruned.unknown.groups.map(({ key }) => key).join()
  expect(notKnown).toContain('twice: duplicates')
  expect(notKnown).toContain('bound-accounts: client.')

  // Far enough from the cut every count and account is there again, or said not to be.
  const late = {
    bundle: { ...REPLAYED_POLICY, text: ONLY_COUNTS },
    since: (cut + 4 * DAY) / 1000,
    until: null,
  }
  const { totals } = await reportOf({ place, ...late })
  expect(totals).toEqual((await reportOf({ place: record, ...late })).totals)
  expect(totals.unknown).toBe(0)
  expect(totals.deniedNow).toBeGreaterThan(0)
}, 60_000)

const ONLY_COUNTS = `version: 1
mode: enforce
default: allow
rules:
  - name: twice
    when: { duplicates: { within: 3d, count: '>=1' } }
    effect: deny
`

test('a record that grows meanwhile is replayed as it was, and grows', async () => {
  const place = join(folder, 'growing')
  await recordSteps(place, issuances({ orders: 300, seed: 3, days: DAYS }))
  const written = await opened(place, async ({ store }) => {
    let facts = 0
    let report: ReplayReport | null = null
    const replaying = reportOf({ place, ...ALL }).then((one) => {
      report = one
    })
    for (const step of issuances({ orders: 2_000, seed: 4, days: 1 })) {
      if (report !== null && facts > 1_000) break
      await store.append(entryOf([factOf(step)]))
      facts += 1
    }
    await replaying
    // It began when some of them were there at most, and judged none that it did not count.
    const { totals } = report!
    expect(totals.decided).toBeGreaterThanOrEqual(whole.totals.decided)
    return facts
  })
  expect(written).toBeGreaterThan(1_000)
  const grown = await reportOf({ place, ...ALL })
  expect(grown.totals.decided + grown.totals.follows).toBeGreaterThan(
    whole.totals.decided + whole.totals.follows + 100,
  )
}, 60_000)

test('webhooks answer what they answered then, and are not asked', async () => {
  const place = join(folder, 'webhooks')
  const answers: readonly (WebhookAnswer | undefined)[] = [
    { allow: true, reason: 'known', data: null },
    { allow: false, reason: 'not yours', data: null },
    { allow: null, reason: 'no answer in 2s', data: null },
    undefined,
  ]
  const began = new Map<WebhookAnswer | undefined, number>()
  await opened(place, async ({ store }) => {
    let order = 0
    for (const step of issuances({ orders: 40, seed: 5, days: 1 })) {
      if (step.kind !== 'request' || step.exchange.operation !== 'newOrder') continue
      const answer = answers[order++ % answers.length]
      began.set(answer, (began.get(answer) ?? 0) + 1)
      const decision = { effect: 'allow' as const, policy: verdictWith(answer) }
      await store.append(entryOf([intentFact({ ...step.exchange, asked: step.asked, decision }, CONTEXT)]))
    }
  })
  const { totals, unknown } = await reportOf({ place, ...ALL, bundle: ASKING })
  expect(totals).toMatchObject({ decided: 40, orders: 40, same: 10, deniedNow: 30, unknown: 20 })
  expect(unknown.groups.map(({ key }) => key)).toEqual(['asked: webhook: owners'])
  expect([...began.values()]).toEqual([10, 10, 10, 10])

  const trusting = { ...ASKING, text: `${ASKING.text}    unknown: skip\n` }
  const passed = await reportOf({ place, ...ALL, bundle: trusting })
  expect(passed.totals).toMatchObject({ same: 30, deniedNow: 10, unknown: 20 })
})

const ASKING: PolicyBundle = {
  file: '/policies/asking.yaml',
  files: {},
  text: `version: 1
mode: enforce
default: allow
webhooks:
  owners: { url: 'https://127.0.0.1:1/owners' }
rules:
  - name: asked
    when: { all: [{ operation: newOrder }, { not: { webhook: owners } }] }
    effect: deny
`,
}

function verdictWith(answer: WebhookAnswer | undefined): PolicyVerdict {
  const passed = { effect: 'allow', rule: 'policy:default' } as const
  return {
    digest: 'd'.repeat(64),
    decided: passed,
    would: passed,
    warnings: [],
    names: [],
    deniedNames: 0,
    rules: [],
    read: answer === undefined ? {} : { webhooks: { owners: answer } },
  }
}
