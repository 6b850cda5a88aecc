import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { controlSocketPath } from '../../../src/api/control-socket-path.ts'
import type { Operations } from '../../../src/api/operations.ts'
import { connectControl } from '../../../src/cli/control-client.ts'
import { type Pebble, startPebble } from '../../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../../src/cli/demo/web-server.ts'
import { httpsTransport, TestAcmeClient, type Transport } from '../acme-client.ts'
import { type Acmetap, startAcmetap } from '../acmetap-process.ts'
import { TroubledCa } from './troubled-ca.ts'

export interface FleetOptions {
  /** Names of test CAs, in the order in which they are tried. */
  readonly cas: readonly string[]
  /** A Pebble as the last of them. */
  readonly pebble?: boolean
  /** Members of the endpoint that are not as usual. */
  readonly endpoint?: Readonly<Record<string, unknown>>
  readonly sections?: Readonly<Record<string, unknown>>
}

export const PEBBLE = 'pebble'
export const LABELS = ['team-a', 'team-b'] as const

/** acmetap as a process of its own, an endpoint `fleet` over CAs that may be in trouble, and clients of two labels. */
export class BrokerFleet {
  readonly folder: string
  readonly cas: ReadonlyMap<string, TroubledCa>
  readonly pebble: Pebble | null
  readonly webroot: string
  readonly #options: FleetOptions
  readonly #transports: Transport[] = []
  readonly #web: Server | null
  #acmetap: Acmetap | null = null

  private constructor(
    folder: string,
    options: FleetOptions,
    cas: ReadonlyMap<string, TroubledCa>,
    pebble: Pebble | null,
    web: Server | null,
  ) {
    this.folder = folder
    this.webroot = join(folder, 'web')
    this.#options = options
    this.cas = cas
    this.pebble = pebble
    this.#web = web
  }

  /** With its CAs, and no acmetap yet. */
  static async start(options: FleetOptions): Promise<BrokerFleet> {
    const folder = mkdtempSync(join(tmpdir(), 'acmetap-fleet-'))
    const webroot = join(folder, 'web')
    await mkdir(webroot)
    const cas = new Map<string, TroubledCa>()
    for (const name of options.cas) {
      const ca = await TroubledCa.start(name)
      cas.set(name, ca)
      await writeFile(join(folder, `${name}.pem`), ca.trust)
    }
    const pebble = options.pebble ? await startPebble({ folder: join(folder, 'pebble') }) : null
    const web = pebble === null ? null : await serveFolder(webroot, pebble.httpPort)
    return new BrokerFleet(folder, options, cas, pebble, web)
  }

  get acmetap(): Acmetap {
    if (this.#acmetap === null) throw new Error('acmetap is not started')
    return this.#acmetap
  }

  /** Starts the program, over the same data and at the same ports as before. */
  async serve(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const before = this.#acmetap
    const [first] = this.cas.values()
    const listed = [...this.cas.values()].map(({ name, directory }) => [
      name,
      { directory, trust: join(this.folder, `${name}.pem`) },
    ])
    if (this.pebble !== null)
      listed.push([PEBBLE, { directory: this.pebble.directory, trust: this.pebble.trust }])
    const names = listed.map(([name]) => name)
    this.#acmetap = await startAcmetap({
      folder: this.folder,
      directory: first?.directory ?? this.pebble!.directory,
      trust: first?.trust ?? (await readFile(this.pebble!.trust, 'utf8')),
      environment,
      ...(before === null ? {} : { ports: before.ports }),
      sections: {
        cas: Object.fromEntries(listed),
        relay: [],
        broker: [
          {
            name: 'fleet',
            cas: names,
            proof: 'policy',
            eab: 'optional',
            labels: LABELS.map((name) => ({ name, names: ['.example'], from: ['127.0.0.0/8'] })),
            ...this.#options.endpoint,
          },
        ],
        engine: {
          accounts: names.map((ca) => ({ ca, agree_terms: true })),
          solvers: [{ name: 'web', webroot: { folder: this.webroot } }],
        },
        ...this.#options.sections,
      },
    })
  }

  /** With an account under that label. */
  async client(label: string, { sockets = 64 } = {}): Promise<TestAcmeClient> {
    const { trust, authority } = this.acmetap
    const transport = httpsTransport(trust, { sockets })
    this.#transports.push(transport)
    const client = new TestAcmeClient(transport)
    await client.discover(`https://${authority}/fleet/~${label}/directory`)
    await client.newAccount()
    return client
  }

  async operations(): Promise<Operations> {
    const found = await connectControl(controlSocketPath(this.acmetap.dataFolder))
    if (found === null) throw new Error(`acmetap does not run: ${this.acmetap.process.output()}`)
    return found
  }

  /** Certificates of all test CAs by `names key`: the CAs that issued them. */
  issued(): ReadonlyMap<string, readonly string[]> {
    const issued = new Map<string, string[]>()
    for (const ca of this.cas.values())
      for (const text of ca.issued()) issued.set(text, [...(issued.get(text) ?? []), ca.name])
    return issued
  }

  /** Certificates that Pebble has made by its own log. */
  issuedByPebble(): number {
    return this.pebble?.log().match(/Issued certificate serial /g)?.length ?? 0
  }

  async close(): Promise<void> {
    for (const transport of this.#transports) transport.close()
    await this.#acmetap?.stop()
    for (const ca of this.cas.values()) await ca.close()
    this.#web?.close()
    this.#web?.closeAllConnections()
    await this.pebble?.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
