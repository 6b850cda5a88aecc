import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/config/config-error.ts'
import type { PolicyVerdict } from '../../../src/exchange/decision.ts'
import { asEnforced } from '../../../src/policy/as-enforced.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { bundleDigest } from '../../../src/policy/document/bundle-digest.ts'
import { parsePolicy } from '../../../src/policy/document/parse-policy.ts'
import type { Policy } from '../../../src/policy/policy.ts'
import { REPLAYED } from '../../../src/policy/replay.ts'
import type { ReplayEvent, ReplayReport } from '../../../src/policy/replay-report.ts'
import { openForReading } from '../../../src/store/sqlite/connection.ts'
import { databaseFile } from '../../../src/store/sqlite/folder.ts'
import { RecordedPages } from '../../../src/store/sqlite/policy/recorded-pages.ts'
import { replayRecord } from '../../../src/store/sqlite/policy/replay-record.ts'
import { walkRecord } from '../../../src/store/sqlite/policy/replay-walk.ts'
import { BEGAN, issuances } from '../../support/policy/issuances.ts'
import { LiveDecisions } from '../../support/policy/live-decisions.ts'
import { recordSteps } from '../../support/policy/recorded-issuances.ts'
import { REPLAYED_POLICY } from '../../support/policy/replayed-policy.ts'

const DAYS = 30
/** µs: the first days are only counted. */
const SINCE = BEGAN + 8 * 86_400_000_000

let folder: string
let policy: Policy
let live: LiveDecisions

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-replay-'))
  policy = asEnforced(await compilePolicy(await parsePolicy(REPLAYED_POLICY), bundleDigest(REPLAYED_POLICY)))
  const steps = [...issuances({ orders: 2_000, seed: 7, days: DAYS })]
  await recordSteps(folder, steps)
  live = await LiveDecisions.begin(policy, SINCE)
  for (const step of steps) await live.take(step)
}, 120_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function replayed(): Promise<{ verdicts: Map<string, PolicyVerdict>; report: ReplayReport }> {
  const pages = new RecordedPages(openForReading(databaseFile(folder)), REPLAYED)
  const verdicts = new Map<string, PolicyVerdict>()
  const options = { file: 'f', since: SINCE / 1000, until: null, dropped: [] }
  let report: ReplayReport | null = null
  const judged = (exchange: string, verdict: PolicyVerdict) => void verdicts.set(exchange, verdict)
  for await (const event of walkRecord(pages, policy, options, judged)) {
    if (event.kind === 'report') report = event.report
  }
  pages.close()
  return { verdicts, report: report! }
}

describe('a replay', () => {
  it('gives the verdict of each request that deciding it live gives', async () => {
    const { verdicts, report } = await replayed()
    expect(verdicts.size).toBe(live.verdicts.size)
    for (const [exchange, verdict] of live.verdicts) expect(verdicts.get(exchange)).toEqual(verdict)
    expect(report.totals.follows).toBe(live.follows)
    const rules = new Set([...verdicts.values()].map(({ would }) => would.rule))
    const denying = policy.rules.filter(({ effect }) => effect === 'deny').map(({ name }) => name)
    expect([...rules]).toEqual(expect.arrayContaining(denying))
  })

  it('reports in a thread what would be different, by rule, client and name', async () => {
    const events: ReplayEvent[] = []
    const range = { place: folder, bundle: REPLAYED_POLICY, since: SINCE / 1000, until: null }
    for await (const event of replayRecord(range)) events.push(event)
    const last = events.at(-1)!
    expect(events.slice(0, -1).every(({ kind }) => kind === 'progress')).toBe(true)
    if (last.kind !== 'report') throw new Error('no report')
    const { totals, rules, clients, names, candidate } = last.report
    const denied = [...live.verdicts.values()].filter(({ would }) => would.effect === 'deny')
    expect(candidate.digest).toBe(bundleDigest(REPLAYED_POLICY))
    expect(totals.decided).toBe(live.verdicts.size)
    expect(totals.deniedNow).toBe(denied.length)
    expect(totals.same).toBe(live.verdicts.size - denied.length)
    expect(totals.deniedInForce).toBeLessThan(totals.deniedNow)
    for (const { name } of policy.rules.filter(({ effect }) => effect === 'deny')) {
      const group = rules.groups.find(({ key }) => key === name)
      const counted = denied.filter(
        ({ would, names }) => would.rule === name || names.some(({ rule }) => rule === name),
      )
      expect(group?.deniedNow, name).toBe(counted.length)
      expect(group!.samples.length).toBe(Math.min(20, counted.length))
    }
    const pay = names.groups.find(({ key }) => key.startsWith('pay.h'))!
    expect(pay.samples[0]!.now.effect).toBe('deny')
    expect(pay.samples).toHaveLength(3)
    const samples = names.groups.filter(({ key }) => key.startsWith('pay.h')).flatMap((one) => one.samples)
    expect(samples.map(({ now }) => now.rule)).toContain('no-pay')
    for (const { now } of pay.samples) expect(now.message).toContain('ask the payments team')
    expect(pay.samples[0]!.was).toEqual({ effect: 'allow', rule: null })
    expect(clients.groups[0]!.key).toMatch(/^client\d from 192\.0\.[01]\.\d+ \(acme\.test:8443\)$/)
  })

  it('ends when it is told to, and refuses what is no policy', async () => {
    const range = { place: folder, bundle: REPLAYED_POLICY, since: 0, until: null }
    const ended = async () => {
      for await (const _ of replayRecord(range, AbortSignal.timeout(1))) void _
    }
    await expect(ended()).rejects.toThrow(/abort|timeout/i)
    const bundle = { ...REPLAYED_POLICY, text: 'version: 1\nrulez: []\n' }
    await expect(replayRecord({ ...range, bundle }).next()).rejects.toThrow(ConfigError)
    await expect(replayRecord({ ...range, place: join(folder, 'none') }).next()).rejects.toThrow(/no record/)
  })
})
