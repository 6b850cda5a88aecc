import { setTimeout as sleep } from 'node:timers/promises'
import type { TestAcmeClient } from '../support/acme-client.ts'
import { BrokerFleet, LABELS, PEBBLE } from '../support/broker/broker-fleet.ts'
import { type Issued, obtain } from '../support/broker/persistent-client.ts'
import { certificateText, TROUBLES, type Trouble, type TroubledCa } from '../support/broker/troubled-ca.ts'
import { quantile, random, type Soak, type SoakOptions, type SoakReport } from './soak.ts'

/** Orders a second. */
const RATE = 20
/** Part of the time for which the first CAs are in trouble; then they are well again. */
const BAD = 0.6
/** ms for which they are in trouble at least. */
const LEAST = 10_000
/** ms between two looks at what the broker thinks of its CAs. */
const LOOK = 500
/** ms that a client waits for newOrder and for its certificate; limits of time, not of what is right. */
const LONGEST = { begun: 25_000, took: 60_000 }
/** The second CA of every order fails at this share of its newOrders. */
const FLAKY = 0.01

export const brokerFailover: Soak = {
  proves:
    'acmetap over CAs by HTTPS, the first in trouble of 12 kinds, one after the other: every order is served, once, and no client sees an error',
  unit: 'orders of each kind',
  size: 1000,
  run: (options) =>
    failover(
      TROUBLES.map((trouble) => [trouble]),
      options,
    ),
}

/** All kinds at the same time, each with a first CA of its own. */
export function failoverAtOnce(options: SoakOptions): Promise<SoakReport> {
  return failover([TROUBLES], options)
}

/** `size` orders for each group, whose kinds take turns. */
async function failover(
  groups: readonly (readonly Trouble[])[],
  { size, seed, progress }: SoakOptions,
): Promise<SoakReport> {
  const next = random(seed)
  const fleet = await BrokerFleet.start({
    cas: ['second', ...TROUBLES],
    pebble: true,
    endpoint: {
      cas: ['second', PEBBLE],
      routes: TROUBLES.map((trouble) => ({
        names: [`.${trouble}.example`],
        cas: [trouble, 'second', PEBBLE],
      })),
    },
  })
  try {
    await fleet.serve()
    const clients = await Promise.all(LABELS.map((label) => fleet.client(label)))
    await warmUp(fleet, clients[0]!)
    fleet.cas
      .get('second')!
      .ca.script(
        { operation: 'newOrder', nth: () => next() < FLAKY },
        { kind: 'answer', status: 502, body: 'bad gateway' },
      )
    const all: Issued[] = []
    const failures: string[] = []
    const late: string[] = []
    const figures: Record<string, number | string> = {}
    for (const group of groups) {
      const before = await standing(fleet, group)
      const { issued, seen } = await serveAll(fleet, clients, group, size, next)
      for (const client of clients) client.answers.length = 0
      all.push(...issued)
      for (const trouble of group) {
        const own = issued.filter(({ name }) => name.includes(`.${trouble}.`))
        const report = reportOf(fleet, trouble, own, seen.get(trouble) ?? new Set())
        figures[trouble] = report.text
        failures.push(...report.failures)
        late.push(...report.late)
        progress(`${trouble}: ${report.text}`)
      }
      if (before !== 0) failures.push(`${group.join(', ')}: ${before} orders were open before it began`)
    }
    failures.push(...(await nothingTwice(fleet, all)))
    figures.orders = all.length
    figures['certificates of test CAs'] = [...fleet.issued().values()].flat().length
    figures['certificates of Pebble'] = fleet.issuedByPebble()
    return { figures, failures, late }
  } finally {
    await fleet.close()
  }
}

/** Every CA is well, and knows acmetap's account. */
async function warmUp(fleet: BrokerFleet, client: TestAcmeClient): Promise<void> {
  for (const trouble of TROUBLES) {
    const { error } = await obtain(client, `first.${trouble}.example`)
    if (error !== null) throw new Error(`${trouble}, while it was well: ${error}`)
  }
  client.answers.length = 0
  const { error } = await obtain(client, 'first.second.example')
  if (error !== null) throw new Error(`second: ${error}`)
  if (fleet.issuedByPebble() > 0) throw new Error('Pebble was asked while all others were well')
}

async function standing(fleet: BrokerFleet, group: readonly Trouble[]): Promise<number> {
  const { broker } = await fleet.operations()
  const open = await broker.orders({ endpoint: 'fleet', open: true, limit: 1000 })
  return group.length === 0 ? 0 : open.length
}

async function serveAll(
  fleet: BrokerFleet,
  clients: readonly TestAcmeClient[],
  group: readonly Trouble[],
  size: number,
  next: () => number,
) {
  const cas = group.map((trouble) => fleet.cas.get(trouble)!)
  await Promise.all(group.map((trouble, index) => cas[index]!.begin(trouble, next)))
  const watched = new AbortController()
  const watching = watch(fleet, group, watched.signal)
  const ends = sleep(Math.max(LEAST, ((size * BAD) / RATE) * 1000)).then(() =>
    Promise.all(cas.map((ca) => ca.end())),
  )
  const began = performance.now()
  const serving: Promise<Issued>[] = []
  for (let i = 0; i < size; i++) {
    await sleep(Math.max(0, began + (i * 1000) / RATE - performance.now()))
    const name = `n${i}.${group[i % group.length]}.example`
    serving.push(obtain(clients[i % clients.length]!, name))
  }
  const issued = await Promise.all(serving)
  await ends
  watched.abort()
  return { issued, seen: await watching }
}

/** States of the circuits of these CAs, as the interface of operators shows them. */
async function watch(fleet: BrokerFleet, group: readonly Trouble[], signal: AbortSignal) {
  const seen = new Map<string, Set<string>>()
  const { broker } = await fleet.operations()
  while (!signal.aborted) {
    const { cas } = await broker.status()
    for (const { name, state } of cas)
      if (group.includes(name as Trouble)) seen.set(name, (seen.get(name) ?? new Set()).add(state))
    await sleep(LOOK)
  }
  return seen
}

function reportOf(fleet: BrokerFleet, trouble: Trouble, own: readonly Issued[], seen: ReadonlySet<string>) {
  const ca: TroubledCa = fleet.cas.get(trouble)!
  const failures = own.flatMap(({ name, error }) => (error === null ? [] : [`${name}: ${error}`]))
  const by = new Set(ca.issued())
  const byFirst = own.filter(({ pem }) => pem !== null && by.has(certificateText(pem)!)).length
  const ms = (of: (issued: Issued) => number, q: number) => Math.round(quantile(own.map(of), q))
  const begun = ms((each) => each.begun, 1)
  const took = ms((each) => each.took, 1)
  const late = [
    ...(begun > LONGEST.begun ? [`${trouble}: newOrder took ${begun} ms`] : []),
    ...(took > LONGEST.took ? [`${trouble}: a certificate took ${took} ms`] : []),
  ]
  const text = [
    `${own.length} orders`,
    `${byFirst} by it`,
    `certificate p50 ${ms((each) => each.took, 0.5)} p99 ${ms((each) => each.took, 0.99)} max ${took} ms`,
    `newOrder p99 ${ms((each) => each.begun, 0.99)} ms`,
    `circuit ${[...seen].join(', ')}`,
    `asked for ${ca.asked('newOrder')} orders`,
  ].join('; ')
  return { text, failures, late }
}

/** By what the CAs say themselves: each client has one certificate, and nobody made another for it. */
export async function nothingTwice(fleet: BrokerFleet, all: readonly Issued[]): Promise<readonly string[]> {
  const failures: string[] = []
  const issued = fleet.issued()
  let byPebble = 0
  for (const { name, pem } of all) {
    if (pem === null) continue
    const by = issued.get(certificateText(pem)!) ?? []
    if (by.length === 0) byPebble += 1
    if (by.length > 1) failures.push(`${name}: issued ${by.length} times, by ${by.join(' and ')}`)
  }
  if (byPebble !== fleet.issuedByPebble())
    failures.push(`Pebble issued ${fleet.issuedByPebble()} certificates, ${byPebble} clients have one`)
  for (const ca of fleet.cas.values()) failures.push(...ca.finalizedTwice())
  const { broker } = await fleet.operations()
  const open = await broker.orders({ endpoint: 'fleet', open: true, limit: 1000 })
  const waiting = open.filter(({ status }) => status === 'processing')
  return [...failures, ...waiting.map(({ id, ca }) => `${id} is still processing at ${ca}`)]
}
