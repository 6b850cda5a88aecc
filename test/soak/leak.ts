import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { usageOf } from '../bench/process-usage.ts'
import { RelayLoad } from './relay-load.ts'
import { openRelayWorld } from './relay-world.ts'
import type { Soak } from './soak.ts'

const SLOPE_LIMIT_MB_PER_HOUR = 1
const SETTLED_AFTER = 1 / 6

export const leak: Soak = {
  proves: 'memory and file descriptors stay level under steady load (threats H14)',
  unit: 'minutes',
  size: 120,
  async run({ size, progress }) {
    const world = await openRelayWorld()
    const load = new RelayLoad(world.acmetap.directory, world.acmetap.trust, { workers: 8, delayMs: 20 })
    const samples: { hours: number; rss: number }[] = []
    try {
      const began = performance.now()
      const elapsed = () => (performance.now() - began) / 3_600_000
      const settledAt = (size / 60) * SETTLED_AFTER
      let descriptorsBefore = 0
      while (elapsed() < size / 60) {
        await sleep(Math.max(250, size * 100))
        const rss = usageOf(world.acmetap.pid).rss / 1e6
        if (elapsed() > settledAt) {
          if (samples.length === 0) descriptorsBefore = await descriptors(world.acmetap.pid)
          samples.push({ hours: elapsed(), rss })
        }
        // Kept answers are the load's memory, not acmetap's.
        progress(
          `${(elapsed() * 60).toFixed(1)} min, ${load.answers.length} answers, RSS ${rss.toFixed(1)} MB`,
        )
      }
      const descriptorsAfter = await descriptors(world.acmetap.pid)
      await load.stop()
      const slope = slopeOf(samples)
      const failures: string[] = []
      const hour = size >= 60
      if (hour && slope > SLOPE_LIMIT_MB_PER_HOUR)
        failures.push(`RSS grows by ${slope.toFixed(1)} MB an hour`)
      if (descriptorsAfter > descriptorsBefore + 16) {
        failures.push(`descriptors grew from ${descriptorsBefore} to ${descriptorsAfter}`)
      }
      const strange = load.answers.filter(({ status }) => status >= 300).length
      if (strange > 0) failures.push(`${strange} answers were not 2xx`)
      return {
        figures: {
          minutes: size,
          answers: load.answers.length,
          'RSS first MB': Math.round(samples[0]?.rss ?? 0),
          'RSS last MB': Math.round(samples.at(-1)?.rss ?? 0),
          'RSS slope MB/h': slope.toFixed(2),
          'slope judged': hour ? 'yes' : 'no: under an hour it is noise',
          descriptors: `${descriptorsBefore} → ${descriptorsAfter}`,
        },
        failures,
        late: [],
      }
    } finally {
      await load.stop()
      await world.close()
    }
  },
}

async function descriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length
}

/** Least squares, MB an hour. */
function slopeOf(samples: readonly { readonly hours: number; readonly rss: number }[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const x = mean(samples.map(({ hours }) => hours))
  const y = mean(samples.map(({ rss }) => rss))
  const over = samples.reduce((sum, { hours, rss }) => sum + (hours - x) * (rss - y), 0)
  const under = samples.reduce((sum, { hours }) => sum + (hours - x) ** 2, 0)
  return under === 0 ? 0 : over / under
}
