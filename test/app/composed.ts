/** The whole server in this process, over a configuration file in a folder of its own. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { type Overrides, type RunningServer, start } from '../../src/app.ts'
import type { ExchangeFilter, RecordedExchange } from '../../src/audit/record-store.ts'
import { loadConfig } from '../../src/config/load.ts'
import { httpsTransport, TestAcmeClient, type Transport } from '../support/acme-client.ts'
import { askAdmin } from '../support/acmetap-process.ts'
import { freePort } from '../support/child-process.ts'
import type { AccountKeyPair } from '../support/sign-jws.ts'

export interface LogLine {
  readonly level: string
  readonly event: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** A CA as the configuration has it, but with the text of its roots instead of a file. */
export interface ConfiguredCa {
  readonly directory: string | readonly string[]
  readonly trust?: string
  readonly timeout?: string
  /** Clients' name for it, without the port; several make several relays. */
  readonly hosts?: readonly string[]
}

export interface Composed {
  readonly folder: string
  readonly data: string
  readonly file: string
  readonly port: number
  readonly log: readonly LogLine[]
  running: RunningServer
  /** PEM of the listener's root. */
  root(): Promise<string>
  admin(path: string): Promise<{ readonly status: number; readonly body: string }>
  /** Writes the configuration again: CAs, and what replaces whole sections of it. */
  configure(cas: Readonly<Record<string, ConfiguredCa>>, sections?: Record<string, unknown>): Promise<void>
  /** Writes the configuration again with more in it: keys of `listeners`, and whole other sections. */
  addSections(sections: Record<string, unknown> & { listeners?: Record<string, unknown> }): Promise<void>
  transport(): Promise<Transport>
  client(key?: AccountKeyPair): Promise<TestAcmeClient>
  /** Oldest first, without acmetap's own requests. */
  exchanges(filter?: ExchangeFilter): Promise<RecordedExchange[]>
  /** Until acmetap has asked every directory and has an answer or a failure. */
  settled(): Promise<void>
  restart(overrides?: Overrides): Promise<void>
  close(): Promise<void>
}

/** What a test opened, ended in the opposite order. */
export class Opened {
  readonly #closing: (() => Promise<unknown>)[] = []

  add<T extends { close(): unknown }>(opened: T): T {
    this.#closing.push(async () => opened.close())
    return opened
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close()
  }
}

export async function compose(
  cas: Readonly<Record<string, ConfiguredCa>>,
  options: { sections?: Record<string, unknown>; overrides?: Overrides } = {},
): Promise<Composed> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-app-'))
  const file = join(folder, 'acmetap.yaml')
  const port = await freePort()
  const adminPort = await freePort()
  const log: LogLine[] = []
  const transports = new Opened()
  const overridesWith = (overrides: Overrides = {}): Overrides => ({
    log: (level, event, facts = {}) => log.push({ level, event, facts }),
    ...overrides,
  })
  let closed = false
  const world: Composed = {
    folder,
    data: join(folder, 'data'),
    file,
    port,
    log,
    running: undefined as unknown as RunningServer,
    root: () => readFile(join(folder, 'data', 'listener-root.pem'), 'utf8'),
    async admin(path) {
      const answer = await askAdmin(`http://127.0.0.1:${adminPort}${path}`)
      if (answer === null) throw new Error(`the admin listener does not answer ${path}`)
      return answer
    },
    async configure(described, sections = {}) {
      const entries = Object.entries(described)
      const configured: Record<string, unknown> = {}
      for (const [name, { directory, trust, timeout }] of entries) {
        if (trust !== undefined) await writeFile(join(folder, `${name}.pem`), trust)
        configured[name] = {
          directory,
          ...(trust === undefined ? {} : { trust: `./${name}.pem` }),
          ...(timeout === undefined ? {} : { timeout }),
        }
      }
      const whole = {
        version: 1,
        data: './data',
        cas: configured,
        listeners: {
          acme: { port, names: ['localhost', '127.0.0.1'] },
          admin: { port: adminPort },
        },
        relay: entries.flatMap(([ca, { hosts = ['localhost'] }]) =>
          hosts.map((host) => ({ host: `${host}:${port}`, ca })),
        ),
        ...sections,
      }
      await writeFile(file, stringify(whole))
    },
    async addSections({ listeners = {}, ...sections }) {
      const whole = parse(await readFile(file, 'utf8')) as { listeners: Record<string, unknown> }
      const merged = { ...whole, ...sections, listeners: { ...whole.listeners, ...listeners } }
      await writeFile(file, stringify(merged))
    },
    async transport() {
      return transports.add(httpsTransport(await world.root()))
    },
    async client(key) {
      return new TestAcmeClient(await world.transport(), key)
    },
    async exchanges(filter = {}) {
      const found = await world.running.operations.exchanges({ ...filter, after: 0 }, 1000)
      return found.filter(({ intent }) => filter.mode !== undefined || intent.mode !== 'engine')
    },
    async settled() {
      await until(async () => {
        const states = (await world.running.operations.cas()).flatMap(({ directories, relays }) => [
          ...directories,
          ...relays,
        ])
        return states.every(({ state }) => state !== 'unknown')
      })
    },
    async restart(overrides) {
      await world.running.close()
      world.running = await start(loadConfig(file), overridesWith(overrides))
    },
    async close() {
      if (closed) return
      closed = true
      await transports.close()
      await world.running?.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  try {
    await world.configure(cas, options.sections)
    world.running = await start(loadConfig(file), overridesWith(options.overrides))
  } catch (error) {
    await world.close()
    throw error
  }
  return world
}

/** Rejects when it does not come true: a wait, not an assertion on time. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 2000; attempt += 1) {
    if (await holds()) return
    await sleep(10)
  }
  throw new Error('it never came true')
}

/** Every byte of every file under a folder: sockets and folders left out. */
export async function everyByte(folder: string): Promise<Map<string, Buffer>> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  const bytes = new Map<string, Buffer>()
  for (const file of files) {
    const path = join(file.parentPath, file.name)
    if (file.isFile()) bytes.set(path, await readFile(path))
  }
  return bytes
}
