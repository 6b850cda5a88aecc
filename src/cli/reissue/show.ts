import { CliError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { withEngine } from '../engine/backend.ts'
import { writeJson } from '../terminal.ts'
import { planIdOf } from './plan-id.ts'
import { renderPlan } from './render-plan.ts'

export function showPlanCommand(context: CommandContext) {
  return command('show', 'one plan with its lines, and how far each is', [
    ['reissue show 019ab003-0000-7000-8000-00000000b001', 'for people'],
    ['reissue show 019ab003-0000-7000-8000-00000000b001 --json', 'for other programs'],
  ])
    .argument('<plan>', 'its id')
    .option('--json', 'as JSON')
    .action(async (word: string, { json }: { json?: boolean }, self) => {
      const { terminal } = context
      const id = planIdOf(word)
      const plan = await withEngine(context, self, ({ operations }) => operations.plan(id))
      if (plan === null) throw new CliError(`there is no plan ${id}`, 'All: acmetap reissue plans')
      if (json === true) return writeJson(terminal, plan)
      terminal.write(renderPlan(terminal, plan))
    })
}
