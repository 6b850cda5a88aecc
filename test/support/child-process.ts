import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../src/cli/demo/free-ports.ts'
import { compileCache } from './environment.ts'

/** A process a test has started; it is ended by its own pid and nothing else. */
export interface StartedProcess {
  readonly pid: number
  readonly child: ChildProcess
  /** The last 64 KiB of what it wrote on both outputs. */
  output(): string
  readonly ended: Promise<number | NodeJS.Signals>
  /** Sends the signal (SIGTERM by default), after 30 s SIGKILL, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

const OUTPUT_LIMIT = 65_536

/** Whatever still runs when this process exits is ended with it. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a program with an environment that holds nothing but PATH, HOME, the compile cache and what `env` adds. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>>; ipc?: boolean } = {},
): StartedProcess {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: {
      PATH: process.env.PATH,
      HOME: options.cwd ?? '/',
      LANG: 'C.UTF-8',
      ...compileCache(),
      ...options.env,
    },
    stdio: options.ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data: Buffer) => {
      output = `${output}${data}`.slice(-OUTPUT_LIMIT)
    })
  }
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      running.delete(child)
      resolve(code ?? signal ?? 0)
    })
  })
  ended.catch(() => undefined)
  return {
    pid: child.pid ?? 0,
    child,
    output: () => output,
    ended,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      const late = setTimeout(() => child.kill('SIGKILL'), 30_000)
      await ended.catch(() => undefined)
      clearTimeout(late)
    },
  }
}

/** The first line of JSON the process prints. Rejects where it ends before. */
export async function firstJsonLine<T>(started: StartedProcess): Promise<T> {
  const ended = started.ended.then((code) => {
    throw new Error(`ended with ${code}: ${started.output()}`)
  })
  for (;;) {
    const line = /^\{.*\}$/m.exec(started.output())?.[0]
    if (line) return JSON.parse(line) as T
    await Promise.race([sleep(10), ended])
  }
}

/** Resolves when something accepts connections there; rejects where the process ends first. */
export async function listening(port: number, started: StartedProcess): Promise<void> {
  const ended = started.ended.then((code) => {
    throw new Error(`ended with ${code}: ${started.output()}`)
  })
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      ended,
    ])
    socket.destroy()
    if (open) return
    await sleep(50)
  }
}

/** One that no outgoing connection takes meanwhile, and no other test is likely to be given. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port!
}

/** Where a program is, on PATH or where Debian puts servers; null where it is not installed. */
export function findProgram(name: string): string | null {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // not there
    }
  }
  return null
}
