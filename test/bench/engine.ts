/**
 * What a certificate costs: acmetap's engine beside lego and certbot, over the same Pebble, the same orders and http-01.
 * `npm run bench:engine -- ORDERS ROUNDS MANAGED` (40 orders of one name, 1 of a hundred, 200 managed certificates). lego
 * needs six seconds for the one and six minutes for the other. Cold: one process per order, its
 * start included, the clients in turn. Warm: acmetap's server and its managed certificates; the other two have no such
 * form, so it stands alone. Every client has its account before it is measured.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanEnvironment, startDaemon } from '../../src/cli/demo/child.ts'
import { freePorts } from '../../src/cli/demo/free-ports.ts'
import { startPebble } from '../../src/cli/demo/pebble.ts'
import { acmetap, certbot, configuration, type IssuingClient, lego } from './engine/issuing-clients.ts'
import { requestsOf } from './engine/requests-of.ts'
import { timedRun } from './engine/timed-run.ts'
import { usageOf } from './process-usage.ts'

interface Cost {
  readonly wall: number
  readonly cpu: number
  readonly requests: number
}

const MAIN = path.resolve(import.meta.dirname, '..', '..', process.env.ACMETAP_MAIN ?? 'dist/main.js')
const [orders = 40, rounds = 1, managed = 200] = process.argv.slice(2).map(Number)

const folder = mkdtempSync(path.join(tmpdir(), 'acmetap-bench-engine-'))
const pebble = await startPebble({ folder: path.join(folder, 'pebble'), nonceReject: 0 })
try {
  const found = [
    acmetap(path.join(folder, 'acmetap'), MAIN, pebble),
    await lego(path.join(folder, 'lego'), pebble),
    await certbot(path.join(folder, 'certbot'), pebble),
  ]
  const clients = found.filter((client) => client !== null)
  for (const client of clients) for (const n of [1, 2]) await cost(client, [`account-${n}.example.com`])

  const ofOne = await inTurn(clients, orders, (n) => [`single-${n}.example.com`])
  table(`cold, ${orders} orders of one name, one process each`, ofOne)
  const ofHundred = await inTurn(clients, rounds, (n) =>
    Array.from({ length: 100 }, (_, name) => `h${name}.hundred-${n}.example.com`),
  )
  if (rounds > 0) table(`cold, ${rounds} orders of a hundred names`, ofHundred)
  warm(await warmAcmetap(managed))
} finally {
  await pebble.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function inTurn(
  clients: readonly IssuingClient[],
  times: number,
  namesOf: (n: number) => string[],
): Promise<ReadonlyMap<string, Cost[]>> {
  const costs = new Map<string, Cost[]>(clients.map(({ name }) => [name, []]))
  for (let n = 0; n < times; n++) {
    for (const client of clients)
      costs.get(client.name)!.push(
        await cost(
          client,
          namesOf(n).map((name) => `${client.name}-${name}`),
        ),
      )
  }
  return costs
}

async function cost(client: IssuingClient, names: readonly string[]): Promise<Cost> {
  const before = pebble.log().length
  const { code, output, wall, cpu } = await timedRun(client.issue(names))
  if (code !== 0) throw new Error(`${client.name} ended with ${code}: ${output.slice(-3000)}`)
  return { wall, cpu, requests: requestsOf(pebble, before).length }
}

/** The server with so many managed certificates, from its start until the last one lies in its place. */
async function warmAcmetap(count: number): Promise<Cost & { readonly count: number }> {
  const home = path.join(folder, 'warm')
  mkdirSync(home)
  const names = Array.from({ length: count }, (_, n) => `managed-${n}.example.com`)
  const certificates = names.map((name) => `    - { name: ${name}, names: [${name}], ca: pebble }`)
  const [acme, admin] = await freePorts(2)
  const listeners = `listeners: { acme: { port: ${acme} }, admin: { port: ${admin} } }`
  writeFileSync(
    path.join(home, 'acmetap.yaml'),
    configuration(pebble, ['  certificates:', ...certificates, listeners]),
  )
  const before = pebble.log().length
  const began = performance.now()
  const server = startDaemon(process.execPath, [MAIN, 'serve'], {
    environment: cleanEnvironment(home),
    folder: home,
  })
  try {
    for (;;) {
      const requests = requestsOf(pebble, before)
      if (requests.filter((request) => request.includes('/certZ/')).length >= count) {
        const wall = performance.now() - began
        return { wall, cpu: usageOf(server.pid).cpu / 1000, requests: requests.length, count }
      }
      if (performance.now() - began > 300_000)
        throw new Error(`it takes too long: ${server.log().slice(-3000)}`)
      await sleep(20)
    }
  } finally {
    await server.stop()
  }
}

function warm({ wall, cpu, requests, count }: Cost & { readonly count: number }): void {
  console.log(`\nwarm, ${count} managed certificates of one server, its start and its account included`)
  console.log(
    `acmetap  ${(wall / count).toFixed(0)} ms wall, ${(cpu / count).toFixed(0)} ms CPU, ${(requests / count).toFixed(2)} requests each; all in ${(wall / 1000).toFixed(1)} s`,
  )
}

function table(title: string, costs: ReadonlyMap<string, readonly Cost[]>): void {
  console.log(`\n${title}`)
  console.log('           wall p50    p95    CPU p50   requests (mean, most)')
  const own = costs.get('acmetap')!
  for (const [name, all] of costs) {
    const wall = sorted(all.map((one) => one.wall))
    const cpu = sorted(all.map((one) => one.cpu))
    const requests = all.map((one) => one.requests)
    const mean = requests.reduce((sum, one) => sum + one, 0) / requests.length
    const ratio = middle(wall) / middle(sorted(own.map((one) => one.wall)))
    console.log(
      `${name.padEnd(9)} ${ms(middle(wall))} ${ms(wall[Math.floor(wall.length * 0.95)]!)} ${ms(middle(cpu))}    ${mean.toFixed(2)}, ${Math.max(...requests)}   ${ratio.toFixed(2)} times acmetap's wall time`,
    )
  }
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b)
}

function middle(values: readonly number[]): number {
  return values[Math.floor(values.length / 2)]!
}

function ms(value: number): string {
  return `${value.toFixed(0).padStart(6)} ms`
}
