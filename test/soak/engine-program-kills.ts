import { DURABLE_STEPS } from '../../src/engine/durable-step.ts'
import { type DrillCa, pebbleForDrill, testCaForDrill } from '../support/engine/drill-ca.ts'
import { ProgramDrill, type ProgramForm } from '../support/engine/program-drill.ts'
import { random, type Soak, type SoakOptions } from './soak.ts'

const FORMS: readonly ProgramForm[] = ['serve', 'issue']
const CAS: Readonly<Record<string, (folder: string) => Promise<DrillCa>>> = {
  'test CA': testCaForDrill,
  Pebble: pebbleForDrill,
}
/** Kills come from when the program has just begun until a little after its end. */
const FROM = 0.3
const TO = 1.1
/** Starts that one certificate may need. */
const MOST_STARTS = 60

export const engineProgramKills: Soak = {
  proves:
    'SIGKILL of acmetap serve and acmetap engine issue at each of the 28 points and at random, against the test CA and Pebble',
  unit: 'random kills',
  size: 200,
  async run(options) {
    const failures: string[] = []
    const figures: Record<string, number> = {}
    for (const [name, makeCa] of Object.entries(CAS))
      for (const form of FORMS) {
        const about = `${form}, ${name}`
        const points = await killAtPoints(form, makeCa, POINTS)
        const chance = await killAtRandom(form, makeCa, {
          ...options,
          size: Math.ceil(options.size / 4),
        })
        figures[`points: ${about}`] = points.kills
        figures[`random kills: ${about}`] = chance.kills
        figures[`certificates: ${about}`] = chance.certificates
        const wrong = [...points.failures, ...chance.failures].map((text) => `${about}: ${text}`)
        for (const text of wrong) options.progress(`FAILED ${text}`)
        failures.push(...wrong)
        options.progress(`${about}: ${points.kills} points, ${chance.kills} random kills`)
      }
    return { figures, failures, late: [] }
  },
}

export const POINTS: readonly string[] = DURABLE_STEPS.flatMap((step) =>
  ['before', 'after'].map((when) => `engine.${step}:${when}=kill`),
)

export interface Killed {
  readonly kills: number
  readonly certificates: number
  readonly failures: readonly string[]
}

/** Each point once; one data folder and one CA for all but those of the account, of which there is one. */
export async function killAtPoints(
  form: ProgramForm,
  makeCa: (folder: string) => Promise<DrillCa>,
  points: readonly string[],
): Promise<Killed> {
  const failures: string[] = []
  let kills = 0
  const drillOnce = async (drill: ProgramDrill, name: string, point: string): Promise<void> => {
    const first = await drill.run(name, point)
    if (first.killed) kills += 1
    else failures.push(`${point}: it was not killed there: ${first.output.slice(-500)}`)
    const again = first.done ? first : await drill.run(name, null)
    if (!again.done) failures.push(`${point}: it is not done: ${again.output.slice(-500)}`)
  }
  const ofAccount = points.filter((point) => point.startsWith('engine.account.'))
  for (const group of [
    ...ofAccount.map((point) => [point]),
    points.filter((one) => !ofAccount.includes(one)),
  ]) {
    if (group.length === 0) continue
    const drill = await ProgramDrill.start(form, makeCa)
    try {
      for (const [index, point] of group.entries()) await drillOnce(drill, `c${index}`, point)
      // What a kill after the last word has left is taken away by whoever starts next.
      await drill.run('last', null)
      failures.push(...(await drill.verdict()).map((wrong) => `${group.join(' ')}: ${wrong}`))
    } finally {
      await drill.close()
    }
  }
  return { kills, certificates: points.length, failures }
}

export async function killAtRandom(
  form: ProgramForm,
  makeCa: (folder: string) => Promise<DrillCa>,
  { size, seed, progress }: SoakOptions,
): Promise<Killed> {
  const drill = await ProgramDrill.start(form, makeCa)
  const failures: string[] = []
  const next = random(seed)
  let kills = 0
  let certificates = 0
  try {
    const { took } = await drill.run('first', null)
    while (kills < size) {
      const name = `c${++certificates}`
      for (let starts = 1, isDone = false; !isDone; starts++) {
        const at = kills < size && starts < MOST_STARTS ? took * (FROM + next() * (TO - FROM)) : null
        const run = await drill.run(name, at)
        if (run.killed) kills += 1
        if (run.killed && kills % 10 === 0) progress(`${form}: ${kills} kills, ${certificates} certificates`)
        isDone = run.done
        if (at === null && !isDone) {
          failures.push(`${name}: it is not done: ${run.output.slice(-500)}`)
          break
        }
      }
    }
    await drill.run('last', null)
    failures.push(...(await drill.verdict()))
    return { kills, certificates: certificates + 2, failures }
  } finally {
    await drill.close()
  }
}
