/** The wall clock jumps under a server that keeps a certificate, its own listener's, in being. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { controlSocketPath } from '../../src/api/control-socket-path.ts'
import { connectControl } from '../../src/cli/control-client.ts'
import { LOCAL } from '../../src/cli/local-actor.ts'
import { type Acmetap, startAcmetap } from '../support/acmetap-process.ts'
import { FakedClock, reasonWithoutFakedClock } from '../support/alerts/faked-clock.ts'
import { freePort } from '../support/child-process.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'

const missing = await reasonWithoutFakedClock()
const HOUR = 3_600_000
const DAY = 24 * HOUR
const YEAR = 365 * DAY

let folder: string
let ca: TestCa
let clock: FakedClock
let acmetap: Acmetap

beforeEach(async () => {
  if (missing !== null) return
  folder = await mkdtemp(join(tmpdir(), 'engine-clock-'))
  await mkdir(join(folder, 'web'))
  ca = await startTestCa()
  clock = await FakedClock.create(folder)
  const ports = { acme: await freePort(), admin: await freePort() }
  acmetap = await startAcmetap({
    folder,
    directory: ca.directory,
    trust: ca.trust,
    ports,
    command: clock.command,
    sections: {
      listeners: {
        acme: {
          address: '127.0.0.1',
          port: ports.acme,
          names: ['localhost'],
          certificate: { managed: 'listener' },
        },
      },
      engine: {
        accounts: [{ ca: 'test', agree_terms: true }],
        solvers: [{ name: 'web', webroot: { folder: join(folder, 'web') } }],
        certificates: [{ name: 'listener', names: ['localhost'], ca: 'test' }],
      },
    },
  })
}, 120_000)

afterEach(async () => {
  if (missing !== null) return
  await acmetap.stop()
  await ca.close()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

async function operations() {
  const found = await connectControl(controlSocketPath(acmetap.dataFolder))
  if (found === null) throw new Error(`acmetap does not answer: ${acmetap.process.output()}`)
  return found
}

/** Serial number of what a client that trusts this root is shown; null where it does not trust it. */
function shown(root: string): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port: acmetap.ports.acme, servername: 'localhost', ca: root }
    const socket = connect(options, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.on('error', () => resolve(null))
  })
}

test.skipIf(missing !== null)(
  'a clock that jumps orders nothing; the listener serves each certificate once it is there',
  { timeout: 600_000 },
  async () => {
    const atFirst = await Promise.all([shown(acmetap.trust), shown(ca.issuer)])
    // By its own root until the first one is issued: one of the two always verifies.
    expect(atFirst.some((serial) => serial !== null)).toBe(true)
    await expect.poll(() => shown(ca.issuer), { timeout: 200_000, interval: 500 }).not.toBeNull()
    const first = await shown(ca.issuer)
    expect(await shown(acmetap.trust)).toBeNull()
    await expect
      .poll(async () => (await (await operations()).engine.jobs({ limit: 1 }))[0]?.step)
      .toBe('done')
    expect(ca.state.orders.size).toBe(1)

    const jumps = [10 * YEAR, -Date.now(), DAY, -DAY, HOUR, -HOUR]
    for (const jump of jumps) {
      await clock.set(jump)
      const { engine, reload } = await operations()
      // A reload makes it look at once; the second one comes after what the first one began.
      for (let looks = 0; looks < 2; looks++) expect((await reload()).ok).toBe(true)
      expect((await engine.certificates())[0]?.job?.step, `${jump}`).toBe('done')
      expect(ca.state.orders.size, `${jump}`).toBe(1)
      await clock.set(0)
      await reload()
    }
    expect(ca.state.orders.size).toBe(1)
    const { alerts, engine } = await operations()
    const told = await alerts.alerts({ limit: 100 })
    expect(told.items.filter(({ rule }) => rule === 'engine-renewal')).toEqual([])
    expect(await shown(ca.issuer)).toBe(first)

    const wanted = { certificates: ['listener'], force: true }
    const events = []
    for await (const event of engine.renew(wanted, LOCAL, new AbortController().signal)) events.push(event)
    expect(events.at(-1)).toMatchObject({ kind: 'end', results: [{ outcome: 'issued' }] })
    expect(ca.state.orders.size).toBe(2)
    await expect.poll(() => shown(ca.issuer), { timeout: 60_000, interval: 200 }).not.toBe(first)
    expect(await shown(ca.issuer)).not.toBeNull()
  },
)
