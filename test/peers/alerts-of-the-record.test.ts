/**
 * The rules over the record itself, in the real program: another process holds its database, or that of the inventory,
 * or those of the record and the alerts at once, where only the last word is left.
 */
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { STORE_FAULTS } from '../soak/store-fault.ts'
import { httpsTransport, type Transport } from '../support/acme-client.ts'
import { askAdmin } from '../support/acmetap-process.ts'
import { type ClockDrill, startClockDrill } from '../support/alerts/clock-drill.ts'
import { until } from '../support/alerts/drill-world.ts'
import { reasonWithoutFakedClock } from '../support/alerts/faked-clock.ts'
import { type StartedProcess, startProcess } from '../support/child-process.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'

const reason = await reasonWithoutFakedClock()

const SECOND = 1000
const MINUTE = 60 * SECOND
/** Vitals are measured, and rules over them asked, every five seconds. */
const TWO_LOOKS = 11 * SECOND
const LOCK = path.join(import.meta.dirname, '../soak/lock-database-process.ts')

let ca: TestCa
let drill: ClockDrill
let transport: Transport

beforeAll(async () => {
  if (reason !== null) return
  ca = await startTestCa({ nonces: 'ignore' })
  drill = await startClockDrill({
    directory: ca.directory,
    trust: ca.trust,
    receivers: 'webhook',
    sections: () => ({ alerts: { rules: { 'clock-skew': { enabled: false } } } }),
  })
  transport = httpsTransport(drill.acmetap.trust, { sockets: 32 })
}, 120_000)

afterAll(async () => {
  transport?.close()
  await drill?.close()
  await ca?.close()
})

/** Statuses of so many requests at once. */
function ask(times: number, at = drill): Promise<number[]> {
  const url = `https://${at.acmetap.authority}/new-nonce`
  return Promise.all(
    Array.from({ length: times }, () =>
      transport.send('HEAD', url).then(
        ({ status }) => status,
        () => 0,
      ),
    ),
  )
}

/** Another process writes to a database of the data folder and does not commit, until it is stopped. */
async function hold(name: string): Promise<StartedProcess> {
  const holder = startProcess(process.execPath, [LOCK, path.join(drill.acmetap.dataFolder, name)])
  await until(
    () => (holder.output().includes('locked') ? true : undefined),
    () => holder.output(),
  )
  return holder
}

async function untilWritable(): Promise<void> {
  await until(
    async () => ((await askAdmin(`${drill.acmetap.adminUrl}/readyz`))?.status === 200 ? true : undefined),
    () => 'a record that can be written',
  )
}

describe.skipIf(reason !== null)('the record', () => {
  test('record-unwritable, and record-lagging by what waits beside it', async () => {
    // Held so shortly that requests wait it out.
    const shortly = await hold('acmetap.sqlite')
    const waiting = ask(3)
    await sleep(300)
    await shortly.stop('SIGKILL')
    expect(await waiting).toEqual([200, 200, 200])
    await sleep(TWO_LOOKS)
    expect(drill.began()).toEqual([])

    const slow = ca.script({ operation: 'newNonce', times: 1 }, { kind: 'slow', ms: 3000 })
    const answered = ask(1)
    await until(
      () => (slow.applied > 0 ? true : undefined),
      () => 'a request at the CA',
    )
    const holder = await hold('acmetap.sqlite')
    expect(await ask(2)).toEqual([503, 503])
    expect(await answered).toEqual([200])
    const unwritable = await drill.begins({ rule: 'record-unwritable' })
    expect(unwritable.alert).toMatchObject({ severity: 'critical', fixer: 'acmetap' })
    expect(drill.receivers.all({ rule: 'record-lagging' })).toEqual([])
    await drill.clock.advance(6 * MINUTE)
    const lagging = await drill.begins({ rule: 'record-lagging' })
    expect(lagging.alert.title).toMatch(/^\d+ bytes of outcomes wait beside the record$/)

    await holder.stop('SIGKILL')
    await untilWritable()
    expect((await drill.ends({ rule: 'record-unwritable' })).alert.id).toBe(unwritable.alert.id)
    expect((await drill.ends({ rule: 'record-lagging' })).alert.id).toBe(lagging.alert.id)
  }, 180_000)

  test('record-lagging by the inventory: not for some hundred facts, but for a thousand', async () => {
    const before = drill.receivers.told().length
    const late = async (exchanges: number) => {
      const holder = await hold('inventory.sqlite')
      await ask(exchanges)
      await sleep(TWO_LOOKS)
      await drill.clock.advance(6 * MINUTE)
      return holder
    }
    const shortly = await late(200)
    await sleep(TWO_LOOKS)
    expect(drill.receivers.all({ rule: 'record-lagging', after: before })).toEqual([])
    await shortly.stop('SIGKILL')
    const { inventory } = await drill.operations()
    await until(
      async () => {
        const { recorded, projected } = await inventory.progress()
        return recorded === projected ? true : undefined
      },
      () => 'the inventory to catch up',
      90,
    )
    const holder = await late(600)
    const { alert } = await drill.begins({ rule: 'record-lagging', after: before })
    expect(alert.title).toMatch(/^The inventory is \d{4,} facts behind the record$/)
    await holder.stop('SIGKILL')
    expect((await drill.ends({ rule: 'record-lagging', after: before }, 120)).alert.id).toBe(alert.id)
  }, 180_000)

  test('the last word: neither the record nor the alerts can be written', async () => {
    const before = drill.receivers.told().length
    const holders = [await hold('alerts.sqlite'), await hold('acmetap.sqlite')]
    expect(await ask(1)).toEqual([503])
    const told = await until(
      () => drill.receivers.told().slice(before)[0],
      () => 'the last word',
      40,
    )
    expect(told.notification).toMatchObject({ rule: 'record-unwritable', severity: 'critical', alerts: [] })
    expect(told.title).toContain('and neither can the alerts')
    await sleep(TWO_LOOKS)
    expect(drill.receivers.told()).toHaveLength(before + 1)
    for (const holder of holders) await holder.stop('SIGKILL')
    await untilWritable()
    expect(await ask(1)).toEqual([200])
  }, 180_000)

  test('a full disk is told, whichever way is left', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('mounting a small disk takes root')
    const fault = await STORE_FAULTS['disk-full'](drill.folder)
    const full = await startClockDrill({
      directory: ca.directory,
      trust: ca.trust,
      receivers: 'webhook',
      ...(fault.dataFolder === null ? {} : { dataFolder: fault.dataFolder }),
    })
    const own = httpsTransport(full.acmetap.trust)
    try {
      await fault.begin(full.acmetap)
      const url = `https://${full.acmetap.authority}/new-nonce`
      // What fits into old pages of the log is still taken.
      await until(
        async () => ((await own.send('HEAD', url)).status === 503 ? true : undefined),
        () => 'a refusal',
        60,
      )
      const told = await until(
        () => full.receivers.told().find(({ notification }) => notification.rule === 'record-unwritable'),
        () => 'word of it',
        60,
      )
      expect(told.title).toContain('The record cannot be written')
      await fault.end()
      await until(
        async () => ((await own.send('HEAD', url)).status === 200 ? true : undefined),
        () => 'an answer of the CA',
      )
    } finally {
      own.close()
      await full.close()
      await fault.cleanUp()
    }
  }, 180_000)
})
