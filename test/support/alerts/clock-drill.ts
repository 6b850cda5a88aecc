import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Acmetap, type AcmetapOptions, startAcmetap } from '../acmetap-process.ts'
import { freePort } from '../child-process.ts'
import { makeRoot, makeServerCertificate } from '../test-ca/certificates.ts'
import { DRILL_URL, type DrillReceivers, startReceivers } from './drill-world.ts'
import { FakedClock } from './faked-clock.ts'

export interface ClockDrillOptions {
  readonly directory: string
  /** PEM: of the CA, and what else the program is to trust. */
  readonly trust: string
  readonly receivers?: 'all' | 'webhook'
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
  close(): Promise<void>
}

/** Channels that are read here; the others have tests of their own. */
const READ = ['hook', 'mail', 'manager']
const DAY = 86_400_000

export async function startClockDrill(options: ClockDrillOptions): Promise<ClockDrill> {
  const folder = await mkdtemp(path.join(tmpdir(), 'alert-drill-'))
  const receivers = await startReceivers(options.receivers ?? 'all')
  const clock = await FakedClock.create(folder)
  const { listeners, root } = await listenerFor(folder)
  const { directory, trust, dataFolder } = options
  const { port } = listeners.acme
  const sections = options.sections?.({ port, trustFile: path.join(folder, 'ca-root.pem') }) ?? {}
  const started: AcmetapOptions = {
    folder,
    directory,
    trust,
    ...(dataFolder === undefined ? {} : { dataFolder }),
    ports: { acme: port, admin: await freePort() },
    listenerTrust: root,
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
    async close() {
      await program.acmetap.stop()
      await receivers.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return program
}

/** Leaves of the listener root live for days by the program's clock: clients that did not jump along would refuse them. */
async function listenerFor(folder: string) {
  const root = makeRoot('Root of the listener')
  const { pem, keyPem } = makeServerCertificate({
    names: ['localhost', '127.0.0.1'],
    issuer: root,
    notAfter: new Date(Date.now() + 200 * DAY),
  })
  const [chain, key] = [path.join(folder, 'listener.pem'), path.join(folder, 'listener.key')]
  await writeFile(chain, pem)
  await writeFile(key, keyPem, { mode: 0o600 })
  const acme = {
    address: '127.0.0.1',
    port: await freePort(),
    names: ['localhost', '127.0.0.1'],
    certificate: { chain, key },
  }
  return { listeners: { acme }, root: root.pem }
}
