import type { ReissuePlan } from '../../engine/reissue/plan.ts'
import { type CommandContext, command } from '../command-context.ts'
import { withEngine } from '../engine/backend.ts'
import { type Column, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { relativeTime } from '../time.ts'

export function plansCommand(context: CommandContext) {
  return command('plans', 'plans that were made, newest first', [
    ['reissue plans', 'all of them'],
    ['reissue plans --json', 'for other programs'],
  ])
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }, self) => {
      const { terminal } = context
      const plans = await withEngine(context, self, ({ operations }) => operations.plans())
      if (json === true) return writeJson(terminal, plans)
      if (plans.length === 0)
        return terminal.warn("there is no plan yet. Make one with: acmetap reissue plan --where 'overdue'")
      terminal.write(renderTable(terminal, columns(terminal), plans))
    })
}

function columns({ colors, now }: Terminal): Column<ReissuePlan>[] {
  return [
    { title: 'PLAN', text: ({ id }) => id },
    {
      title: 'STATE',
      text: ({ state }) => state,
      paint: (text, { state }) =>
        state === 'done' ? colors.green(text) : state === 'stopped' ? colors.red(text) : colors.yellow(text),
    },
    { title: 'MADE', text: ({ madeAt }) => relativeTime(madeAt, now()) },
    { title: 'BY', text: ({ madeBy }) => madeBy, from: 90 },
    { title: 'WHERE', text: ({ where, stoppedBecause }) => stoppedBecause ?? where, gives: true },
  ]
}
