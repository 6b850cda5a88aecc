import type { ReissueEvent } from '../../api/engine-operations.ts'
import type { ReissueLine } from '../../engine/reissue/plan.ts'
import { type CommandContext, command } from '../command-context.ts'
import { withEngine } from '../engine/backend.ts'
import { watchEvents } from '../engine/watch-events.ts'
import { escapeText } from '../escape.ts'
import { LOCAL } from '../local-actor.ts'
import { planIdOf } from './plan-id.ts'
import { countsText, namesText, renderPlan } from './render-plan.ts'

export function applyPlanCommand(context: CommandContext) {
  return command('apply', 'obtain what a plan says, line by line; one that was stopped is gone on with', [
    ['reissue apply 019ab003-0000-7000-8000-00000000b001', 'with progress'],
    ['reissue apply 019ab003-0000-7000-8000-00000000b001 --json', 'events as JSON, one a line'],
  ])
    .addHelpText(
      'after',
      '\nA line that is done is never done again. Exit code 0: every line that can be done is done. 1: not all are.',
    )
    .argument('<plan>', 'its id')
    .option('--json', 'events as JSON, one a line')
    .action(async (word: string, { json }: { json?: boolean }, self) => {
      const { terminal } = context
      const id = planIdOf(word)
      await withEngine(context, self, async ({ operations }) => {
        const end = await watchEvents<ReissueEvent>({
          terminal,
          json: json === true,
          begin: (signal) => operations.applyPlan(id, LOCAL, signal),
          line: (event) => (event.kind === 'line' ? lineText(event.line) : null),
          interrupted: () =>
            `no longer watched; no line is begun any more. Go on with: acmetap reissue apply ${id}`,
        })
        if (end === null) return context.exitWith(1)
        const { plan } = end
        const isDone = plan.lines.every(
          ({ way, state }) => way === null || state === 'done' || state === 'skipped',
        )
        context.exitWith(isDone ? 0 : 1)
        if (json === true) return
        terminal.write(renderPlan(terminal, plan))
        if (!isDone) terminal.warn(`${countsText(plan.lines)}. Go on with: acmetap reissue apply ${id}`)
      })
    })
}

/** Null for what its job tells already. */
function lineText(line: ReissueLine): string | null {
  if (line.state === 'planned') return null
  const error = line.error === null ? '' : `: ${escapeText(line.error)}`
  return `line ${line.line}: ${escapeText(namesText(line))}: ${line.state}${error}`
}
