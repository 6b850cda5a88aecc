/**
 * The rules over how the CAs, the sinks, the channels and the clock stand, in the real program: each nearly fires and
 * must not, fires, and is over; people are told by a real mail server, a real Alertmanager and a recorded webhook.
 */
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Notification } from '../../src/alerts/notification.ts'
import { httpsTransport, type Transport } from '../support/acme-client.ts'
import { type ClockDrill, startClockDrill } from '../support/alerts/clock-drill.ts'
import { reasonWithoutReceivers, until } from '../support/alerts/drill-world.ts'
import { reasonWithoutFakedClock } from '../support/alerts/faked-clock.ts'
import { freePort } from '../support/child-process.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'

const reason = (await reasonWithoutFakedClock()) ?? (await reasonWithoutReceivers())

const SECOND = 1000
const MINUTE = 60 * SECOND
const DAY = 86_400 * SECOND
/** Vitals are measured, and rules over them asked, every five seconds. */
const TWO_LOOKS = 11 * SECOND

let first: TestCa
let second: TestCa
let drill: ClockDrill
let transport: Transport
let ports: { readonly syslog: number; readonly dead: number }
const servers: (Server | HttpServer)[] = []

beforeAll(async () => {
  if (reason !== null) return
  const root = makeRoot('Root of two CAs')
  const names = ['localhost', '127.0.0.1']
  const notAfter = new Date(Date.now() + 60 * DAY)
  const certificate = makeServerCertificate({ names, issuer: root, notAfter })
  first = await startTestCa({ root, certificate, nonces: 'ignore' })
  second = await startTestCa({ root, certificate, nonces: 'ignore' })
  ports = { syslog: await freePort(), dead: await freePort() }
  drill = await startClockDrill({
    directory: first.directory,
    trust: root.pem,
    // CAs and clocks are not well again before they were looked at for five minutes.
    hasRun: 6 * MINUTE,
    channels: [{ name: 'dead', webhook: { url: `http://127.0.0.1:${ports.dead}/` } }],
    sections: ({ port, trustFile }) => ({
      cas: {
        first: { directory: first.directory, trust: trustFile },
        second: { directory: second.directory, trust: trustFile },
      },
      relay: [
        { host: `localhost:${port}`, ca: 'first' },
        { host: `127.0.0.1:${port}`, ca: 'second' },
      ],
      sinks: [{ name: 'siem', syslog: { url: `tcp://127.0.0.1:${ports.syslog}` } }],
      alerts: {
        rules: {
          'ca-slow': { p95: '4s' },
          'sink-down': { after: '10m' },
          'channel-down': { after: '10m' },
        },
      },
    }),
  })
  transport = httpsTransport(drill.acmetap.trust, { sockets: 32 })
}, 120_000)

afterAll(async () => {
  transport?.close()
  await drill?.close()
  for (const server of servers) server.close()
  await first?.close()
  await second?.close()
})

/** So many requests at once to a CA. Some may fail. */
async function ask(host: 'localhost' | '127.0.0.1', times: number): Promise<void> {
  const url = `https://${host}:${drill.acmetap.ports.acme}/new-nonce`
  await Promise.allSettled(Array.from({ length: times }, () => transport.send('HEAD', url)))
}

describe.skipIf(reason !== null)('how things stand', () => {
  test('what is nearly wrong is not told', async () => {
    const late = new Date(Date.now() - 45 * SECOND).toUTCString()
    for (const ca of [first, second]) ca.script({}, { kind: 'field', name: 'Date', value: late })
    // Two in five fail at one CA, after those that did not; all answers of the other are slow, but not slow enough.
    await ask('localhost', 20)
    const reset = first.script({ operation: 'newNonce' }, { kind: 'reset', when: 'before-reading' })
    await ask('localhost', 12)
    expect(reset.applied).toBe(12)
    second.script({}, { kind: 'slow', ms: 700 })
    await ask('127.0.0.1', 25)
    await sleep(TWO_LOOKS)
    expect(drill.began()).toEqual([])
    for (const ca of [first, second]) ca.clearScript()
  }, 150_000)

  test('ca-down and ca-slow, and they are over', async () => {
    first.script({}, { kind: 'reset', when: 'before-reading' })
    second.script({}, { kind: 'slow', ms: 6000 })
    await Promise.all([ask('localhost', 20), ask('127.0.0.1', 25)])
    const down = await drill.begins({ rule: 'ca-down' })
    expect(down.alert).toMatchObject({ severity: 'critical', fixer: 'network', subject: { ca: 'first' } })
    expect(down.alert.title).toMatch(/^first: \d+ % of exchanges fail$/)
    const slow = await drill.begins({ rule: 'ca-slow' })
    expect(slow.alert.subject.ca).toBe('second')
    const held = await drill.receivers.held(down.alert.id)
    expect(held.labels).toMatchObject({ alertname: 'ca-down', severity: 'critical', ca: 'first' })

    for (const ca of [first, second]) ca.clearScript()
    await Promise.all([ask('localhost', 60), ask('127.0.0.1', 600)])
    expect((await drill.ends({ rule: 'ca-down' })).alert.id).toBe(down.alert.id)
    await drill.receivers.endedAtAlertmanager(down.alert.id)
    expect((await drill.ends({ rule: 'ca-slow' })).alert.id).toBe(slow.alert.id)
  }, 150_000)

  test('sink-down and channel-down: what is kept is taken in order when they are back', async () => {
    const before = drill.began().length
    await drill.clock.advance(8 * MINUTE)
    // The clock that jumped is told; a sink and a channel that were down for less than ten minutes are not.
    const skew = await drill.begins({ rule: 'clock-skew' })
    expect(skew.alert.title).toBe("This machine's clock is 8 minutes ahead")
    expect(drill.began()).toHaveLength(before + 1)
    await drill.clock.advance(3 * MINUTE)
    const sink = await drill.begins({ rule: 'sink-down' })
    expect(sink.alert.title).toMatch(/^Sink siem takes nothing, [1-9]\d* facts wait$/)
    const channel = await drill.begins({ rule: 'channel-down' })
    expect(channel.alert).toMatchObject({ severity: 'critical' })
    expect(channel.alert.title).toMatch(/^Channel dead takes nothing, [1-9]\d* notifications wait$/)

    const lines: string[] = []
    const syslog = createServer((socket) => socket.on('data', (data) => lines.push(String(data))))
    const taken: Notification[] = []
    const hooks = createHttpServer((request, response) => {
      let body = ''
      request.on('data', (part) => {
        body += part
      })
      request.on('end', () => {
        taken.push((JSON.parse(body) as { data: Notification }).data)
        response.end()
      })
    })
    servers.push(syslog.listen(ports.syslog, '127.0.0.1'), hooks.listen(ports.dead, '127.0.0.1'))
    expect((await drill.ends({ rule: 'sink-down' }, 60)).alert.id).toBe(sink.alert.id)
    expect(lines.join('')).toContain('newNonce')
    await drill.clock.advance(6 * MINUTE)
    expect((await drill.ends({ rule: 'channel-down' }, 60)).alert.id).toBe(channel.alert.id)
    const told = await until(
      () => (taken.some(({ rule }) => rule === 'sink-down') ? taken : undefined),
      () => 'what waited for the dead channel',
    )
    for (const key of new Set(told.map((one) => one.key))) {
      const numbers = told.filter((one) => one.key === key).map(({ number }) => number)
      expect(numbers).toEqual([...numbers].sort((one, other) => one - other))
    }
    expect(told.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['ca-down', 'ca-slow', 'clock-skew']))
  }, 150_000)

  test('clock-skew is over when the clock is set right, though it is set back', async () => {
    await drill.clock.set(0)
    const { alert } = await drill.ends({ rule: 'clock-skew' })
    expect(alert.resolution).toContain('The clocks agree again')
  }, 150_000)

  test('clock-skew by what the CAs say; one of two CAs alone says nothing', async () => {
    const early = new Date(Date.now() - 3 * 3600 * SECOND).toUTCString()
    first.script({}, { kind: 'field', name: 'Date', value: early })
    for (let second = 0; second < 12; second += 1) {
      await Promise.all([ask('localhost', 1), ask('127.0.0.1', 1)])
      await sleep(1050)
    }
    expect(drill.receivers.all({ rule: 'clock-skew' })).toHaveLength(1)
  }, 150_000)
})
