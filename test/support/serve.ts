import { readdir, readFile, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { cleanEnvironment, type Daemon, runProgram, startDaemon } from '../../src/cli/demo/child.ts'
import { freePorts } from '../../src/cli/demo/free-ports.ts'
import { compileCache } from './environment.ts'

const MAIN = path.resolve(import.meta.dirname, '..', '..', 'src', 'main.ts')

export interface ServedCa {
  readonly directory: string
  /** PEM file. */
  readonly trust: string
  /** What clients call acmetap by for this CA: a name or address, without port. */
  readonly host: string
}

/** acmetap as a process of its own, over a configuration file in a folder of its own. */
export interface Served {
  readonly port: number
  readonly config: string
  /** The directory URL for a CA of the configuration. */
  directory(ca: string): string
  readonly adminPort: number
  /** PEM file of the listener root. */
  trust(): Promise<string>
  log(): string
  /** Ends it with `signal`, waits, and starts it again on the same ports and folder. */
  restart(signal: NodeJS.Signals): Promise<void>
  /** `acmetap ARGS --config FILE`; rejects when it does not end with 0. */
  command(...args: string[]): Promise<string>
  stop(): Promise<void>
}

export interface ServeOptions {
  /** Another main.js than the source's own main.ts. */
  readonly main?: string
  /** A program that becomes acmetap, and its arguments: `['strace', '-D', '-f']`. Signals go to its pid. */
  readonly under?: readonly string[]
}

export async function serve(
  folder: string,
  cas: Readonly<Record<string, ServedCa>>,
  { main = MAIN, under = [] }: ServeOptions = {},
): Promise<Served> {
  const [port, admin] = (await freePorts(2)) as [number, number]
  const config = path.join(folder, 'acmetap.yaml')
  const entries = Object.entries(cas)
  await writeFile(
    config,
    stringify({
      version: 1,
      data: './data',
      cas: Object.fromEntries(
        entries.map(([name, { directory, trust }]) => [name, { directory, trust, preset: 'pebble' }]),
      ),
      listeners: {
        acme: { port, names: [...new Set(entries.map(([, ca]) => ca.host))] },
        admin: { port: admin },
      },
      relay: entries.map(([ca, { host }]) => ({ host: `${host}:${port}`, ca })),
    }),
  )
  const options = { environment: cleanEnvironment(folder, compileCache()), folder }
  const logs: string[] = []
  let daemon: Daemon

  const begin = async (): Promise<void> => {
    const [program = process.execPath, ...args] = [
      ...under,
      process.execPath,
      main,
      'serve',
      '--config',
      config,
    ]
    daemon = startDaemon(program, args, options)
    let ended = false
    void daemon.ended.finally(() => {
      ended = true
    })
    for (let attempt = 0; attempt < 1200 && !ended; attempt += 1) {
      if (await isReady(admin)) return
      await sleep(50)
    }
    throw new Error(`acmetap did not start:\n${daemon.log()}`)
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    process.kill(daemon.pid, signal)
    await daemon.ended
    logs.push(daemon.log())
  }
  await begin()
  return {
    port,
    adminPort: admin,
    config,
    directory(ca) {
      const host = cas[ca]?.host ?? 'nobody'
      return `https://${host}:${port}${new URL(cas[ca]?.directory ?? 'https://nobody').pathname}`
    },
    trust: () => findFile(path.join(folder, 'data'), 'listener-root.pem'),
    log: () => [...logs, daemon.log()].join(''),
    async restart(signal) {
      await end(signal)
      await begin()
    },
    async command(...args) {
      const done = await runProgram(process.execPath, [main, ...args, '--config', config], options)
      if (done.code !== 0) throw new Error(`acmetap ${args.join(' ')}: ${done.code}\n${done.output}`)
      return done.output
    },
    stop: () => daemon.stop(),
  }
}

async function findFile(folder: string, name: string): Promise<string> {
  const found = (await readdir(folder, { recursive: true })).find((file) => path.basename(file) === name)
  if (found === undefined) throw new Error(`no ${name} in ${folder}`)
  await readFile(path.join(folder, found))
  return path.join(folder, found)
}

function isReady(adminPort: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(`http://127.0.0.1:${adminPort}/readyz`, { agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('error', () => resolve(false))
  })
}
