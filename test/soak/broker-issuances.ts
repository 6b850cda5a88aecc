import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readCertificateChain } from '../../src/acme/certificate.ts'
import { PATIENCE } from '../../src/broker/issuances/issuance-parts.ts'
import type { BrokerAccount, BrokerOrder } from '../../src/broker/objects.ts'
import { openBrokerStore } from '../../src/store/sqlite/broker/open-broker-store.ts'
import { after, FakeIssuer, type FakeStep, failing, issuerError } from '../support/broker/fake-issuer.ts'
import { IssuanceWorld } from '../support/broker/issuance-world.ts'
import { quantile, random, type Soak, type SoakOptions } from './soak.ts'

/** Orders a second. */
const RATE = 20
/** Part of the time for which the first CAs are bad; then they are well again. */
const BAD = 0.6
/** ms of a CA that is well, for each step. */
const LATENCY = 20
/** Share of requests that the second CA fails at. */
const FLAKY = 0.01
/** ms between a client's looks at its order. */
const POLL = 200
/** What a client waits for its certificate, ms; a limit of time, not of what is right. */
const LONGEST = 15_000

/** What is wrong with the first CA of an order. */
const KINDS = ['dead', 'slow', 'limited', 'broken', 'names', 'key', 'garbage', 'processing'] as const
type Kind = (typeof KINDS)[number]

export const brokerIssuances: Soak = {
  proves: 'the same of orders over issuers that are made up, without a program around them and without CAs',
  unit: 'orders',
  size: 1000,
  async run(options) {
    const folder = mkdtempSync(join(tmpdir(), 'acmetap-issuances-'))
    const store = await openBrokerStore({ folder })
    const issuers = [...KINDS, 'second', 'third'].map((ca) => new FakeIssuer(ca))
    const routes = KINDS.map((kind) => ({
      names: [`.${kind}.example`],
      labels: null,
      profiles: null,
      cas: [kind, 'second', 'third'],
    }))
    const world = new IssuanceWorld({
      store,
      issuers,
      endpoint: { cas: ['second', 'third'], routes },
      patience: PATIENCE,
    })
    try {
      return await soak(world, options)
    } finally {
      await world.issuances.close()
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function soak(world: IssuanceWorld, { size, seed, progress }: SoakOptions) {
  const next = random(seed)
  const began = performance.now()
  const isBad = () => performance.now() - began < ((size * BAD) / RATE) * 1000
  for (const kind of KINDS) makeBad(world.ca(kind), kind, isBad)
  makeFlaky(world.ca('second'), next)
  makeWell(world.ca('third'))
  const account = await world.account()
  const served: Served[] = []
  for (let i = 0; i < size; i++) {
    const due = began + (i * 1000) / RATE
    await sleep(Math.max(0, due - performance.now()))
    served.push(serve(world, account, KINDS[i % KINDS.length]!, i))
    if (i % 100 === 99) progress(`${i + 1} orders`)
  }
  const results = await Promise.all(served)
  const failures = results.flatMap(({ error }) => (error === null ? [] : [error]))
  failures.push(...(await whatIsLeft(world)))
  for (const { order, kind } of results) {
    if (order === null) continue
    const right = rightlyIssued(world, order)
    if (right.length !== 1) failures.push(`${kind}: ${order.id} has ${right.length} certificates`)
  }
  const took = results.map((each) => each.took)
  const p99 = quantile(took, 0.99)
  const count = (where: (order: BrokerOrder) => boolean) =>
    results.filter(({ order }) => order !== null && where(order)).length
  const figures = {
    orders: results.length,
    'served by the first CA': count(({ upstream }) => KINDS.includes(upstream.ca as Kind)),
    'served by another': count(({ upstream }) => !KINDS.includes(upstream.ca as Kind)),
    'tried elsewhere before': count(({ upstream }) => upstream.left.length > 0),
    'circuits opened': world.events.filter(
      (event) => event.kind === 'circuit' && event.standing.state === 'open',
    ).length,
    'time to certificate, median ms': Math.round(quantile(took, 0.5)),
    'time to certificate, p99 ms': Math.round(p99),
    'time to certificate, longest ms': Math.round(Math.max(...took)),
    'newOrder, p99 ms': Math.round(
      quantile(
        results.map(({ begun }) => begun),
        0.99,
      ),
    ),
  }
  return { figures, failures, late: p99 > LONGEST ? [`p99 is ${Math.round(p99)} ms`] : [] }
}

type Served = Promise<{
  readonly kind: Kind
  readonly order: BrokerOrder | null
  readonly error: string | null
  /** ms until newOrder was answered, and until the certificate was there. */
  readonly begun: number
  readonly took: number
}>

async function serve(world: IssuanceWorld, account: BrokerAccount, kind: Kind, i: number): Served {
  const from = performance.now()
  let begun = 0
  const result = (order: BrokerOrder | null, error: string | null) => ({
    kind,
    order,
    error,
    begun,
    took: performance.now() - from,
  })
  try {
    const placed = await world.begin(world.request(account, [`n${i}.${kind}.example`]))
    begun = performance.now() - from
    let order = await world.finalize(placed)
    while (order.status === 'processing') {
      await sleep(POLL)
      order = await world.found(order)
    }
    return order.status === 'valid'
      ? result(order, null)
      : result(null, `${kind}: ${order.status}, ${order.error?.detail}`)
  } catch (error) {
    return result(null, `${kind}: the client was told ${String(error)}`)
  }
}

const well = after(LATENCY)

function makeWell(ca: FakeIssuer): void {
  ca.steps = { place: well, authorize: well, finalize: well }
}

function makeFlaky(ca: FakeIssuer, next: () => number): void {
  const flaky: FakeStep = async (about, signal) => {
    await well(about, signal)
    if (next() < FLAKY) throw issuerError(ca.ca, 'unavailable', '502')
  }
  ca.steps = { place: flaky, authorize: flaky, finalize: flaky }
}

function makeBad(ca: FakeIssuer, kind: Kind, isBad: () => boolean): void {
  const bad = badSteps(ca.ca, kind)
  const step =
    (name: 'place' | 'authorize' | 'finalize'): FakeStep =>
    async (about, signal) => {
      const isLying = kind === 'names' || kind === 'key' || kind === 'garbage'
      ca.lie = isLying && isBad() ? kind : null
      const now = isBad() || kind === 'processing' ? bad[name] : undefined
      await (now ?? well)(about, signal)
    }
  ca.steps = { place: step('place'), authorize: step('authorize'), finalize: step('finalize') }
}

function badSteps(ca: string, kind: Kind): Partial<Record<'place' | 'authorize' | 'finalize', FakeStep>> {
  switch (kind) {
    case 'dead':
      return { place: failing(ca, 'unavailable', 'connection refused') }
    case 'slow':
      // It takes the order all the same, when nobody waits any more.
      return { place: () => sleep(PATIENCE.place + 2000) }
    case 'limited':
      return {
        place: failing(ca, 'limited', 'Service busy; retry later.', {
          type: 'urn:ietf:params:acme:error:rateLimited',
          status: 429,
          retryAfter: 5,
        }),
      }
    case 'broken':
      return { finalize: failing(ca, 'unavailable', '500 before finalize was taken') }
    case 'processing':
      return { finalize: endless(ca) }
    default:
      return {}
  }
}

/** Nobody knows what comes of it for some seconds; half of them come to nothing. */
function endless(ca: string): FakeStep {
  const since = new Map<string, number>()
  return ({ reference }) => {
    const began = since.get(reference) ?? performance.now()
    since.set(reference, began)
    if (performance.now() - began < 2500) throw issuerError(ca, 'uncertain', 'the order is processing')
    if (since.size % 2 === 0) throw issuerError(ca, 'refused', 'the order is invalid')
  }
}

/** By whichever CA: the names, and a key that a client has. */
function rightlyIssued(world: IssuanceWorld, order: BrokerOrder): readonly string[] {
  return [...world.issuers.values()].flatMap(({ ca, events }) =>
    events.flatMap((event) => {
      if (event.what !== 'issued' || event.order !== order.id) return []
      const leaf = readCertificateChain(Buffer.from(event.chain))?.leaf
      const isNamed = leaf?.identifiers[0]?.value === order.identifiers[0]?.value
      // The key of a liar's certificates is nobody's.
      return isNamed && (ca !== 'key' || order.upstream.ca === 'key') ? [event.chain] : []
    }),
  )
}

/** Orders that nobody goes on with, here or at a CA. What came too late is given time to be abandoned. */
async function whatIsLeft({ store, issuers }: IssuanceWorld): Promise<readonly string[]> {
  const open = await store.openOrders()
  const failures = open.map(({ id, status }) => `${id} is still ${status}`)
  const slow = issuers.get('slow')!
  for (let waited = 0; waited < PATIENCE.place + 4000; waited += POLL) {
    if ((await slow.placed()).length === 0 && waited > PATIENCE.place / 2) break
    await sleep(POLL)
  }
  for (const { reference } of await slow.placed()) failures.push(`${reference} was left behind`)
  return failures
}
