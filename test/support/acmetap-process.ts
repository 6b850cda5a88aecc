import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { freePort, type StartedProcess, startProcess } from './child-process.ts'

const PROJECT = resolve(import.meta.dirname, '..', '..')

export interface AcmetapOptions {
  /** Where its configuration and, unless `dataFolder` says otherwise, its data are. */
  readonly folder: string
  readonly dataFolder?: string
  /** Directory URL of the CA it relays to. */
  readonly directory: string
  /** PEM of the root behind that CA's TLS certificate. */
  readonly trust: string
  /** Fixed ports, so that it can be started again where it was. */
  readonly ports?: { readonly acme: number; readonly admin: number }
  /** Added to the configuration: whole sections, but `listeners` and the CA `test` key by key. */
  readonly sections?: Readonly<Record<string, unknown>> & {
    readonly listeners?: Readonly<Record<string, unknown>>
    readonly ca?: Readonly<Record<string, unknown>>
  }
  /** PEM of the root of the certificate that `sections` gives the listener; without it that is the listener root. */
  readonly listenerTrust?: string
  /** What starts it; default: Node with `serve`. `--config FILE` is added. */
  readonly command?: readonly string[]
  /** Added to its environment. */
  readonly environment?: Readonly<Record<string, string>>
}

export interface Acmetap {
  readonly process: StartedProcess
  readonly pid: number
  /** What clients put in Host: `localhost:<port>`. */
  readonly authority: string
  /** The CA's directory as clients reach it through the relay. */
  readonly directory: string
  /** PEM of the listener root. */
  readonly trust: string
  readonly adminUrl: string
  readonly dataFolder: string
  readonly ports: { readonly acme: number; readonly admin: number }
  /** From the start of the process to its being ready. */
  readonly startMs: number
  stop(): Promise<void>
  /** SIGKILL, and the end awaited. */
  kill(): Promise<void>
}

/** The program: built where there is a build (or as ACMETAP_MAIN says), else the source. Null where neither exists. */
export function acmetapMain(): string | null {
  const places = [process.env.ACMETAP_MAIN, join(PROJECT, 'dist', 'main.js'), join(PROJECT, 'src', 'main.ts')]
  return places.find((place) => place !== undefined && existsSync(place)) ?? null
}

/** Starts acmetap as a process of its own and waits until `/readyz` says 200. Rejects with its output where it ends first. */
export async function startAcmetap(options: AcmetapOptions): Promise<Acmetap> {
  const main = acmetapMain()
  if (!options.command && main === null)
    throw new Error('acmetap is not built: neither dist/main.js nor src/main.ts')
  const ports = options.ports ?? { acme: await freePort(), admin: await freePort() }
  const authority = `localhost:${ports.acme}`
  const dataFolder = options.dataFolder ?? join(options.folder, 'data')
  const config = join(options.folder, 'acmetap.yaml')
  const trustFile = join(options.folder, 'ca-root.pem')
  const { listeners = {}, ca = {}, ...sections } = options.sections ?? {}
  await writeFile(trustFile, options.trust)
  await writeFile(
    config,
    stringify({
      version: 1,
      data: dataFolder,
      log: { level: 'warn' },
      cas: { test: { directory: options.directory, trust: trustFile, ...ca } },
      listeners: {
        acme: { address: '127.0.0.1', port: ports.acme, names: ['localhost'] },
        admin: { address: '127.0.0.1', port: ports.admin },
        ...listeners,
      },
      relay: [{ host: authority, ca: 'test' }],
      ...sections,
    }),
  )
  const [command = '', ...args] = options.command ?? [process.execPath, main ?? '', 'serve']
  const began = performance.now()
  const started = startProcess(command, [...args, '--config', config], {
    cwd: options.folder,
    env: options.environment ?? {},
  })
  const adminUrl = `http://127.0.0.1:${ports.admin}`
  await ready(adminUrl, started)
  const startMs = performance.now() - began
  return {
    process: started,
    pid: started.pid,
    authority,
    directory: `https://${authority}${new URL(options.directory).pathname}`,
    trust: options.listenerTrust ?? (await readFile(join(dataFolder, 'listener-root.pem'), 'utf8')),
    adminUrl,
    dataFolder,
    ports,
    startMs,
    stop: () => started.stop(),
    kill: () => started.stop('SIGKILL'),
  }
}

/** The answer of the admin listener; null where there is none. */
export function askAdmin(url: string): Promise<{ readonly status: number; readonly body: string } | null> {
  return new Promise((settle) => {
    const request = get(url, { agent: false, timeout: 20_000 }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        body += part
      })
      response.on('end', () => settle({ status: response.statusCode ?? 0, body }))
      response.on('error', () => settle(null))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => settle(null))
  })
}

async function ready(adminUrl: string, started: StartedProcess): Promise<void> {
  const ended = started.ended.then((code) => {
    throw new Error(`acmetap ended with ${code}:\n${started.output()}`)
  })
  for (let attempt = 0; attempt < 3000; attempt++) {
    const answer = await Promise.race([askAdmin(`${adminUrl}/readyz`), ended])
    if (answer?.status === 200) return
    await Promise.race([sleep(20), ended])
  }
  await started.stop('SIGKILL')
  throw new Error(`acmetap was not ready in a minute:\n${started.output()}`)
}
