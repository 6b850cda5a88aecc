import { type ChildProcess, spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import path from 'node:path'

/** A program that the demo needs is not on this machine. The message says what to install. */
export class ProgramMissing extends Error {
  readonly program: string
  constructor(program: string, debianPackage: string) {
    super(
      `${program} is not installed. On Debian or Ubuntu, as root: ` +
        `apt-get update && apt-get install --no-install-recommends ${debianPackage}`,
    )
    this.name = 'ProgramMissing'
    this.program = program
  }
}

/** The program's full path, looked for in PATH and the system's folders; null when it is not there. */
export async function findProgram(program: string): Promise<string | null> {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  for (const folder of folders) {
    const file = path.join(folder, program)
    const there = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (folder !== '' && there) return file
  }
  return null
}

export async function needProgram(program: string, debianPackage: string = program): Promise<string> {
  const file = await findProgram(program)
  if (file === null) throw new ProgramMissing(program, debianPackage)
  return file
}

/** What a started program may see: a search path, a home and nothing that changes whom it trusts. */
export function cleanEnvironment(
  home: string,
  extra: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', HOME: home, LANG: 'C.UTF-8', ...extra }
}

export interface Finished {
  /** Exit status; 128 + signal number is not used: a killed program has -1. */
  readonly code: number
  /** Standard output and error as they came. */
  readonly output: string
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

function start(program: string, args: readonly string[], environment: NodeJS.ProcessEnv, folder: string) {
  const chunks: Buffer[] = []
  const child = spawn(program, args, { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  const output = (): string => Buffer.concat(chunks).toString('utf8')
  const ended = new Promise<Finished>((resolve, reject) => {
    child.once('error', (error) => {
      running.delete(child)
      reject(error)
    })
    child.once('close', (code) => {
      running.delete(child)
      resolve({ code: code ?? -1, output: output() })
    })
  })
  return { child, output, ended }
}

/** Run a program to its end. It is killed after `timeout` ms, or when `signal` aborts. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: {
    environment: NodeJS.ProcessEnv
    folder: string
    timeout?: number
    signal?: AbortSignal | undefined
  },
): Promise<Finished> {
  const { child, ended } = start(program, args, options.environment, options.folder)
  const stop = (): void => void child.kill('SIGKILL')
  const timer = setTimeout(stop, options.timeout ?? 120_000)
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    return await ended
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', stop)
  }
}

export interface Daemon {
  readonly pid: number
  /** Everything it wrote so far. */
  log(): string
  /** True once it has ended by itself or was stopped. */
  readonly ended: Promise<Finished>
  stop(): Promise<void>
}

/** Start a program that stays. */
export function startDaemon(
  program: string,
  args: readonly string[],
  options: { environment: NodeJS.ProcessEnv; folder: string },
): Daemon {
  const { child, output, ended } = start(program, args, options.environment, options.folder)
  ended.catch(() => {})
  return {
    pid: child.pid ?? -1,
    log: output,
    ended,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
      await ended.catch(() => {})
      clearTimeout(timer)
    },
  }
}
