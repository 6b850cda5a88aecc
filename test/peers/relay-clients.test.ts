import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Finished, findProgram } from '../../src/cli/demo/child.ts'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../src/cli/demo/web-server.ts'
import type { AcmeClient, Method, Surroundings, Wish } from '../support/peers/client.ts'
import { CLIENTS } from '../support/peers/clients.ts'
import { type Served, serve } from '../support/serve.ts'
import { startTap, type Tap } from '../support/tap.ts'
import { recordedLines, tappedLines } from './record-and-wire.ts'

const pebbleIsHere =
  (await findProgram('pebble')) !== null && (await findProgram('pebble-challtestsrv')) !== null

/** Refuses a good nonce in ten, which clients have to survive, or none. */
type Temper = 'strict' | 'calm'

interface World {
  readonly pebble: Pebble
  readonly tap: Tap
  readonly web: Server
  readonly webroot: string
}

let folder: string
let acmetap: Served
let trust: string
const worlds = {} as Record<Temper, World>

async function startWorld(temper: Temper): Promise<World> {
  const pebble = await startPebble({
    folder: path.join(folder, temper),
    nonceReject: temper === 'strict' ? 10 : 0,
  })
  const tap = await startTap(pebble)
  await writeFile(path.join(folder, `${temper}-tap.pem`), tap.root)
  const webroot = path.join(folder, `${temper}-web`)
  await mkdir(path.join(webroot, '.well-known', 'acme-challenge'), { recursive: true })
  return { pebble, tap, webroot, web: await serveFolder(webroot, pebble.httpPort) }
}

beforeAll(async () => {
  if (!pebbleIsHere) return
  folder = await mkdtemp(path.join(tmpdir(), 'relay-clients-'))
  worlds.strict = await startWorld('strict')
  worlds.calm = await startWorld('calm')
  const ca = (temper: Temper, host: string) => ({
    directory: `https://localhost:${worlds[temper].tap.port}/dir`,
    trust: path.join(folder, `${temper}-tap.pem`),
    host,
  })
  acmetap = await serve(folder, { strict: ca('strict', 'localhost'), calm: ca('calm', '127.0.0.1') })
  trust = await acmetap.trust()
})

afterAll(async () => {
  await acmetap?.stop()
  for (const world of Object.values(worlds)) {
    world.web.close()
    await world.tap.close()
    await world.pebble.stop()
  }
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

async function surroundingsOf(client: AcmeClient, run: string): Promise<Surroundings> {
  const temper: Temper = client.survivesBadNonce ? 'strict' : 'calm'
  const own = path.join(folder, `${client.name}-${run}`)
  await mkdir(own)
  return {
    folder: own,
    directory: acmetap.directory(temper),
    trust,
    webroot: worlds[temper].webroot,
    dnsManagement: worlds[temper].pebble.dnsManagement,
    dnsServer: worlds[temper].pebble.dnsServer,
  }
}

const AGENTS: Readonly<Record<string, RegExp>> = {
  certbot: /^CertbotACMEClient/,
  lego: /xenolf-acme/,
  dehydrated: /^dehydrated/,
  uacme: /^uacme/,
}

function nonceRefusals(client: AcmeClient): number {
  return worlds.strict.tap
    .exchanges()
    .filter((one) => AGENTS[client.name]?.test(one.userAgent) && one.answer.includes('acme:error:badNonce'))
    .length
}

/** certbot asks twice, uacme three times. Where the CA refused that many nonces in a row the run is repeated, as a timer would. */
async function succeed(client: AcmeClient, run: () => Promise<Finished>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const before = nonceRefusals(client)
    const { code, output } = await run()
    if (code === 0) return
    if (attempt === 5 || nonceRefusals(client) - before < 2)
      expect.fail(`${client.name} ended with ${code}:\n${output}`)
  }
}

async function whyNot(client: AcmeClient): Promise<string | null> {
  return pebbleIsHere ? client.missing() : 'pebble is not installed'
}

const METHODS: readonly Method[] = ['http-01', 'dns-01']

/** What the CA got, against the record: the same requests with the same answers, known for what they are. */
async function expectRecordToHoldEverything(): Promise<void> {
  const wire = Object.values(worlds).flatMap((world) => tappedLines(world.tap.exchanges()))
  const record = await recordedLines(acmetap)
  expect(wire.length).toBeGreaterThan(20)
  expect(record.toSorted()).toEqual(wire.toSorted())
}

describe.concurrent('unmodified clients through relay', () => {
  for (const client of CLIENTS) {
    for (const method of METHODS) {
      test(`${client.name} issues, renews and revokes with ${method}`, {
        timeout: 240_000,
      }, async (context) => {
        const reason = await whyNot(client)
        if (reason !== null) return context.skip(reason)
        const name = `${client.name}.${method}.example.test`
        const wish: Wish = { name: method === 'dns-01' ? `*.${name}` : name, method }
        const around = await surroundingsOf(client, method)
        await succeed(client, () => client.issue(around, wish))
        await access(client.certificate(around, wish))
        await succeed(client, () => client.renew(around, wish))
        await succeed(client, () => client.revoke(around, wish))
      })
    }
  }
})

test('the record holds every request the CA got, with its operation, its answer and a verified signature', async (context) => {
  if (!pebbleIsHere) return context.skip('pebble is not installed')
  await expectRecordToHoldEverything()
})

describe('a restart in the middle of an issuance', () => {
  for (const client of CLIENTS) {
    const signal = client.name === 'certbot' || client.name === 'uacme' ? 'SIGTERM' : 'SIGKILL'
    test(`${client.name}, ${signal}`, { timeout: 240_000 }, async (context) => {
      const reason = await whyNot(client)
      if (reason !== null) return context.skip(reason)
      const wish: Wish = { name: `*.${client.name}.restart.example.test`, method: 'dns-01' }
      const around = await surroundingsOf(client, 'restart')
      const gate = path.join(around.folder, 'gate')
      await mkdir(gate)
      let ended = false
      const issued = succeed(client, () => client.issue({ ...around, gate }, wish)).finally(() => {
        ended = true
      })
      const reached = path.join(gate, 'reached')
      while (
        !ended &&
        !(await access(reached).then(
          () => true,
          () => false,
        ))
      )
        await sleep(20)
      await acmetap.restart(signal)
      await writeFile(path.join(gate, 'open'), '')
      await issued
      await acmetap.restart(signal)
      await succeed(client, () => client.renew(around, wish))
    })
  }

  test('leaves nothing unrecorded or misunderstood', async (context) => {
    if (!pebbleIsHere) return context.skip('pebble is not installed')
    await expectRecordToHoldEverything()
  })
})
