import type { EngineEvent, JobResult } from '../../api/engine-operations.ts'
import type { CommandContext } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { openTarget } from '../output-target.ts'
import { quoted } from '../shell-word.ts'
import type { EngineBackend } from './backend.ts'
import { exitCodeOf, renderResults } from './render-results.ts'
import { watchEvents } from './watch-events.ts'

interface Asked {
  readonly json: boolean
  /** File for a chain that is kept nowhere else. */
  readonly out?: string | undefined
  begin(signal: AbortSignal): AsyncIterable<EngineEvent>
}

/** Follows jobs to their end and tells it. Sets the exit code: 0 where every one was issued or not due, else 1. */
export async function finish(context: CommandContext, backend: EngineBackend, asked: Asked): Promise<void> {
  const { terminal } = context
  const { kind } = backend
  const end = await watchEvents<EngineEvent>({
    terminal,
    json: asked.json,
    begin: asked.begin,
    interrupted: (jobs) => interruptedText(kind, jobs),
  })
  if (end === null) return context.exitWith(1)
  context.exitWith(exitCodeOf(end.results))
  const chains = end.results.flatMap(({ chain, folder }) =>
    chain === null || (folder !== null && asked.out === undefined) ? [] : [chain],
  )
  if (!asked.json) {
    const table = renderResults(terminal, end.results)
    // Where a chain goes to standard output, it is alone there.
    if (chains.length > 0 && asked.out === undefined) terminal.warn(table.trimEnd())
    else terminal.write(table)
    tellWhatNext(context, backend, end.results)
  }
  if (chains.length === 0 || (asked.json && asked.out === undefined)) return
  const target = openTarget(terminal, asked.out)
  await target.write(chains.join(''))
  target.finish('the chain, PEM')
}

export function interruptedText(kind: EngineBackend['kind'], jobs: readonly string[]): string {
  const named =
    jobs.length === 0
      ? ''
      : ` (${jobs.slice(0, 3).map(escapeText).join(', ')}${jobs.length > 3 ? ', …' : ''})`
  return kind === 'server'
    ? `no longer watched; the server goes on with it${named}: acmetap engine jobs`
    : `stopped${named}; what was begun is kept, and gone on with by the same command or by acmetap serve`
}

function tellWhatNext(
  context: CommandContext,
  { kind, loaded }: EngineBackend,
  results: readonly JobResult[],
): void {
  const { terminal } = context
  if (results.length === 0) terminal.warn('nothing to do')
  const failed = results.find(({ outcome }) => outcome === 'failed' || outcome === 'waiting')
  if (failed !== undefined) {
    // Failures are kept by DNS name, which a managed certificate need not be called by.
    const { engine } = loaded.config
    const managed = engine.certificates.find(({ name }) => name === failed.certificate)
    const name = managed?.names[0] ?? failed.certificate
    const about = quoted(escapeText(name))
    terminal.warn(
      `more: acmetap failures --name ${about} (what the CA said), acmetap doctor domain ${about} (what it meets)`,
    )
  }
  if (results.some(({ outcome }) => outcome === 'waiting')) {
    terminal.warn(
      kind === 'server'
        ? 'the server tries again by itself: acmetap engine jobs says when'
        : 'acmetap serve tries again by itself; so does the same command',
    )
  }
}
