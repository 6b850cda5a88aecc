/** Everything that was tried to get past a policy, and what of it arrived at the CA, by two oracles. */
import type { AmbiguousRequest } from '../ambiguous-requests.ts'
import { type Opinions, opinionsOf } from '../policy-names/bypass.ts'
import type { Question, Scope, Spelling } from '../policy-names/question.ts'
import { namesIn } from './arrived.ts'
import type { Arrival } from './lax-ca.ts'
import type { BypassWorld, Lane } from './world.ts'

export interface Tried {
  readonly attempts: number
  readonly denied: number
  /** By acmetap, as a problem document of the policy or as ambiguous; by status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Answers that are no answer: connections that ended, 5xx. */
  readonly faults: readonly string[]
}

/** Each request once in each mode. */
export async function tryAll(world: BypassWorld, attempts: Iterable<AmbiguousRequest>): Promise<Tried> {
  const statuses: Record<string, number> = {}
  const faults: string[] = []
  let count = 0
  let denied = 0
  const queues = { relay: [] as AmbiguousRequest[], intercept: [] as AmbiguousRequest[] }
  const source = attempts[Symbol.iterator]()
  const next = (lane: Lane): AmbiguousRequest | null => {
    const waiting = queues[lane.mode].shift()
    if (waiting) return waiting
    const made = source.next()
    if (made.done) return null
    queues[lane.mode === 'relay' ? 'intercept' : 'relay'].push(made.value)
    return made.value
  }
  const work = async (lane: Lane) => {
    for (let attempt = next(lane); attempt; attempt = next(lane)) {
      count += 1
      try {
        const { status, body, exchange } = await lane.send(attempt)
        statuses[status] = (statuses[status] ?? 0) + 1
        if (status >= 400) denied += 1
        if ((status >= 500 || exchange === null) && faults.length < 20)
          faults.push(`${lane.mode} ${attempt.name}: ${status} ${body.toString().slice(0, 200)}`)
      } catch (error) {
        if (faults.length < 20) faults.push(`${lane.mode} ${attempt.name}: ${error}`)
      }
    }
  }
  await Promise.all(world.lanes.map(work))
  // Lanes of one mode may end while the other mode's still hand on.
  await Promise.all(world.lanes.map(work))
  return { attempts: count, denied, statuses, faults }
}

export interface ArrivedReport {
  readonly requests: number
  /** Different names in them. */
  readonly names: number
  readonly bypasses: readonly string[]
}

/** Of arrivals with the same name. */
const MOST_TOLD = 20

/** A bypass: a name that arrived and that, to an oracle, is protected, is not granted, or can be read in two ways. */
export async function judgeArrivals(arrivals: readonly Arrival[], scope: Scope): Promise<ArrivedReport> {
  const by = new Map<string, { readonly spelling: Spelling; readonly arrivals: readonly Arrival[] }>()
  const asking = arrivals.filter(({ method }) => method !== 'GET' && method !== 'HEAD')
  for (const arrival of asking) {
    for (const spelling of namesIn(arrival)) {
      const key = JSON.stringify([spelling.type, spelling.value, spelling.subtree])
      const { arrivals: those } = by.get(key) ?? { arrivals: [] }
      by.set(key, { spelling, arrivals: [...those.slice(0, MOST_TOLD - 1), arrival] })
    }
  }
  const found = [...by.values()]
  const questions = found.map(({ spelling }): Question => ({ ...spelling, scope: 0 }))
  const opinions = await opinionsOf(questions, [scope])
  const bypasses = found.flatMap(({ spelling, arrivals: those }, at) => {
    const wrong = wrongIn(opinions[at]!)
    if (wrong === null) return []
    return those.map(
      (arrival) =>
        `${wrong}: ${JSON.stringify(spelling)} in ${arrival.method} ${arrival.target} ${payloadOf(arrival)}`,
    )
  })
  return { requests: asking.length, names: found.length, bypasses }
}

function wrongIn({ naive, python }: Opinions): string | null {
  for (const [oracle, opinion] of Object.entries({ naive, python })) {
    if (opinion.plain === false) return `${oracle}: no plain name`
    if (opinion.reaches || opinion.touched) return `${oracle}: protected`
    if (!opinion.covered) return `${oracle}: not granted`
    if (opinion.readings.some((reading) => reading !== naive.readings[0]))
      return `${oracle}: read in two ways`
  }
  return null
}

function payloadOf({ body }: Arrival): string {
  try {
    return Buffer.from(JSON.parse(body.toString()).payload, 'base64url').toString().slice(0, 300)
  } catch {
    return body.toString().slice(0, 300)
  }
}
