import { spawn } from 'node:child_process'

export interface TimedRun {
  readonly code: number | null
  readonly output: string
  /** ms, the start of the program included. */
  readonly wall: number
  /** ms of processor time of it and its children, all threads. */
  readonly cpu: number
}

export interface Program {
  readonly program: string
  readonly args: readonly string[]
  readonly folder: string
  readonly environment: NodeJS.ProcessEnv
}

/** `times` writes what the shell's children used on its second line: `0m0.260000s 0m0.040000s` (POSIX). */
const SCRIPT = '"$@"; code=$?; echo; echo @times; times; exit $code'

/** Runs a program to its end. A shell around it, one millisecond's worth, says what it used. */
export function timedRun({ program, args, folder, environment }: Program): Promise<TimedRun> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn('sh', ['-c', SCRIPT, 'sh', program, ...args], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      const wall = performance.now() - began
      const output = Buffer.concat(chunks).toString('utf8')
      resolve({ code, output, wall, cpu: childrenTime(output) })
    })
  })
}

function childrenTime(output: string): number {
  const [, , children = ''] = output.slice(output.lastIndexOf('@times')).split('\n')
  const spent = [...children.matchAll(/(\d+)m([\d.]+)s/g)]
  return spent.reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
    0,
  )
}
