import { setTimeout as sleep } from 'node:timers/promises'
import { BROKER_STEPS } from '../../src/broker/issuances/broker-step.ts'
import type { DurableStep } from '../../src/engine/durable-step.ts'
import { LABELS, PEBBLE } from '../support/broker/broker-fleet.ts'
import { KilledFleet } from '../support/broker/killed-fleet.ts'
import { type Issued, obtain } from '../support/broker/persistent-client.ts'
import { nothingTwice } from './broker-failover.ts'
import { random, type Soak, type SoakOptions } from './soak.ts'

/** Clients that order all the time while the program is killed at random. */
const CLIENTS = 8
/** ms from when the program is ready to its end. */
const LIFE = { least: 100, most: 3000 }
/** ms for which a client asks a server that is not there. */
const PATIENCE = 900_000
/** ms within which a program that is to die has died. */
const DEATH = 60_000

/** Those of the engine that a brokered order passes. The others are of certificates of its own. */
const ENGINE_STEPS: readonly DurableStep[] = [
  'order.stored',
  'challenge.noted',
  'challenge.presented',
  'challenge.answered',
  'challenge.withdrawn',
  'finalize.announced',
  'finalize.sent',
]
/** Passed once at each CA. */
const ACCOUNT_STEPS: readonly DurableStep[] = ['account.key', 'account.registered']

/** Where an order is killed, and what kind of order passes there. */
export interface Point {
  readonly point: string
  /** plain: served by the first CA. moved: the first CA ends it. failed: all do. new: the first at its CA. */
  readonly story: 'plain' | 'moved' | 'failed' | 'new'
}

export const POINTS: readonly Point[] = [
  ...ACCOUNT_STEPS.map((step) => ['engine', step, 'new'] as const),
  ...ENGINE_STEPS.map((step) => ['engine', step, 'plain'] as const),
  ...BROKER_STEPS.map((step) => ['broker', step, storyOf(step)] as const),
].flatMap(([part, step, story]) =>
  ['before', 'after'].map((when) => ({ point: `${part}.${step}:${when}=kill`, story })),
)

export const brokerKills: Soak = {
  proves:
    'SIGKILL of acmetap serve at each durable step of an order, and at random under load: no order is lost, none is finalized or issued twice',
  unit: 'random kills',
  size: 50,
  async run(options) {
    const points = await killAtPoints(POINTS)
    options.progress(`${points.kills} points`)
    const chance = await killAtRandom(options)
    return {
      figures: {
        'points it was killed at': points.kills,
        'orders that were open at one': points.orders,
        'random kills': chance.kills,
        'orders under load': chance.orders,
        'requests made again': points.again + chance.again,
      },
      failures: [...points.failures, ...chance.failures],
      late: [],
    }
  },
}

export interface Killed {
  readonly kills: number
  readonly orders: number
  readonly again: number
  readonly failures: readonly string[]
}

/** One start of the program for each point, over the same data; whatever an earlier one has left is gone on with. */
export async function killAtPoints(points: readonly Point[]): Promise<Killed> {
  const fresh = points.filter(({ story }) => story === 'new').map((_, index) => `new${index}`)
  const killed = await KilledFleet.start({
    cas: ['first', 'second', 'bad', ...fresh],
    endpoint: {
      cas: ['first', 'second'],
      routes: [
        { names: ['.moved.example'], cas: ['bad', 'first'] },
        { names: ['.failed.example'], cas: ['bad'] },
        ...fresh.map((ca) => ({ names: [`.${ca}.example`], cas: [ca] })),
      ],
    },
  })
  const { fleet } = killed
  const failures: string[] = []
  const orders: Promise<Issued>[] = []
  let kills = 0
  let news = 0
  try {
    await fleet.cas.get('bad')!.begin('invalid', () => 0)
    await fleet.serve()
    const client = await fleet.client('team-a')
    await killed.kill()
    for (const [index, { point, story }] of points.entries()) {
      await fleet.serve({ ACMETAP_FAILPOINTS: point })
      const zone = story === 'new' ? fresh[news++] : story
      const wanted = { patience: PATIENCE, webroot: fleet.webroot }
      orders.push(obtain(client, `n${index}.${zone}.example`, wanted))
      if (await killed.dies(DEATH)) kills += 1
      else {
        failures.push(`${point}: it was not killed there`)
        await killed.kill()
      }
    }
    await fleet.serve()
    const issued = await Promise.all(orders)
    for (const { name, error } of issued) {
      const isToFail = name.includes('.failed.')
      if (isToFail && !error?.includes('Error finalizing order')) failures.push(`${name}: ${error}`)
      if (!isToFail && error !== null) failures.push(`${name}: ${error}`)
    }
    failures.push(...(await nothingTwice(fleet, issued)))
    return { kills, orders: issued.length, again: againOf(issued), failures }
  } finally {
    await killed.close()
  }
}

/** `size` kills while clients order all the time. */
export async function killAtRandom({ size, seed, progress }: SoakOptions): Promise<Killed> {
  const next = random(seed)
  const killed = await KilledFleet.start({
    cas: ['first'],
    pebble: true,
    endpoint: { routes: [{ names: ['.late.example'], cas: [PEBBLE] }] },
  })
  const { fleet } = killed
  const all: Issued[] = []
  let isOver = false
  try {
    await fleet.serve()
    const clients = await Promise.all(LABELS.map((label) => fleet.client(label)))
    const working = Array.from({ length: CLIENTS }, async (_, worker) => {
      const client = clients[worker % clients.length]!
      // Every other one goes to Pebble, which looks at answers and takes its time.
      for (let i = 0; !isOver; i++)
        all.push(
          await obtain(client, `n${i}.w${worker}.${i % 2 === 0 ? 'early' : 'late'}.example`, {
            patience: PATIENCE,
            webroot: fleet.webroot,
          }),
        )
    })
    for (let kills = 1; kills <= size; kills++) {
      await sleep(LIFE.least + next() * (LIFE.most - LIFE.least))
      await killed.kill()
      if (kills % 10 === 0) progress(`${kills} kills, ${all.length} orders`)
      await fleet.serve()
    }
    isOver = true
    await Promise.all(working)
    const failures = all.flatMap(({ name, error }) => (error === null ? [] : [`${name}: ${error}`]))
    failures.push(...(await nothingTwice(fleet, all)))
    return { kills: size, orders: all.length, again: againOf(all), failures }
  } finally {
    isOver = true
    await killed.close()
  }
}

function storyOf(step: (typeof BROKER_STEPS)[number]): Point['story'] {
  if (step === 'order.moved') return 'moved'
  return step === 'order.failed' ? 'failed' : 'plain'
}

function againOf(issued: readonly Issued[]): number {
  return issued.reduce((sum, { again }) => sum + again, 0)
}
