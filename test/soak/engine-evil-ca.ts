import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EVIL_BEHAVIOURS } from '../support/engine/evil/catalogue.ts'
import type { EvilResult } from '../support/engine/evil/evil-lane.ts'
import { tryBehaviours } from '../support/engine/evil/try-behaviours.ts'
import { quantile, random, type Soak } from './soak.ts'

const LANES = 6
/** ms for one answer of the CA, and how often one that may be repeated is asked for. */
const TIMEOUT = 1000
const REPETITIONS = 4
/** ms of an attempt beside its time-outs. */
const SLACK = 30_000
const MEMORY_LIMIT_MB = 100
/** Tried before memory is looked at: code, caches and the bombs themselves find their place. */
const WARM_UP = 120

export const engineEvilCa: Soak = {
  proves:
    'whatever a CA does to the engine: no crash, no hang, nothing outside, a clear error, and it goes on afterwards',
  unit: 'behaviours',
  size: EVIL_BEHAVIOURS.length,
  async run({ size, seed, progress }) {
    const behaviours = shuffled(EVIL_BEHAVIOURS, random(seed)).slice(0, size)
    const collect = collector()
    await tryBehaviours(behaviours.slice(0, WARM_UP), { lanes: LANES, timeout: TIMEOUT })
    const before = live(collect)
    const resident = process.memoryUsage().rss
    let peak = resident
    let tried = 0
    const { results, outside } = await tryBehaviours(behaviours, {
      lanes: LANES,
      timeout: TIMEOUT,
      onResult: () => {
        tried += 1
        peak = Math.max(peak, process.memoryUsage().rss)
        if (tried % 100 === 0) progress(`${tried} behaviours, RSS ${megabytes(process.memoryUsage().rss)} MB`)
      },
    })
    const grown = megabytes(live(collect) - before)
    const failures = results.flatMap(({ behaviour, wrong }) =>
      wrong.map((each) => `${behaviour.family}, ${behaviour.name}: ${each}`),
    )
    failures.push(...outside.map((where) => `outside: ${where}`))
    if (grown > MEMORY_LIMIT_MB) failures.push(`memory grew by ${grown} MB`)
    const late = results
      .filter(({ ms, attempts }) => ms > (attempts + 1) * REPETITIONS * TIMEOUT + SLACK)
      .map(({ behaviour, ms }) => `${behaviour.family}, ${behaviour.name}: ${Math.round(ms)} ms`)
    return {
      figures: {
        ...figuresOf(results),
        'live memory grew by MB': grown,
        'RSS grew by MB': megabytes(process.memoryUsage().rss - resident),
        'RSS peak MB': megabytes(peak),
      },
      failures,
      late,
    }
  },
}

function figuresOf(results: readonly EvilResult[]): Record<string, number | string> {
  const families = new Map<string, number>()
  for (const { behaviour } of results)
    families.set(behaviour.family, (families.get(behaviour.family) ?? 0) + 1)
  const most = (of: (result: EvilResult) => number) => Math.max(...results.map(of))
  return {
    behaviours: results.length,
    ...Object.fromEntries(families),
    'ended in an error': results.filter(({ came }) => came !== 'done').length,
    'well at the next attempt': results.filter(({ attempts }) => attempts <= 1).length,
    'most attempts until well': most(({ attempts }) => attempts),
    'most requests of an attempt': most(({ requests }) => requests),
    'longest waits of an attempt, s': Math.round(most(({ waited }) => waited)),
    'ms, median and longest': `${Math.round(
      quantile(
        results.map(({ ms }) => ms),
        0.5,
      ),
    )}, ${Math.round(most(({ ms }) => ms))}`,
  }
}

function shuffled<T>(items: readonly T[], next: () => number): readonly T[] {
  return items
    .map((item) => ({ item, at: next() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}

/** Frees what nobody holds, so that what is left is what is kept. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

/** Bytes that are in use, in the heap and outside; RSS also has what the CA of this process, and its bombs, needed once. */
function live(collect: () => void): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6)
}
