import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { digestOf } from '../support/tap.ts'
import { type PlaceMode, placeIn } from './place.ts'
import type { Case, Row } from './row.ts'
import type { Chosen } from './rows.ts'
import type { PolicyWorld } from './world.ts'

export interface Result {
  readonly shows: string
  readonly mode: PlaceMode
  readonly client: string
  readonly side: 'passes' | 'is denied' | 'would be denied'
  /** Null: as it should be. */
  readonly wrong: string | null
  readonly seconds: number
}

export interface Drill {
  readonly results: readonly Result[]
  /** POSTs that the policy decided. */
  readonly decided: number
  readonly denied: number
  /** Of those that were denied: how many the CAs got. */
  readonly deniedAtCa: number
  /** Of those that were let pass: how many the CAs got. */
  readonly passed: number
  readonly passedAtCa: number
  readonly differences: readonly string[]
  readonly reloads: number
  readonly clients: Readonly<Record<PlaceMode, readonly string[]>>
}

/** Runs what was chosen, a policy after the other by reloads; then holds the record against what the CAs got. */
export async function runDrill(
  world: PolicyWorld,
  chosen: readonly Chosen[],
  tell: (result: Result) => void = () => undefined,
): Promise<Drill> {
  const results: Result[] = []
  let inForce = ''
  let reloads = 0
  const use = async (policy: string): Promise<void> => {
    if (policy === inForce) return
    await world.use(policy)
    inForce = policy
    reloads += 1
  }
  for (const { row, cases, modes } of chosen) {
    for (const one of cases) {
      const runs = modes.map((mode) => {
        const place = placeIn(world, mode)
        const policy = `version: 1\n${(one.policy ?? row.policy)(place)}\n`
        return { policy, go: () => runCase(row, one, placeIn(world, mode)) }
      })
      const told = (result: Result): void => {
        results.push(result)
        tell(result)
      }
      if (new Set(runs.map(({ policy }) => policy)).size === 1) {
        await use(runs[0]!.policy)
        for (const result of await Promise.all(runs.map(({ go }) => go()))) told(result)
        continue
      }
      for (const { policy, go } of runs) {
        await use(policy)
        told(await go())
      }
    }
  }
  return { results, reloads, ...(await atTheCas(world)), clients: clientsOf(results) }
}

async function runCase(row: Row, one: Case, place: ReturnType<typeof placeIn>): Promise<Result> {
  const began = performance.now()
  const { record } = place.world
  const from = await record.end()
  const failure = await one.run(place).then(
    () => null,
    (error: Error) => error.message,
  )
  const exchanges = (await record.after(from)).filter(({ intent }) => intent.mode === place.mode)
  return {
    shows: row.shows,
    mode: place.mode,
    client: one.client,
    side: one.denied ? 'is denied' : one.would ? 'would be denied' : 'passes',
    wrong: whatIsWrong(one, failure, exchanges),
    seconds: (performance.now() - began) / 1000,
  }
}

function whatIsWrong(
  { denied, would, warned }: Case,
  failure: string | null,
  exchanges: readonly RecordedExchange[],
): string | null {
  const verdicts = exchanges.flatMap(({ intent: { operation, decision } }) =>
    decision.policy ? [{ operation, decision, verdict: decision.policy }] : [],
  )
  const said = ([operation, rule]: readonly [string, string]): string => `${operation} ${rule}`
  const denials = verdicts
    .filter(({ decision }) => decision.effect === 'deny')
    .map(({ operation, verdict }) => said([operation, verdict.decided.rule]))
  const expected = denied ? said(denied) : null
  if (denials.some((one) => one !== expected)) return `denied: ${denials.join(', ')}; ${failure}`
  if (denied && denials.length === 0) return `nothing was denied; ${failure}`
  if (denied && failure === null) return 'the client saw no error'
  if (!denied && failure !== null) return `the client saw an error: ${failure}`
  if (verdicts.length === 0) return 'nothing was decided'
  if (would) {
    const found = verdicts.some(
      ({ operation, verdict }) =>
        verdict.would.effect === 'deny' && said([operation, verdict.would.rule]) === said(would),
    )
    if (!found) return 'the record does not say that it would be denied'
  }
  if (warned) {
    const found = verdicts.some(({ operation, verdict }) =>
      verdict.warnings.some(({ rule }) => said([operation, rule]) === said(warned)),
    )
    if (!found) return 'the record has no warning'
  }
  return null
}

/** A nonce makes the bytes of each request its own: its digest tells whether a CA got it. */
async function atTheCas(world: PolicyWorld) {
  const posts = (await world.record.after(0)).filter(
    ({ intent }) => intent.mode !== 'engine' && intent.request.method === 'POST',
  )
  const bodies = [
    ...world.tap.exchanges().flatMap(({ method, body }) => (method === 'POST' ? [body] : [])),
    ...world.authzCa.posts,
  ].map(digestOf)
  const got = new Set(bodies)
  const denied = posts.filter(({ intent }) => intent.decision.effect === 'deny')
  const passed = posts.filter(({ intent }) => intent.decision.effect === 'allow')
  const arrived = (some: typeof posts) => some.filter(({ intent }) => got.has(intent.request.digest ?? ''))
  const known = new Set(posts.map(({ intent }) => intent.request.digest))
  const missing = passed.filter(({ intent }) => !got.has(intent.request.digest ?? ''))
  const differences = [
    ...arrived(denied).map(
      ({ intent }) => `denied, and the CA got it: ${intent.exchange} ${intent.operation}`,
    ),
    ...missing.map(({ intent }) => `allowed, and no CA got it: ${intent.exchange} ${intent.operation}`),
    ...bodies.filter((digest) => !known.has(digest)).map((digest) => `at a CA, and not decided: ${digest}`),
    ...(bodies.length === got.size ? [] : [`${bodies.length - got.size} requests came twice`]),
  ]
  return {
    decided: posts.length,
    denied: denied.length,
    deniedAtCa: arrived(denied).length,
    passed: passed.length,
    passedAtCa: arrived(passed).length,
    differences,
  }
}

function clientsOf(results: readonly Result[]): Drill['clients'] {
  const of = (mode: PlaceMode): string[] => [
    ...new Set(results.filter((one) => one.mode === mode).map(({ client }) => client)),
  ]
  return { relay: of('relay'), intercept: of('intercept') }
}
