import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asEnforced } from '../../src/policy/as-enforced.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { bundleDigest } from '../../src/policy/document/bundle-digest.ts'
import { parsePolicy } from '../../src/policy/document/parse-policy.ts'
import type { ReplayReport } from '../../src/policy/replay-report.ts'
import { databaseFile } from '../../src/store/sqlite/folder.ts'
import { replayRecord } from '../../src/store/sqlite/policy/replay-record.ts'
import { BEGAN, issuances } from '../support/policy/issuances.ts'
import { LiveDecisions } from '../support/policy/live-decisions.ts'
import { recordSteps } from '../support/policy/recorded-issuances.ts'
import { REPLAYED_POLICY } from '../support/policy/replayed-policy.ts'
import type { Soak, SoakOptions, SoakReport } from './soak.ts'

const DAYS = 30
/** Seconds for 100,000 orders. */
const LIMIT = 30
/** Bytes that a replay may add to the process. */
const MEMORY = 400 * 2 ** 20

export const policyReplay: Soak = {
  proves: `a candidate decides 100,000 recorded orders and all that belongs to them again in under ${LIMIT} s, with progress, in bounded memory, as deciding them live does`,
  unit: 'orders',
  size: 100_000,
  run,
}

async function run({ size, seed, progress }: SoakOptions): Promise<SoakReport> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-policy-replay-'))
  try {
    progress(`writing a record of ${size} orders`)
    const facts = await recordSteps(folder, issuances({ orders: size, seed, days: DAYS }))
    progress('replaying it')
    const before = process.memoryUsage().rss
    let highest = before
    const began = performance.now()
    let told = 0
    let report: ReplayReport | null = null
    const range = { place: folder, bundle: REPLAYED_POLICY, since: BEGAN / 1000, until: null }
    for await (const event of replayRecord(range)) {
      highest = Math.max(highest, process.memoryUsage().rss)
      if (event.kind === 'report') report = event.report
      else told += 1
    }
    const seconds = (performance.now() - began) / 1000
    progress(`replayed in ${seconds.toFixed(1)} s; deciding it live`)
    const document = await parsePolicy(REPLAYED_POLICY)
    const live = await LiveDecisions.begin(
      asEnforced(await compilePolicy(document, bundleDigest(REPLAYED_POLICY))),
      BEGAN,
    )
    for (const step of issuances({ orders: size, seed, days: DAYS })) await live.take(step)
    const failures = compare(live, report!)
    const late: string[] = []
    if (seconds > (LIMIT * size) / 100_000 && size >= 10_000) late.push(`took ${seconds.toFixed(1)} s`)
    if (told < 3 && seconds > 5) failures.push(`told of progress ${told} times`)
    if (highest - before > MEMORY) failures.push(`took ${Math.round((highest - before) / 2 ** 20)} MB`)
    return {
      figures: {
        facts,
        'record, MB': Math.round((await stat(databaseFile(folder))).size / 2 ** 20),
        'replayed in, s': seconds.toFixed(1),
        'judged requests': report!.totals.decided,
        'denied now': report!.totals.deniedNow,
        'words of progress': told,
        'memory, MB': Math.round((highest - before) / 2 ** 20),
      },
      failures,
      late,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Each decision by its rule, and what follows from denials. */
function compare(live: LiveDecisions, { totals, rules }: ReplayReport): string[] {
  const failures: string[] = []
  const same = (what: string, replayed: number | undefined, decided: number) => {
    if (replayed !== decided) failures.push(`${what}: ${replayed} replayed, ${decided} live`)
  }
  const verdicts = [...live.verdicts.values()]
  const denied = verdicts.filter(({ would }) => would.effect === 'deny')
  same('requests', totals.decided, verdicts.length)
  same('denied', totals.deniedNow, denied.length)
  same('followers', totals.follows, live.follows)
  same('warned', totals.warned, verdicts.filter(({ warnings }) => warnings.length > 0).length)
  const byRule = new Map<string, number>()
  for (const { would, names } of denied) {
    for (const rule of new Set([would.rule, ...names.map((name) => name.rule)]))
      byRule.set(rule, (byRule.get(rule) ?? 0) + 1)
  }
  for (const [rule, count] of byRule)
    same(`denied by ${rule}`, rules.groups.find(({ key }) => key === rule)?.deniedNow, count)
  return failures
}
