/**
 * Real clients live their lives while acmetap is killed again and again; then the inventory must equal what happened.
 * `npm run matrix` does the same with every client in every mode.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Finished, findProgram } from '../../src/cli/demo/child.ts'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../src/cli/demo/web-server.ts'
import type { Surroundings, WholeClient, Wish } from '../support/peers/client.ts'
import { CLIENTS } from '../support/peers/clients.ts'
import { type Served, serve } from '../support/serve.ts'
import { startTap, type Tap } from '../support/tap.ts'
import { dumpDifferences, OBJECTS } from '../support/truth/compare.ts'
import { type Looked, lookAt, rebuiltInventory } from '../support/truth/look-at.ts'

const whyNot = await reasonNotToRun()

async function reasonNotToRun(): Promise<string | null> {
  for (const program of ['pebble', 'pebble-challtestsrv'])
    if ((await findProgram(program)) === null) return `${program} is not installed`
  for (const client of CLIENTS) {
    const reason = await client.missing()
    if (reason !== null) return reason
  }
  return null
}

/** Requests the CA gets before acmetap is ended in the midst of them. */
const REQUESTS_BEFORE = 8
const MOST_ATTEMPTS = 10

interface Life {
  readonly client: WholeClient
  readonly wish: Wish
  readonly around: Surroundings
}

let folder: string
let pebble: Pebble
let tap: Tap
let web: Server
let acmetap: Served
const lives: Life[] = []

beforeAll(async () => {
  if (whyNot !== null) return
  folder = await mkdtemp(path.join(tmpdir(), 'inventory-truth-'))
  pebble = await startPebble({ folder: path.join(folder, 'pebble'), nonceReject: 0 })
  tap = await startTap(pebble)
  await writeFile(path.join(folder, 'tap.pem'), tap.root)
  const webroot = path.join(folder, 'web')
  await mkdir(path.join(webroot, '.well-known', 'acme-challenge'), { recursive: true })
  web = await serveFolder(webroot, pebble.httpPort)
  const directory = `https://localhost:${tap.port}/dir`
  acmetap = await serve(folder, {
    test: { directory, trust: path.join(folder, 'tap.pem'), host: 'localhost' },
  })
  const trust = await acmetap.trust()
  for (const client of CLIENTS) {
    for (const method of ['http-01', 'dns-01'] as const) {
      const own = path.join(folder, 'clients', `${client.name}-${method}`)
      await mkdir(own, { recursive: true })
      const name = `${client.name}.${method}.example.test`
      lives.push({
        client,
        wish: { name: method === 'dns-01' ? `*.${name}` : name, method },
        around: {
          folder: own,
          directory: acmetap.directory('test'),
          trust,
          webroot,
          dnsManagement: pebble.dnsManagement,
          dnsServer: pebble.dnsServer,
        },
      })
    }
  }
}, 60_000)

afterAll(async () => {
  await acmetap?.stop()
  web?.close()
  await tap?.close()
  await pebble?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

/** Resolves when acmetap is there; clients that begin while it is not only take the machine's time. */
let there: Promise<unknown> = Promise.resolve()
const signals: NodeJS.Signals[] = []

function restart(signal: NodeJS.Signals): Promise<unknown> {
  signals.push(signal)
  there = acmetap.restart(signal)
  return there
}

/** As a timer would: again, until it works. */
async function persist(client: WholeClient, run: () => Promise<Finished>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await there
    const { code, output } = await run()
    if (code === 0) return
    if (attempt === MOST_ATTEMPTS) expect.fail(`${client.name} ended with ${code}:\n${output}`)
    await sleep(200)
  }
}

/** All at once; acmetap is ended and started again, twice, while each waits in the middle of its issuance. */
async function throughGates(gate: string, run: (life: Life) => Promise<Finished>): Promise<void> {
  const waiting = lives.filter(({ wish }) => wish.method === 'dns-01')
  const gates: string[] = []
  const runs = waiting.map(async (life) => {
    const own = path.join(life.around.folder, gate)
    await mkdir(own)
    const done = run({ ...life, around: { ...life.around, gate: own } })
    await Promise.race([done, reached(own)])
    gates.push(own)
    return done
  })
  while (gates.length < waiting.length) await sleep(20)
  await restart('SIGKILL')
  await restart('SIGTERM')
  for (const own of gates) await writeFile(path.join(own, 'open'), '')
  for (const { code, output } of await Promise.all(runs)) expect(code, output).toBe(0)
}

async function reached(gate: string): Promise<void> {
  const file = path.join(gate, 'reached')
  while (!existsSync(file) && existsSync(gate)) await sleep(20)
}

/** Whenever the CA has got so many more requests. */
async function inTheMidst(busy: () => boolean): Promise<void> {
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
    const from = tap.exchanges().length
    while (busy() && tap.exchanges().length < from + REQUESTS_BEFORE) await sleep(20)
    await restart(signal)
  }
}

const isCalm = ({ client }: Life): boolean => client.name === 'dehydrated'
const look = (): Promise<Looked> => lookAt(acmetap.config, [{ tap, pebble }], path.join(folder, 'clients'))

describe.runIf(whyNot === null)('the inventory equals the truth', () => {
  let before: Looked

  test('after issuing and renewing through 4 SIGKILLs and 4 SIGTERMs', { timeout: 300_000 }, async () => {
    await throughGates('issue', ({ client, wish, around }) => client.issue(around, wish))
    await throughGates('renew', ({ client, wish, around }) => client.renew(around, wish))
    // dehydrated polls for ever for what was cut off, so it comes when all is quiet.
    const http = lives.filter(({ wish }) => wish.method === 'http-01')
    const [calm, tough] = [http.filter(isCalm), http.filter((life) => !isCalm(life))]
    let running = tough.length
    const lived = tough.map(async ({ client, wish, around }) => {
      await persist(client, () => client.issue(around, wish))
      running -= 1
    })
    await Promise.all([inTheMidst(() => running > 0), ...lived])
    for (const { client, wish, around } of calm) await persist(client, () => client.issue(around, wish))
    expect(signals.toSorted()).toEqual([...Array(4).fill('SIGKILL'), ...Array(4).fill('SIGTERM')])
    const { comparison } = await look()
    expect(comparison.differences).toEqual([])
    expect(comparison.certificates).toBeGreaterThanOrEqual(3 * CLIENTS.length)
    expect(comparison.files).toBeGreaterThanOrEqual(lives.length)
  })

  test('after revocations and a validation that fails', { timeout: 120_000 }, async () => {
    const nowhere = path.join(folder, 'nowhere')
    await mkdir(path.join(nowhere, '.well-known', 'acme-challenge'), { recursive: true })
    await Promise.all([
      ...lives
        .filter(({ wish }) => wish.method === 'dns-01')
        .map(({ client, wish, around }) => persist(client, () => client.revoke(around, wish))),
      ...lives
        .filter(({ wish }) => wish.method === 'http-01')
        .map(async ({ client, around }) => {
          const wish: Wish = { name: `fails.${client.name}.example.test`, method: 'http-01' }
          const { code } = await client.issue({ ...around, webroot: nowhere }, wish)
          expect(code).not.toBe(0)
        }),
    ])
    before = await look()
    const { comparison, inventory } = before
    expect(comparison.differences).toEqual([])
    expect(comparison.revocations).toBeGreaterThanOrEqual(CLIENTS.length)
    expect(inventory.failures.length).toBeGreaterThan(0)
  })

  test('after a rebuild it is the same', { timeout: 60_000 }, async () => {
    const after = await rebuiltInventory(acmetap.config)
    expect(dumpDifferences(before.inventory, after)).toEqual([])
    expect(after.certificates.length).toBe(before.comparison.certificates)
  })

  test('after another SIGKILL too', { timeout: 60_000 }, async () => {
    await acmetap.restart('SIGKILL')
    const { comparison, inventory } = await look()
    expect(comparison.differences).toEqual([])
    expect(dumpDifferences(before.inventory, inventory, OBJECTS)).toEqual([])
  })
})
