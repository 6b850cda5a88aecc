import { DURABLE_STEPS } from '../../src/engine/durable-step.ts'
import { KillDrill } from '../support/engine/kill-drill.ts'
import { random, type Soak, type SoakOptions } from './soak.ts'

/** Kills come at any time of what a whole run takes, and a little after. */
const LONGER = 1.1

export const engineKills: Soak = {
  proves:
    'SIGKILL of the engine at each of the 28 points and at random: one order, one finalize, nothing lost or left',
  unit: 'random kills',
  size: 200,
  async run(options) {
    const points = await atEveryPoint(options)
    const chance = await atRandom(options)
    return {
      figures: { ...points.figures, ...chance.figures },
      failures: [...points.failures, ...chance.failures],
      late: [],
    }
  },
}

interface Part {
  readonly figures: Readonly<Record<string, number>>
  readonly failures: readonly string[]
}

/** A data folder and a CA for each: nothing of another kill helps. */
async function atEveryPoint({ progress }: SoakOptions): Promise<Part> {
  const failures: string[] = []
  let kills = 0
  for (const step of DURABLE_STEPS)
    for (const when of ['before', 'after']) {
      const point = `engine.${step}:${when}=kill`
      const drill = await KillDrill.start()
      try {
        if ((await drill.run('point', point)).killed) kills += 1
        else failures.push(`${point}: it was not killed there`)
        const { ended } = await drill.run('point', null)
        if (ended?.step !== 'done') failures.push(`${point}: ${ended?.step}, ${ended?.error}`)
        failures.push(...(await drill.verdict()).map((wrong) => `${point}: ${wrong}`))
      } finally {
        await drill.close()
      }
      if (kills % 7 === 0) progress(`${kills} points`)
    }
  return { figures: { points: kills }, failures }
}

async function atRandom({ size, seed, progress }: SoakOptions): Promise<Part> {
  const drill = await KillDrill.start()
  const failures: string[] = []
  const next = random(seed)
  let kills = 0
  let certificates = 0
  try {
    const { took } = await drill.run('first', null)
    while (kills < size) {
      const name = `c${++certificates}`
      for (let isDone = false; !isDone; ) {
        const { killed, ended } = await drill.run(name, kills < size ? next() * took * LONGER : null)
        if (killed) kills += 1
        if (killed && kills % 20 === 0) progress(`${kills} kills, ${certificates} certificates`)
        isDone = ended !== null
        if (ended !== null && ended.step !== 'done') failures.push(`${name}: ${ended.step}, ${ended.error}`)
      }
    }
    // What a kill after the last word has left is taken away by whoever starts next.
    await drill.run('last', null)
    failures.push(...(await drill.verdict()))
    return { figures: { 'random kills': kills, certificates: certificates + 2 }, failures }
  } finally {
    await drill.close()
  }
}
