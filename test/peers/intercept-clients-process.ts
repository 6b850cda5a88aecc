/**
 * Issues with several clients in intercept and sni, each through a tap on its side of acmetap, and prints what came of
 * it as one line of JSON. Runs in a namespace of its own; arguments: `MODE:CLIENT`.
 */
import { choose } from '../matrix/cases.ts'
import type { Row } from '../matrix/row.ts'
import { runCase } from '../matrix/run-case.ts'
import { startWorld } from '../matrix/world.ts'
import { unmask } from '../support/environment.ts'
import { ALL_CLIENTS } from '../support/peers/clients.ts'
import { recordOf } from '../support/record-view.ts'
import type { TappedExchange } from '../support/tap.ts'
import { type Comparison, compareSides } from './byte-identity.ts'
import { startFrontTaps } from './front-taps.ts'

export interface Told {
  readonly rows: readonly Row[]
  /** By client. */
  readonly sides: Readonly<Record<string, Comparison>>
}

unmask(process.env)
const world = await startWorld(['intercept', 'sni'])
try {
  const taps = await startFrontTaps(world)
  const record = await recordOf(world.config)
  const rows: Row[] = []
  const runs = process.argv.slice(2).map(async (wanted) => {
    const [mode = '', client = ''] = wanted.split(':')
    const only = { mode: [mode], client: [client], challenge: ['http-01'], operation: ['issue'], plain: true }
    for (const group of choose(ALL_CLIENTS, only).groups)
      for (const one of group.cases) {
        const way = one.mode === 'sni' ? taps.way.sni : taps.way.intercept
        for await (const row of runCase(world, record, group.client, one, way)) rows.push(row)
      }
  })
  await Promise.all(runs)
  const asked = taps.exchanges()
  const got = world.tap.exchanges()
  const of = (agent: RegExp, all: readonly TappedExchange[]) =>
    all.filter(({ userAgent }) => agent.test(userAgent))
  const sides = ALL_CLIENTS.map(({ name, userAgent }) => [
    name,
    compareSides(of(userAgent, asked), of(userAgent, got)),
  ])
  await taps.close()
  console.log(JSON.stringify({ rows, sides: Object.fromEntries(sides) } satisfies Told))
} finally {
  await world.close()
}
