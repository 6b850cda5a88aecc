/**
 * acmetap asks for renewal information (RFC 9773) by itself, in the real program: the record shows it, the window leads
 * the alert, and one that the CA moves into the past is told at once. Time passes by libfaketime, for acmetap alone.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InventoriedCertificate } from '../../src/audit/inventory/certificate.ts'
import { httpsTransport, TestAcmeClient, type Transport } from '../support/acme-client.ts'
import { type ClockDrill, startClockDrill } from '../support/alerts/clock-drill.ts'
import { until } from '../support/alerts/drill-world.ts'
import { reasonWithoutFakedClock } from '../support/alerts/faked-clock.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'

const reason = await reasonWithoutFakedClock()

const SECOND = 1000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR
/** A little more than what rules over certificates wait between two looks. */
const ELEVEN_MINUTES = 660 * SECOND
const EXPLANATION = 'https://ca.example/incidents/17'

let ca: TestCa
let drill: ClockDrill
let transport: Transport
let client: TestAcmeClient

beforeAll(async () => {
  if (reason !== null) return
  const root = makeRoot('Root of a CA')
  const names = ['localhost', '127.0.0.1']
  const notAfter = new Date(Date.now() + 300 * DAY)
  const certificate = makeServerCertificate({ names, issuer: root, notAfter })
  ca = await startTestCa({ root, certificate, nonces: 'ignore' })
  drill = await startClockDrill({
    directory: ca.directory,
    trust: root.pem,
    receivers: 'webhook',
    sections: () => ({ alerts: { rules: { 'clock-skew': { enabled: false } } } }),
  })
  transport = httpsTransport(drill.acmetap.trust)
  client = new TestAcmeClient(transport)
  await client.discover(drill.acmetap.directory)
  await client.newAccount()
}, 120_000)

afterAll(async () => {
  transport?.close()
  await drill?.close()
  await ca?.close()
})

/** The newest certificate for the name, once the inventory says so of it. */
async function kept(
  name: string,
  is: (certificate: InventoriedCertificate) => boolean = () => true,
): Promise<InventoriedCertificate> {
  const { inventory } = await drill.operations()
  return until(
    async () => {
      const { items } = await inventory.certificates({
        name: { kind: 'exact', value: name },
        state: 'valid',
        limit: 10,
      })
      return items.find(is)
    },
    () => `a certificate for ${name}`,
    120,
  )
}

/** What the CA answers about the certificate from now on. */
function answers({ ariId }: InventoriedCertificate, start: number, end: number, explanation?: string): void {
  const suggestedWindow = { start: new Date(start).toISOString(), end: new Date(end).toISOString() }
  ca.script(
    { operation: 'renewalInfo', path: `/renewal-info/${ariId}` },
    {
      kind: 'answer',
      status: 200,
      fields: [
        ['Content-Type', 'application/json'],
        ['Retry-After', '21600'],
      ],
      body: JSON.stringify({ suggestedWindow, ...(explanation && { explanationURL: explanation }) }),
    },
  )
}

describe.skipIf(reason !== null)('renewal information', () => {
  test('asked for by acmetap, in the record, and what it says is told', async () => {
    const began = Date.now()
    for (const name of ['window.test', 'incident.test', 'life.test']) await client.issue([name])
    const [window, incident] = [await kept('window.test'), await kept('incident.test')]
    await drill.clock.set(10 * DAY)
    for (const { ariId } of [window, incident]) {
      const { status } = await transport.send('GET', `${client.directory?.renewalInfo}/${ariId}`)
      expect(status).toBe(200)
    }
    for (const name of ['window.test', 'incident.test']) await kept(name, (one) => one.renewalWindow !== null)
    const byClient = drill.clock.now()

    // Their client asks no more: six hours later acmetap does.
    const windowEnd = began + 52 * DAY
    answers(window, windowEnd - 2 * DAY, windowEnd)
    answers(incident, began + 8 * DAY, began + 9 * DAY, EXPLANATION)
    // What is overdue when the list is read is spread over an hour: the program must have started by then.
    await drill.restart(6 * HOUR - 60 * SECOND)
    for (const name of ['window.test', 'incident.test']) {
      const { renewalWindow } = await kept(
        name,
        (one) => Date.parse(one.renewalWindow?.askedAt ?? '') > byClient + HOUR,
      )
      expect(renewalWindow?.explanation).toBe(name === 'window.test' ? null : EXPLANATION)
    }
    const { inventory } = await drill.operations()
    const { items } = await inventory.exchanges({ mode: 'engine', operation: 'renewalInfo', limit: 10 })
    const targets = items.map(({ intent }) => intent.request.target)
    for (const { ariId } of [window, incident]) expect(targets).toContain(`/renewal-info/${ariId}`)

    // Moved into the past.
    await drill.clock.advance(ELEVEN_MINUTES)
    const now = await drill.begins({ rule: 'renewal-overdue', name: 'incident.test' })
    expect(now.alert).toMatchObject({
      severity: 'critical',
      title: 'incident.test: the CA wants it renewed now',
    })
    expect(now.alert.cause).toContain(EXPLANATION)
    expect(drill.receivers.all({ rule: 'renewal-overdue' })).toHaveLength(1)
    await client.issue(['incident.test'])
    await drill.clock.advance(ELEVEN_MINUTES)
    expect((await drill.ends({ rule: 'renewal-overdue' })).alert.id).toBe(now.alert.id)

    // A client that was never seen renewing has a week after the window's end.
    await drill.clock.set(58.5 * DAY)
    await sleep(3 * SECOND)
    expect(drill.receivers.all({ rule: 'renewal-overdue', name: 'window.test' })).toEqual([])
    await drill.clock.set(59.5 * DAY)
    const late = await drill.begins({ rule: 'renewal-overdue', name: 'window.test' })
    expect(late.alert).toMatchObject({ severity: 'warning' })
    expect(late.alert.cause).toContain('The window that the CA suggests for the renewal ended')
    expect(late.alert.subject.details.due).toBe(new Date(windowEnd).toISOString())
    expect(drill.receivers.all({ rule: 'renewal-overdue', name: 'life.test' })).toEqual([])
    await client.issue(['window.test'])
    await drill.clock.advance(ELEVEN_MINUTES)
    expect((await drill.ends({ rule: 'renewal-overdue', name: 'window.test' })).alert.id).toBe(late.alert.id)
  }, 600_000)
})
