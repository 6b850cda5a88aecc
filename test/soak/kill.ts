import { setTimeout as sleep } from 'node:timers/promises'
import { RelayLoad } from './relay-load.ts'
import { openRelayWorld } from './relay-world.ts'
import { quantile, random, type Soak } from './soak.ts'

const START_LIMIT_MS = 2000

export const kill: Soak = {
  proves: 'SIGKILL at random moments under load loses nothing that was answered or sent (threats H8)',
  unit: 'kills',
  size: 200,
  async run({ size, seed, progress }) {
    const world = await openRelayWorld()
    const next = random(seed)
    const starts: number[] = []
    const load = new RelayLoad(world.acmetap.directory, world.acmetap.trust, { workers: 8 })
    try {
      for (let i = 1; i <= size; i++) {
        await sleep(30 + next() * 400)
        await world.acmetap.kill()
        starts.push((await world.restart()).startMs)
        if (i % 10 === 0)
          progress(`${i} kills, ${load.answers.length} answers, last start ${starts.at(-1)?.toFixed()} ms`)
      }
      await load.stop()
      const report = await world.check(load.answers)
      const failures = [...report.violations]
      if (report.open > 0) failures.push(`${report.open} exchanges have no outcome after the last stop`)
      const slow = starts.filter((ms) => ms >= START_LIMIT_MS).length
      const late = slow > 0 ? [`${slow} starts after a kill took ${START_LIMIT_MS} ms or more`] : []
      if (report.answers < size)
        failures.push(`only ${report.answers} answers: there was no load to speak of`)
      return {
        figures: {
          kills: size,
          'CA requests': report.caRequests,
          answers: report.answers,
          'requests cut off': load.broken,
          facts: report.facts,
          ...Object.fromEntries(Object.entries(report.outcomes).map(([kind, n]) => [`outcome ${kind}`, n])),
          spilled: report.spilled,
          'start p50 ms': Math.round(quantile(starts, 0.5)),
          'start max ms': Math.round(quantile(starts, 1)),
          violations: report.violationCount,
        },
        failures,
        late,
      }
    } finally {
      await load.stop()
      await world.close()
    }
  },
}
