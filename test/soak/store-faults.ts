import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { askAdmin } from '../support/acmetap-process.ts'
import { type LoadAnswer, RelayLoad } from './relay-load.ts'
import { openRelayWorld } from './relay-world.ts'
import type { Soak, SoakReport } from './soak.ts'
import { CannotBeMade, STORE_FAULTS, type StoreFaultName } from './store-fault.ts'

const REFUSAL_LIMIT_MS = 2000
const FAULT_MS = 5000
/** How long a fault must hold before what is asked counts as asked during it. */
const GRACE_MS = 200
const RECOVERY_LIMIT_MS = 15_000
/** How long anything is waited for. */
const PATIENCE_MS = 90_000

export const storeFaults: Soak = {
  proves:
    'with the store full, locked, slow or failing nothing is sent without an intent, refusals come within 2 s, answers of the CA are delivered, and it recovers by itself (threats H1, H7)',
  unit: 'rounds of every fault',
  size: 5,
  async run({ size, progress }) {
    const figures: Record<string, number | string> = {}
    const failures: string[] = []
    const late: string[] = []
    for (const name of Object.keys(STORE_FAULTS) as StoreFaultName[]) {
      const report = await storeFault(name, size, progress)
      for (const [figure, value] of Object.entries(report.figures)) figures[`${name}: ${figure}`] = value
      failures.push(...report.failures.map((failure) => `${name}: ${failure}`))
      late.push(...report.late.map((failure) => `${name}: ${failure}`))
    }
    return { figures, failures, late }
  },
}

/** One fault, begun and ended `rounds` times under load. A fault that cannot be made here is a failure that says so. */
export async function storeFault(
  name: StoreFaultName,
  rounds: number,
  progress: (line: string) => void,
): Promise<SoakReport> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-fault-'))
  const failures: string[] = []
  const refusals: number[] = []
  const recoveries: number[] = []
  let inFlight = 0
  let delivered = 0
  try {
    const fault = await STORE_FAULTS[name](folder)
    const world = await openRelayWorld(fault.dataFolder === null ? {} : { dataFolder: fault.dataFolder })
    const load = new RelayLoad(world.acmetap.directory, world.acmetap.trust, { workers: 6, delayMs: 5 })
    try {
      for (let round = 1; round <= rounds; round++) {
        await sleep(500)
        // Requests that the CA has and has not answered when the fault begins.
        const slow = world.ca.script({ operation: 'order', times: 6 }, { kind: 'slow', ms: 1000 })
        await until(() => slow.applied > 0, PATIENCE_MS)
        const held = slow.applied
        const begun = load.answers.length
        await fault.begin(world.acmetap)
        const from = performance.now() + GRACE_MS
        await sleep(FAULT_MS)
        const to = performance.now()
        await fault.end()
        slow.remove()

        const recovered = await recovery(world.acmetap.adminUrl, load)
        await until(() => load.answers.length > begun + held, PATIENCE_MS)
        const during = load.answers.slice(begun)
        const asked = during.filter(({ at, ms }) => at - ms >= from && at <= to)
        refusals.push(...asked.filter(isRefusal).map(({ ms }) => ms))
        const passed = asked.filter((answer) => !isRefusal(answer)).length
        // A slow store is late, not shut; a full disk still takes what fits into the log's old pages.
        const shut = name === 'locked' || name === 'io-error'
        if (shut && passed > 0) failures.push(`round ${round}: ${passed} requests passed during the fault`)
        inFlight += held
        delivered += during.filter(
          ({ operation, status, ms }) => operation === 'poll' && status === 200 && ms >= 900,
        ).length

        if (recovered === null) failures.push(`round ${round}: no recovery within ${PATIENCE_MS} ms`)
        else recoveries.push(recovered)
        progress(
          `${name} ${round}: ${asked.length} asked, ${refusals.length} refused so far, back after ${recovered?.toFixed()} ms`,
        )
      }
      await load.stop()
      const report = await world.check(load.answers)
      failures.push(...report.violations)
      if (report.open > 0) failures.push(`${report.open} exchanges have no outcome after the stop`)
      const slow = refusals.filter((ms) => ms > REFUSAL_LIMIT_MS)
      const late: string[] = []
      if (slow.length > 0)
        late.push(`${slow.length} refusals took over 2 s, the slowest ${Math.max(...slow).toFixed()} ms`)
      const slowest = Math.max(0, ...recoveries)
      if (slowest > RECOVERY_LIMIT_MS) late.push(`a recovery took ${slowest.toFixed()} ms`)
      if (refusals.length === 0) failures.push('nothing was refused: the fault did not bite')
      if (delivered < inFlight)
        failures.push(`${delivered} of ${inFlight} answers the CA was working on were delivered`)
      if (load.broken > 0) failures.push(`${load.broken} requests got no answer at all`)
      return {
        figures: {
          rounds,
          'CA requests': report.caRequests,
          answers: report.answers,
          refused: refusals.length,
          'slowest refusal ms': Math.round(Math.max(0, ...refusals)),
          'CA working at the fault': inFlight,
          'of these delivered': delivered,
          spilled: report.spilled,
          'not sent': report.outcomes.notSent ?? 0,
          'slowest recovery ms': Math.round(slowest),
          violations: report.violationCount,
        },
        failures,
        late,
      }
    } finally {
      await fault.end()
      await load.stop()
      await world.close()
      await fault.cleanUp()
    }
  } catch (error) {
    if (error instanceof CannotBeMade) return { figures: {}, failures: [error.message], late: [] }
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function isRefusal({ status }: LoadAnswer): boolean {
  return status === 503
}

/** Ms until `/readyz` says 200 and a request goes through; null where that takes too long. */
async function recovery(adminUrl: string, load: RelayLoad): Promise<number | null> {
  const began = performance.now()
  const seen = load.answers.length
  const back = await until(async () => {
    const through = load.answers.slice(seen).some(({ status, at, ms }) => status < 300 && at - ms >= began)
    return through && (await askAdmin(`${adminUrl}/readyz`))?.status === 200
  }, PATIENCE_MS)
  return back ? performance.now() - began : null
}

async function until(holds: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const end = performance.now() + ms
  while (performance.now() < end) {
    if (await holds()) return true
    await sleep(10)
  }
  return false
}
