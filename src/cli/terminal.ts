import { once } from 'node:events'
import { createColors } from 'picocolors'

type Colors = ReturnType<typeof createColors>

/** What a command writes to and reads its surroundings from. Passed in, so that commands can be run in tests. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Columns of the terminal; Infinity where there is none: what goes to a file or to grep is not cut. */
  readonly columns: number
  /** Whether what was written can be drawn over: a terminal that knows the codes for it. */
  readonly live?: boolean
  readonly colors: Colors
  /** Absolute folder that relative paths start from. */
  readonly folder: string
  /** µs since 1970. */
  now(): number
  /** To standard output, as it is. */
  write(text: string): void
  /** Resolves when what was written has left this process, or soon will have. */
  drained?(): Promise<void>
  /** One line to standard error. */
  warn(line: string): void
  /** The line somebody types after the question; not there where nobody can. */
  ask?(question: string): Promise<string>
}

/** This process's own terminal. Colours only on a terminal, and never with NO_COLOR set. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process
  const noColor = env.NO_COLOR !== undefined && env.NO_COLOR !== ''
  const colour = stdout.isTTY === true && !noColor && env.TERM !== 'dumb'
  return {
    env,
    columns: columnsOf(stdout),
    live: stdout.isTTY === true && env.TERM !== 'dumb',
    colors: createColors(colour),
    folder: process.cwd(),
    now: () => Date.now() * 1000,
    write: (text) => void stdout.write(text),
    drained: async () => {
      if (stdout.writableNeedDrain) await once(stdout, 'drain')
    },
    warn: (line) => void stderr.write(`${line}\n`),
    ...(process.stdin.isTTY && stdout.isTTY ? { ask } : {}),
  }
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises')
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return await lines.question(question)
  } finally {
    lines.close()
  }
}

/** A terminal that does not know its size says 0. */
function columnsOf(stream: { readonly isTTY: boolean; readonly columns: number }): number {
  if (!stream.isTTY) return Number.POSITIVE_INFINITY
  return stream.columns > 0 ? stream.columns : 80
}

export function writeJson(terminal: Terminal, value: unknown): void {
  terminal.write(`${JSON.stringify(value, null, 2)}\n`)
}
