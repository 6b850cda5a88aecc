/**
 * The rules over places that serve certificates, in the real program: TLS servers with certificates of Pebble that lego
 * got, a mail server behind STARTTLS, and one that is gone. Each nearly fires, fires, and is over.
 */
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EndpointState } from '../../src/alerts/endpoint.ts'
import type { Operations } from '../../src/api/operations.ts'
import { cleanEnvironment, type Daemon, startDaemon } from '../../src/cli/demo/child.ts'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { LOCAL } from '../../src/cli/local-actor.ts'
import { type ClockDrill, startClockDrill } from '../support/alerts/clock-drill.ts'
import { reasonWithoutReceivers, until } from '../support/alerts/drill-world.ts'
import { reasonWithoutFakedClock } from '../support/alerts/faked-clock.ts'
import { freePort } from '../support/child-process.ts'
import { reasonWithout } from '../support/missing.ts'
import type { Surroundings } from '../support/peers/client.ts'
import { lego } from '../support/peers/lego.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'

const reason =
  (await reasonWithoutFakedClock()) ??
  (await reasonWithoutReceivers()) ??
  (await reasonWithout('pebble', 'pebble-challtestsrv', 'lego'))

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const LOOKS = 3 * SECOND
const MAIL_SERVER = path.join(import.meta.dirname, '../alerts/watch/aiosmtpd-server.py')
const WISH = { name: 'www.shop.test', method: 'http-01' } as const

const root = makeRoot('Root of the places')
let pebble: Pebble
let pebbleFolder: string
let drill: ClockDrill
let operations: Operations
const running: { close(): void }[] = []
const daemons: Daemon[] = []

beforeAll(async () => {
  if (reason !== null) return
  pebbleFolder = await mkdtemp(path.join(tmpdir(), 'alerts-of-places-'))
  pebble = await startPebble({ folder: pebbleFolder, nonceReject: 0, alwaysValid: true })
  const trust = [await readFile(pebble.trust, 'utf8'), await pebble.issuingRoot(), root.pem]
  drill = await startClockDrill({
    directory: pebble.directory,
    trust: trust.join('\n'),
    sections: () => ({
      // Pebble's DNS: every name is this machine.
      egress: { resolvers: [pebble.dnsServer] },
      alerts: { rules: { 'clock-skew': { enabled: false } } },
    }),
  })
  operations = await drill.operations()
}, 120_000)

afterAll(async () => {
  for (const server of running) server.close()
  await drill?.close()
  await Promise.all(daemons.map((daemon) => daemon.stop()))
  await pebble?.stop()
  if (pebbleFolder !== undefined) await rm(pebbleFolder, { recursive: true, force: true })
})

interface Pair {
  readonly cert: string
  readonly key: string
}

/** Of the root that acmetap trusts: `left` days before its end, of ninety. */
function certificateFor(name: string, left: number): Pair {
  const notAfter = new Date(Date.now() + left * DAY)
  const notBefore = new Date(notAfter.getTime() - 90 * DAY)
  const { pem, keyPem } = makeServerCertificate({ names: [name], issuer: root, notBefore, notAfter })
  return { cert: pem, key: keyPem }
}

function serve(pair: Pair, port = 0): Promise<Server & { readonly port: number }> {
  const server = createServer(pair)
  running.push(server)
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      resolve(Object.assign(server, { port: (server.address() as AddressInfo).port }))
    })
  })
}

/** Puts the place on the watch list, or asks for another look, and waits until that is over. */
async function look(endpoint: string): Promise<EndpointState> {
  const before = await operations.addEndpoint(endpoint, LOCAL)
  return until(
    async () => {
      const { items } = await operations.alerts.endpoints({ limit: 100, host: endpoint.split(':')[0] })
      return items.find((one) => one.endpoint === endpoint && one.probed !== before.probed)
    },
    () => `a look at ${endpoint}`,
  )
}

/** Lets the minute of the rules pass, and what was found be told. */
async function rulesLook(): Promise<void> {
  await drill.clock.advance(MINUTE + SECOND)
  await sleep(LOOKS)
}

describe.skipIf(reason !== null)('places', () => {
  test('endpoint-expiring: a mail server behind STARTTLS; not one with 25 days left', async () => {
    const port = await freePort()
    const mail = async (pair: Pair) => {
      const [cert, key] = [path.join(pebbleFolder, 'mail.pem'), path.join(pebbleFolder, 'mail.key')]
      await writeFile(cert, pair.cert)
      await writeFile(key, pair.key)
      const environment = cleanEnvironment(pebbleFolder)
      const daemon = startDaemon('/usr/bin/python3', [MAIL_SERVER, cert, key, String(port)], {
        environment,
        folder: pebbleFolder,
      })
      daemons.push(daemon)
      await until(async () => ((await isOpen(port)) ? true : undefined), daemon.log)
      return daemon
    }
    const old = await mail(certificateFor('mail.shop.test', 12))
    const near = await serve(certificateFor('near.shop.test', 25))
    const place = `mail.shop.test:${port}/smtp`
    expect(await look(place)).toMatchObject({ served: { trusted: true }, error: null })
    expect(await look(`near.shop.test:${near.port}`)).toMatchObject({ served: { trusted: true } })
    await drill.clock.advance(MINUTE + SECOND)
    const { alert } = await drill.begins({ rule: 'endpoint-expiring', name: 'mail.shop.test' })
    expect(alert).toMatchObject({
      severity: 'critical',
      title: `${place} serves a certificate that ends in 11 days`,
    })
    expect((await drill.receivers.held(alert.id)).labels.severity).toBe('critical')
    expect(drill.receivers.all({ rule: 'endpoint-expiring', name: 'near.shop.test' })).toEqual([])

    await old.stop()
    await mail(certificateFor('mail.shop.test', 80))
    await look(place)
    await rulesLook()
    expect((await drill.ends({ rule: 'endpoint-expiring' })).alert.id).toBe(alert.id)
  }, 150_000)

  test('endpoint-outdated: half a day after the renewal, where nobody reloaded the server', async () => {
    const webroot = path.join(pebbleFolder, 'web')
    await mkdir(path.join(webroot, '.well-known', 'acme-challenge'), { recursive: true })
    const shop: Surroundings = {
      folder: pebbleFolder,
      directory: drill.acmetap.directory,
      trust: path.join(drill.folder, 'listener-root.pem'),
      webroot,
      dnsManagement: pebble.dnsManagement,
      dnsServer: pebble.dnsServer,
    }
    const issued = async (run: ReturnType<typeof lego.issue>): Promise<Pair> => {
      const { code, output } = await run
      expect(code, output).toBe(0)
      const file = lego.certificate(shop, WISH)
      return {
        cert: await readFile(file, 'utf8'),
        key: await readFile(file.replace(/crt$/, 'key'), 'utf8'),
      }
    }
    const first = await issued(lego.issue(shop, WISH))
    const [forgotten, reloaded] = [await serve(first), await serve(first)]
    const [old, fresh] = [`www.shop.test:${forgotten.port}`, `www.shop.test:${reloaded.port}`]
    for (const place of [old, fresh]) {
      expect(await look(place)).toMatchObject({ served: { trusted: true }, newer: null })
    }
    // Times in certificates are whole seconds.
    await sleep(1100)
    const second = await issued(lego.renew(shop, WISH))
    await drill.clock.advance(11 * HOUR)
    for (const place of [old, fresh]) {
      const { newer } = await look(place)
      expect(newer).not.toBeNull()
    }
    await rulesLook()
    expect(drill.receivers.all({ rule: 'endpoint-outdated' })).toEqual([])

    reloaded.setSecureContext(second)
    await drill.clock.advance(2 * HOUR)
    for (const place of [old, fresh]) await look(place)
    await drill.clock.advance(MINUTE + SECOND)
    const { alert } = await drill.begins({ rule: 'endpoint-outdated' })
    expect(alert.title).toBe(`${old} still serves the certificate before the renewal`)
    expect(alert.subject.names).toEqual(['www.shop.test'])

    forgotten.setSecureContext(second)
    await look(old)
    await rulesLook()
    expect((await drill.ends({ rule: 'endpoint-outdated' })).alert.id).toBe(alert.id)
    expect(drill.receivers.all({ rule: 'endpoint-outdated' })).toHaveLength(1)
  }, 150_000)

  test('endpoint-unreachable: for two days, and not one that came back', async () => {
    const [gone, back] = [await freePort(), await freePort()]
    const places = [`gone.shop.test:${gone}`, `back.shop.test:${back}`]
    for (const place of places) expect((await look(place)).error).toContain('ECONNREFUSED')
    await drill.clock.advance(46 * HOUR)
    await sleep(LOOKS)
    expect(drill.receivers.all({ rule: 'endpoint-unreachable' })).toEqual([])
    await serve(certificateFor('back.shop.test', 80), back)
    for (const place of places) await look(place)
    await drill.clock.advance(3 * HOUR)
    const { alert } = await drill.begins({ rule: 'endpoint-unreachable' })
    expect(alert.title).toBe(`${places[0]} serves no certificate`)
    expect(alert.said).toContain('ECONNREFUSED')

    await serve(certificateFor('gone.shop.test', 80), gone)
    await look(places[0] ?? '')
    await rulesLook()
    expect((await drill.ends({ rule: 'endpoint-unreachable' })).alert.id).toBe(alert.id)
    expect(drill.receivers.all({ rule: 'endpoint-unreachable' })).toHaveLength(1)
  }, 150_000)
})

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const opened = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return opened
}
