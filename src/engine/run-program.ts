/** Programs that an operator named: deploy hooks, scripts that publish DNS records. Never through a shell. */
import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

export interface RunProgramOptions {
  /** Variables beside PATH, HOME and LANG: the program gets no others. */
  readonly environment: Readonly<Record<string, string>>
  /** ms; then its whole process group is ended. */
  readonly timeout: number
  readonly signal: AbortSignal
  /** Shown as `[secret]` wherever the program prints them. */
  readonly secrets: readonly string[]
  /** Working directory; the file system's root where left out. */
  readonly folder?: string
}

export interface ProgramResult {
  /** Exit code; null where it did not end by itself, or could not be started. */
  readonly code: number | null
  /** The last lines of what it printed on both streams, at most 2,000 characters, without secrets. */
  readonly output: string
  /** Why it does not count as success, in a few words; null where it ended with code 0. */
  readonly trouble: string | null
}

/** ms between asking a group to end and ending it. */
const GRACE = 2_000
/** ms between two looks whether it has ended. */
const LOOK = 20
/** ms for what a program printed before it ended; what it left behind may keep its streams open for ever. */
const LAST_WORDS = 500
/** Characters that are kept to find secrets in, and of them those that are shown. */
const KEPT = 32_768
const SHOWN = 2_000

/**
 * Runs a program in a clean environment and a process group of its own, without input. Resolves however it ended;
 * rejects only with the signal's reason, after the group was ended.
 */
export async function runProgram(
  argv: readonly string[],
  options: RunProgramOptions,
): Promise<ProgramResult> {
  const { environment, timeout, signal, secrets } = options
  signal.throwIfAborted()
  const [program, ...rest] = argv
  const child = spawn(program!, rest, {
    cwd: options.folder ?? '/',
    env: { ...cleanEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    windowsHide: true,
  })
  const printed = new Printed(secrets)
  printed.take(child.stdout)
  printed.take(child.stderr)

  let late = false
  const group = new Group(child.pid)
  const end = () => group.end()
  const timer = setTimeout(() => {
    late = true
    end()
  }, timeout)
  signal.addEventListener('abort', end, { once: true })
  try {
    const { code, by, error } = await new Promise<Ended>((resolve) => {
      child.once('error', (fault: NodeJS.ErrnoException) => resolve({ code: null, by: null, error: fault }))
      child.once('exit', (exit, killed) => resolve({ code: exit, by: killed, error: null }))
    })
    if (error === null) await printed.rest(child.stdout, child.stderr)
    await group.ended()
    signal.throwIfAborted()
    const trouble =
      error !== null
        ? `cannot be started: ${STARTS[error.code ?? ''] ?? error.code ?? 'unknown'}`
        : late
          ? `took longer than ${timeout / 1000} s`
          : by !== null
            ? `was ended by ${by}`
            : code !== 0
              ? `ended with code ${code}`
              : null
    return { code: late ? null : code, output: printed.shown(), trouble }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}

interface Ended {
  readonly code: number | null
  readonly by: NodeJS.Signals | null
  readonly error: NodeJS.ErrnoException | null
}

const STARTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such program, or no such folder',
  EACCES: 'this user may not run it',
  E2BIG: 'its arguments and variables are too long',
}

function cleanEnvironment(): Record<string, string> {
  const { PATH, HOME, LANG } = process.env
  return {
    PATH: PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: HOME ?? '/',
    LANG: LANG ?? 'C.UTF-8',
  }
}

/** A program that is asked to end may have children that do not: they are in its group. */
class Group {
  readonly #pid: number | undefined
  #grace: Promise<void> | null = null

  constructor(pid: number | undefined) {
    this.#pid = pid
  }

  /** Asks it to end, and ends what is left of it after {@link GRACE}. */
  end(): void {
    this.#grace ??= this.#endWithin(GRACE)
  }

  /** Resolves when nothing of it is left, where it was to end. */
  async ended(): Promise<void> {
    await this.#grace
  }

  async #endWithin(ms: number): Promise<void> {
    this.#send('SIGTERM')
    const limit = performance.now() + ms
    while (this.#send(0)) {
      if (performance.now() >= limit) {
        this.#send('SIGKILL')
        await sleep(LOOK)
        return
      }
      await sleep(LOOK)
    }
  }

  /** False where nothing of it is there. */
  #send(signal: NodeJS.Signals | 0): boolean {
    if (this.#pid === undefined) return false
    try {
      return process.kill(-this.#pid, signal)
    } catch {
      return false
    }
  }
}

/** The end of what was printed. */
class Printed {
  readonly #secrets: readonly string[]
  readonly #longest: number
  #text = ''
  #cut = false

  constructor(secrets: readonly string[]) {
    // The longest first: a secret may be part of another.
    this.#secrets = secrets.filter((secret) => secret !== '').toSorted((a, b) => b.length - a.length)
    this.#longest = this.#secrets[0]?.length ?? 0
  }

  take(stream: Readable): void {
    stream.setEncoding('utf8')
    stream.on('error', () => undefined)
    stream.on('data', (chunk: string) => {
      const text = this.#text + chunk
      const most = KEPT + this.#longest
      this.#cut ||= text.length > most
      this.#text = text.slice(-most)
    })
  }

  async rest(...streams: readonly Readable[]): Promise<void> {
    const ended = streams.map((stream) =>
      stream.closed ? null : new Promise<void>((resolve) => stream.once('close', () => resolve())),
    )
    let timer: NodeJS.Timeout | undefined
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_WORDS)
    })
    await Promise.race([Promise.all(ended), enough])
    clearTimeout(timer)
    for (const stream of streams) stream.destroy()
  }

  shown(): string {
    let text = this.#text
    for (const secret of this.#secrets) text = text.replaceAll(secret, '[secret]')
    // A secret that was cut at the front was not found: what can be left of one goes.
    return (this.#cut ? text.slice(this.#longest) : text).trim().slice(-SHOWN)
  }
}
