import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import { controlSocketPath } from '../../../src/api/control-socket-path.ts'
import type { Operations } from '../../../src/api/operations.ts'
import { connectControl } from '../../../src/cli/control-client.ts'
import { type Acmetap, type AcmetapOptions, startAcmetap } from '../acmetap-process.ts'
import { freePort } from '../child-process.ts'
import { makeRoot, makeServerCertificate } from '../test-ca/certificates.ts'
import { DRILL_URL, type DrillReceivers, type Found, startReceivers, type Wanted } from './drill-world.ts'
import { FakedClock } from './faked-clock.ts'

export interface ClockDrillOptions {
  readonly directory: string
  /** PEM: of the CA, and what else the program is to trust. */
  readonly trust: string
  readonly receivers?: 'all' | 'webhook'
  /** The listener's certificate comes from its own root, as by default; clients then refuse it once the clock jumps by days. */
  readonly ownRoot?: boolean
  /** ms that its clock is late while it starts: as if it had run for so long. */
  readonly hasRun?: number
  readonly dataFolder?: string
  /** Added to the configuration, `alerts` key by key; told where the program listens and which file holds the trust. */
  readonly sections?: (at: {
    readonly port: number
    readonly trustFile: string
  }) => Readonly<Record<string, unknown>> & { readonly alerts?: Readonly<Record<string, unknown>> }
  /** Channels beside those of the receivers. */
  readonly channels?: readonly unknown[]
}

/** The real program under a clock that jumps, and those whom it tells. */
export interface ClockDrill {
  readonly folder: string
  readonly clock: FakedClock
  readonly receivers: DrillReceivers
  acmetap: Acmetap
  /** Ends it, lets so many ms pass on its clock, and starts it again. */
  restart(pass?: number): Promise<void>
  /** Over the control socket. */
  operations(): Promise<Operations>
  /** Alerts that began, as the webhook was told. */
  began(): readonly string[]
  /** Waits until people are told that it began: with cause, remedy, runbook and how to silence it, by mail too. */
  begins(wanted: Omit<Wanted, 'kind'>, seconds?: number): Promise<Found>
  /** The same for its end. */
  ends(wanted: Omit<Wanted, 'kind'>, seconds?: number): Promise<Found>
  close(): Promise<void>
}

/** Channels that are read here; the others have tests of their own. */
const READ = ['hook', 'mail', 'manager']
const DAY = 86_400_000

export async function startClockDrill(options: ClockDrillOptions): Promise<ClockDrill> {
  const folder = await mkdtemp(path.join(tmpdir(), 'alert-drill-'))
  const receivers = await startReceivers(options.receivers ?? 'all')
  const clock = await FakedClock.create(folder)
  await clock.set(-(options.hasRun ?? 0))
  const { listeners, root } = await listenerFor(folder, options.ownRoot ?? false)
  const { directory, trust, dataFolder } = options
  const { port } = listeners.acme
  const sections = options.sections?.({ port, trustFile: path.join(folder, 'ca-root.pem') }) ?? {}
  const started: AcmetapOptions = {
    folder,
    directory,
    trust,
    ...(dataFolder === undefined ? {} : { dataFolder }),
    ports: { acme: port, admin: await freePort() },
    ...(root === null ? {} : { listenerTrust: root }),
    command: clock.command,
    sections: {
      ...sections,
      listeners,
      alerts: {
        url: DRILL_URL,
        ...sections.alerts,
        channels: [
          ...receivers.channels.filter(({ name }) => READ.includes(String(name))),
          ...(options.channels ?? []),
        ],
      },
    },
  }
  const program: ClockDrill = {
    folder,
    clock,
    receivers,
    acmetap: await startAcmetap(started).catch(async (error: unknown) => {
      await receivers.close()
      throw error
    }),
    async restart(pass = 0) {
      await program.acmetap.stop()
      await clock.advance(pass)
      program.acmetap = await startAcmetap(started)
    },
    async operations() {
      const operations = await connectControl(controlSocketPath(program.acmetap.dataFolder))
      if (operations === null) throw new Error('acmetap does not answer on its control socket')
      return operations
    },
    began() {
      const firing = receivers.told().filter(({ notification }) => notification.kind === 'firing')
      return firing.map(({ notification }) => `${notification.rule}: ${notification.title}`)
    },
    async begins(wanted, seconds = 60) {
      const found = await receivers.find({ ...wanted, kind: 'firing' }, seconds)
      const { alert, told } = found
      expect(told.notification.count === 1 ? told.title : told.text).toContain(alert.title)
      // What others have in common with the first is said once.
      const { cause, remedy } = told.notification.alerts[0] ?? alert
      for (const part of [cause, remedy, `docs/runbooks/${alert.rule}.md`, 'alerts silence'])
        expect(told.text).toContain(part)
      if (receivers.smtp !== null) await receivers.mail(alert.rule, 'firing', cause)
      return found
    },
    async ends(wanted, seconds = 60) {
      const found = await receivers.find({ ...wanted, kind: 'resolved' }, seconds)
      const { resolution, rule } = found.alert
      expect(resolution).toMatch(/\S/)
      if (receivers.smtp !== null) await receivers.mail(rule, 'resolved', resolution ?? '')
      return found
    },
    async close() {
      await program.acmetap.stop()
      await receivers.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  await clock.set(0)
  return program
}

/** Leaves of the listener root live for days by the program's clock: clients that did not jump along would refuse them. */
async function listenerFor(folder: string, ownRoot: boolean) {
  const names = ['localhost', '127.0.0.1']
  const acme = { address: '127.0.0.1', port: await freePort(), names }
  if (ownRoot) return { listeners: { acme }, root: null }
  const root = makeRoot('Root of the listener')
  const notAfter = new Date(Date.now() + 200 * DAY)
  const { pem, keyPem } = makeServerCertificate({ names, issuer: root, notAfter })
  const [chain, key] = [path.join(folder, 'listener.pem'), path.join(folder, 'listener.key')]
  await writeFile(chain, pem)
  await writeFile(key, keyPem, { mode: 0o600 })
  await writeFile(path.join(folder, 'listener-root.pem'), root.pem)
  return { listeners: { acme: { ...acme, certificate: { chain, key } } }, root: root.pem }
}
