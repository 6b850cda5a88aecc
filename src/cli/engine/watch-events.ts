import type { EngineProgress } from '../../engine/progress.ts'
import { CliError } from '../cli-error.ts'
import type { Terminal } from '../terminal.ts'
import { ProgressBoard, progressLine } from './progress-board.ts'

/** What progress is, and what is not. */
const PROGRESS = new Set<string>(['step', 'name', 'wait', 'note'])

interface Watching<E> {
  readonly terminal: Terminal
  /** Every event as a line of JSON, and nothing else. */
  readonly json: boolean
  begin(signal: AbortSignal): AsyncIterable<E>
  /** A line for an event that is no progress; null where there is nothing to say. */
  line?(event: Exclude<E, EngineProgress>): string | null
  /** Told where somebody ended it: what becomes of what was begun. `jobs`: their ids. */
  interrupted(jobs: readonly string[]): string
}

/**
 * Follows what runs to its last event, which it returns, and shows what happens: on a terminal as a block that is drawn
 * again, else line by line. Null where Ctrl-C ended it before. Rejects with what the events reject with, or with CliError
 * where they end without their end.
 */
export async function watchEvents<E extends { readonly kind: string }>(
  watching: Watching<E>,
): Promise<Extract<E, { readonly kind: 'end' }> | null> {
  const { terminal, json, begin, line, interrupted } = watching
  const show = json ? null : terminal.live === true ? drawn(terminal) : told(terminal)
  const jobs = new Set<string>()
  const ending = new AbortController()
  const end = () => ending.abort()
  process.once('SIGINT', end).once('SIGTERM', end)
  try {
    for await (const event of begin(ending.signal)) {
      if (json) {
        terminal.write(`${JSON.stringify(event)}\n`)
        await terminal.drained?.()
      }
      if (event.kind === 'end') return event as Extract<E, { readonly kind: 'end' }>
      if (PROGRESS.has(event.kind)) {
        const progress = event as unknown as EngineProgress
        if (progress.job !== null) jobs.add(progress.job)
        show?.progress(progress)
      } else {
        const said = line?.(event as Exclude<E, EngineProgress>) ?? null
        if (said !== null) show?.line(said)
      }
    }
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
    show?.over()
  }
  if (!ending.signal.aborted)
    throw new CliError('the connection ended before the end', 'How far it is: acmetap engine jobs')
  terminal.warn(interrupted([...jobs]))
  return null
}

interface Show {
  progress(event: EngineProgress): void
  /** A line that stays. */
  line(text: string): void
  over(): void
}

function told(terminal: Terminal): Show {
  return {
    progress: (event) => terminal.warn(progressLine(event)),
    line: (text) => terminal.warn(text),
    over() {},
  }
}

/** Cursor to the begin of the line so many lines up, and everything below it taken away (ECMA-48). */
const above = (lines: number) => (lines === 0 ? '' : `\u001b[${lines}A\r\u001b[J`)

function drawn(terminal: Terminal): Show {
  const board = new ProgressBoard()
  let height = 0
  const draw = (stays: string | null) => {
    const lines = board.lines(terminal.columns)
    const text = [...(stays === null ? [] : [stays]), ...lines].map((line) => `${line}\n`).join('')
    terminal.write(`${above(height)}${text}`)
    height = lines.length
  }
  return {
    progress: (event) => draw(board.take(event)),
    line: draw,
    over() {
      terminal.write(above(height))
      height = 0
    },
  }
}
