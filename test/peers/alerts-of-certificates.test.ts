/**
 * The rules over certificates and their clients, in the real program, with Pebble, certbot and lego. Days pass by
 * libfaketime, for acmetap alone: a certificate of Pebble's lives twelve days here, or twenty-nine.
 */
import { exec } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCertbot } from '../../src/cli/demo/certbot.ts'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { httpsTransport, TestAcmeClient, type Transport } from '../support/acme-client.ts'
import { type ClockDrill, startClockDrill } from '../support/alerts/clock-drill.ts'
import { reasonWithoutReceivers } from '../support/alerts/drill-world.ts'
import { reasonWithoutFakedClock } from '../support/alerts/faked-clock.ts'
import { reasonWithout } from '../support/missing.ts'
import { certbot } from '../support/peers/certbot.ts'
import type { Surroundings, WholeClient } from '../support/peers/client.ts'
import { lego } from '../support/peers/lego.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'

const reason =
  (await reasonWithoutFakedClock()) ??
  (await reasonWithoutReceivers()) ??
  (await reasonWithout('pebble', 'pebble-challtestsrv', 'certbot', 'lego'))

const SECOND = 1000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR
/** The alerts' thread looks once a second at least, and rules over certificates ten minutes after their last look. */
const LOOKS = 3 * SECOND
const ELEVEN_MINUTES = 660 * SECOND

let folder: string
let short: Pebble
let long: Pebble
let drill: ClockDrill
const transports: Transport[] = []

beforeAll(async () => {
  if (reason !== null) return
  folder = await mkdtemp(path.join(tmpdir(), 'alerts-of-certificates-'))
  const pebble = (name: string, days: number) =>
    startPebble({
      folder: path.join(folder, name),
      nonceReject: 0,
      alwaysValid: true,
      configuration: { certificateValidityPeriod: (days * DAY) / SECOND },
    })
  short = await pebble('short', 12)
  long = await pebble('long', 29)
  const roots = await Promise.all([short, long].map(({ trust }) => readFile(trust, 'utf8')))
  drill = await startClockDrill({
    directory: short.directory,
    trust: roots.join(''),
    sections: ({ port, trustFile }) => ({
      cas: {
        short: { directory: short.directory, trust: trustFile },
        long: { directory: long.directory, trust: trustFile },
      },
      relay: [
        { host: `localhost:${port}`, ca: 'short' },
        { host: `127.0.0.1:${port}`, ca: 'long' },
      ],
      // The clock that jumps would be told each time.
      alerts: { rules: { 'clock-skew': { enabled: false } } },
    }),
  })
}, 120_000)

afterAll(async () => {
  for (const transport of transports) transport.close()
  await drill?.close()
  await short?.stop()
  await long?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

/** A client's own folder, and how it reaches a CA through acmetap. */
async function around(name: string, ca: 'short' | 'long'): Promise<Surroundings> {
  const own = path.join(folder, name)
  const webroot = path.join(own, 'web')
  await mkdir(path.join(webroot, '.well-known', 'acme-challenge'), { recursive: true })
  const pebble = ca === 'short' ? short : long
  return {
    folder: own,
    directory: directoryOf(ca),
    trust: path.join(drill.folder, 'listener-root.pem'),
    webroot,
    dnsManagement: pebble.dnsManagement,
    dnsServer: pebble.dnsServer,
  }
}

function directoryOf(ca: 'short' | 'long'): string {
  return `https://${ca === 'short' ? 'localhost' : '127.0.0.1'}:${drill.acmetap.ports.acme}/dir`
}

async function succeed(run: ReturnType<WholeClient['issue']>): Promise<void> {
  const { code, output } = await run
  expect(code, output).toBe(0)
}

const wish = (name: string) => ({ name, method: 'http-01' as const })

describe.skipIf(reason !== null)('certificates and clients', () => {
  test('renewal-overdue, certificate-expiring: nearly, fired, told at each step, over', async () => {
    const shop = await around('shop', 'short')
    await succeed(certbot.issue(shop, wish('shop.test')))
    await succeed(lego.issue(await around('blog', 'short'), wish('blog.test')))

    await drill.clock.set(8.4 * DAY)
    await sleep(LOOKS)
    expect(drill.began()).toEqual([])

    await drill.clock.set(8.7 * DAY)
    const overdue = await drill.begins({ rule: 'renewal-overdue', name: 'shop.test' })
    expect(overdue.alert.title).toBe('shop.test: renewal overdue, ends in 3 days')
    expect(overdue.alert.cause).toContain('The usual time to renew was')
    await drill.begins({ rule: 'renewal-overdue', name: 'blog.test' })
    expect((await drill.receivers.held(overdue.alert.id)).labels.alertname).toBe('renewal-overdue')
    expect(drill.receivers.all({ rule: 'certificate-expiring' })).toEqual([])

    await succeed(certbot.renew(shop, wish('shop.test')))
    await drill.clock.advance(ELEVEN_MINUTES)
    const renewed = await drill.ends({ rule: 'renewal-overdue', name: 'shop.test' })
    expect(renewed.alert.id).toBe(overdue.alert.id)
    expect(drill.receivers.all({ rule: 'renewal-overdue', kind: 'resolved', name: 'blog.test' })).toEqual([])

    await drill.clock.set(9.1 * DAY)
    const steps = [await drill.begins({ rule: 'certificate-expiring', name: 'blog.test' })]
    for (const [day, step, severity] of [
      [10.3, '15 %', 'warning'],
      [11.1, '8 %', 'critical'],
    ] as const) {
      await drill.clock.set(day * DAY)
      const next = await drill.begins({
        rule: 'certificate-expiring',
        name: 'blog.test',
        is: ({ subject }) => subject.details.step === step,
      })
      expect(next.alert).toMatchObject({ severity, id: steps[0]?.alert.id })
      steps.push(next)
    }
    expect(steps[0]?.alert).toMatchObject({ severity: 'warning', subject: { details: { step: '25 %' } } })

    // Another client at another CA, and a certificate nobody wants any more.
    await succeed(lego.issue(await around('blog-again', 'long'), wish('blog.test')))
    await drill.clock.advance(ELEVEN_MINUTES)
    const replaced = await drill.ends({ rule: 'certificate-expiring', name: 'blog.test' })
    expect(replaced.alert.id).toBe(steps[0]?.alert.id)
    await succeed(certbot.revoke(shop, wish('shop.test')))
    await drill.clock.advance(ELEVEN_MINUTES)
    await drill.ends({ rule: 'certificate-expiring', name: 'shop.test' })
  }, 180_000)

  test('client-silent: not while it is late, when it stays away, and no longer when it comes', async () => {
    const quiet = await around('quiet', 'long')
    await succeed(certbot.issue(quiet, wish('quiet.test')))
    const transport = httpsTransport(drill.acmetap.trust)
    transports.push(transport)
    const other = new TestAcmeClient(transport)
    await other.discover(directoryOf('long'))
    await other.newAccount()
    await other.issue(['other.test'])
    const comes = () =>
      runCertbot({
        folder: quiet.folder,
        trust: quiet.trust,
        server: quiet.directory,
        arguments: ['show_account'],
      })
    for (let visit = 0; visit < 5; visit += 1) {
      await drill.clock.advance(20 * HOUR)
      await succeed(comes())
      await other.post(other.account ?? '')
    }
    // Three times its pause is shorter than three days: those are waited for.
    for (let day = 0; day < 3; day += 1) {
      await drill.clock.advance(20 * HOUR)
      await other.post(other.account ?? '')
    }
    await sleep(LOOKS)
    expect(drill.receivers.all({ rule: 'client-silent' })).toEqual([])
    await drill.clock.advance(20 * HOUR)
    await other.post(other.account ?? '')
    const silent = await drill.begins({ rule: 'client-silent', name: 'quiet.test' })
    expect(silent.alert.title).toMatch(/certbot.*: not heard for 3 days$/i)
    expect(drill.receivers.all({ rule: 'client-silent', name: 'other.test' })).toEqual([])

    await succeed(comes())
    await drill.clock.advance(HOUR)
    const back = await drill.ends({ rule: 'client-silent', name: 'quiet.test' })
    expect(back.alert.id).toBe(silent.alert.id)
  }, 180_000)
})

describe.skipIf(reason !== null)("acmetap's own root", () => {
  test('root-expiring: two months before its end, until its remedy was followed', async () => {
    const ca = await startTestCa()
    const { directory, trust } = ca
    const own = await startClockDrill({ directory, trust, receivers: 'webhook', ownRoot: true })
    try {
      const end = 5 * 365 * DAY
      await own.clock.set(end - 62 * DAY)
      await sleep(2 * LOOKS)
      expect(own.receivers.all({ rule: 'root-expiring' })).toEqual([])
      await own.clock.set(end - 58 * DAY)
      const { alert } = await own.begins({ rule: 'root-expiring' })
      expect(alert.title).toMatch(/^The listener root ends in 5\d days$/)
      const [, commands = ''] = /: (mv .*), start acmetap again/.exec(alert.remedy) ?? []
      await own.acmetap.stop()
      await promisify(exec)(commands)
      await own.restart()
      await own.clock.advance(HOUR)
      expect((await own.ends({ rule: 'root-expiring' })).alert.id).toBe(alert.id)
    } finally {
      await own.close()
      await ca.close()
    }
  }, 150_000)
})
