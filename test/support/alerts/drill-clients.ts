/** acmetap as a process of its own between real clients and two CAs, Pebble and the scriptable one, for a drill. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { controlSocketPath } from '../../../src/api/control-socket.ts'
import type { Operations } from '../../../src/api/operations.ts'
import type { RecordedExchange } from '../../../src/audit/record-store.ts'
import { connectControl } from '../../../src/cli/control-client.ts'
import { type Pebble, startPebble } from '../../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../../src/cli/demo/web-server.ts'
import { httpsTransport, TestAcmeClient, type Transport } from '../acme-client.ts'
import { type Acmetap, startAcmetap } from '../acmetap-process.ts'
import { freePort } from '../child-process.ts'
import type { Surroundings } from '../peers/client.ts'
import { startTestCa, type TestCa } from '../test-ca/test-ca.ts'
import { DRILL_URL, type DrillReceivers } from './drill-world.ts'

/** `test` is the scriptable CA. */
type DrillCa = 'test' | 'pebble'

interface DrillOptions {
  readonly receivers: DrillReceivers
  /** More of `alerts` in the configuration; channels and url are there. */
  readonly alerts?: Readonly<Record<string, unknown>>
  /** Further members of Pebble's configuration file; null: no Pebble. */
  readonly pebble?: Readonly<Record<string, unknown>> | null
  readonly logLevel?: 'debug' | 'warn'
}

export interface Drill {
  readonly folder: string
  readonly ca: TestCa
  readonly acmetap: Acmetap
  readonly operations: Operations
  /** Undefined where the drill has none. */
  readonly pebble: Pebble | undefined
  /** A served folder where the CAs look for http-01 answers; and one that nobody serves. */
  readonly webroot: string
  readonly unserved: string
  /** A new folder for a client, and how it reaches the CA. */
  around(name: string, ca: DrillCa, webroot?: string): Promise<Surroundings>
  /** A client of our own with a new account. */
  client(ca: DrillCa): Promise<TestAcmeClient>
  /** The exchange of that id; rejects where the record has none. */
  exchange(id: string | null): Promise<RecordedExchange>
  close(): Promise<void>
}

export async function startDrill(options: DrillOptions): Promise<Drill> {
  const { receivers, alerts = {}, pebble = {}, logLevel = 'debug' } = options
  const folder = await mkdtemp(path.join(tmpdir(), 'alert-drill-'))
  const file = (name: string) => path.join(folder, name)
  const ca = await startTestCa()
  const real =
    pebble === null
      ? undefined
      : await startPebble({ folder: file('pebble'), nonceReject: 0, configuration: pebble })
  const [webroot, unserved] = [file('web'), file('unserved')] as const
  for (const root of [webroot, unserved])
    await mkdir(path.join(root, '.well-known', 'acme-challenge'), { recursive: true })
  const web: Server | undefined = real && (await serveFolder(webroot, real.httpPort))
  const ports = { acme: await freePort(), admin: await freePort() }
  const acmetap = await startAcmetap({
    folder,
    directory: ca.directory,
    trust: ca.trust,
    ports,
    sections: {
      log: { level: logLevel },
      cas: {
        test: { directory: ca.directory, trust: file('ca-root.pem') },
        ...(real && { pebble: { directory: real.directory, trust: real.trust } }),
      },
      listeners: { acme: { address: '127.0.0.1', port: ports.acme, names: ['localhost', '127.0.0.1'] } },
      relay: [
        { host: `localhost:${ports.acme}`, ca: 'test' },
        ...(real ? [{ host: `127.0.0.1:${ports.acme}`, ca: 'pebble' }] : []),
      ],
      alerts: { channels: receivers.channels, url: DRILL_URL, ...alerts },
      watch: { renewal_info: false },
    },
  })
  const operations = await connectControl(controlSocketPath(acmetap.dataFolder))
  if (operations === null) throw new Error('acmetap does not answer on its control socket')
  const directoryOf = (which: DrillCa) =>
    which === 'test' ? acmetap.directory : `https://127.0.0.1:${ports.acme}/dir`
  const transports: Transport[] = []
  return {
    folder,
    ca,
    acmetap,
    operations,
    pebble: real,
    webroot,
    unserved,
    async around(name, which, root = webroot) {
      await mkdir(file(name))
      return {
        folder: file(name),
        directory: directoryOf(which),
        trust: path.join(acmetap.dataFolder, 'listener-root.pem'),
        webroot: root,
        dnsManagement: real?.dnsManagement ?? '',
        dnsServer: real?.dnsServer ?? '',
      }
    },
    async client(which) {
      const transport = httpsTransport(acmetap.trust)
      transports.push(transport)
      const client = new TestAcmeClient(transport)
      await client.discover(directoryOf(which))
      await client.newAccount()
      return client
    },
    async exchange(id) {
      const found = id === null ? null : await operations.exchange(id)
      if (found === null) throw new Error(`the record has no exchange ${id}`)
      return found
    },
    async close() {
      for (const transport of transports) transport.close()
      await acmetap.stop()
      web?.close()
      await real?.stop()
      await ca.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
