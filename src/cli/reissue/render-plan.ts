import type { ShownPlan } from '../../api/engine-operations.ts'
import type { ReissueLine, ReissuePlan } from '../../engine/reissue/plan.ts'
import { escapeText } from '../escape.ts'
import { type Column, renderFields, renderProse, renderSection } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { relativeTime } from '../time.ts'

/** A plan with its lines: what is done, and what cannot be. Ends in a newline. */
export function renderPlan(terminal: Terminal, plan: ShownPlan): string {
  const { colors } = terminal
  const possible = plan.lines.filter(({ way }) => way !== null)
  const impossible = plan.lines.filter(({ way }) => way === null)
  const failed = possible.filter(({ error }) => error !== null)
  return [
    `${colors.bold(`plan ${escapeText(plan.id)}`)}  ${stateText(terminal, plan)}\n`,
    renderFields(
      terminal,
      [
        ['where', plan.where || null],
        ['made', `${relativeTime(plan.madeAt, terminal.now())} by ${plan.madeBy}`],
        ['lines', countsText(plan.lines)],
        ['pace', `${plan.pace} s between two lines; stops when ${plan.stopAt} % failed`],
        ['stopped', plan.stoppedBecause],
      ],
      true,
    ),
    plan.lines.length === 0 ? '\nno certificate matches\n' : '',
    renderSection(terminal, 'to be obtained', columns(terminal), possible),
    impossible.length === 0 ? '' : `\n${colors.bold('cannot be done')}\n`,
    ...impossible.map((line) =>
      renderProse(
        terminal,
        `  ${line.line}  `,
        `${namesText(line)}: ${line.cannot ?? 'it is not known how'}`,
        5,
      ),
    ),
    failed.length === 0 ? '' : `\n${colors.bold('failed')}\n`,
    ...failed.map((line) =>
      renderProse(terminal, `  ${line.line}  `, `${namesText(line)}: ${line.error}`, 5),
    ),
  ].join('')
}

function stateText({ colors }: Terminal, { state }: ReissuePlan): string {
  if (state === 'done') return colors.green(state)
  return state === 'stopped' ? colors.red(state) : colors.yellow(state)
}

/** `12 planned, 1 failed, 2 cannot be done`. */
export function countsText(lines: readonly ReissueLine[]): string {
  if (lines.length === 0) return 'none'
  const counts = new Map<string, number>()
  for (const { way, state } of lines) {
    const what = way === null ? 'cannot be done' : state
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  return [...counts].map(([what, count]) => `${count} ${what}`).join(', ')
}

export function namesText({ names }: ReissueLine): string {
  const [first, ...others] = names
  if (first === undefined) return 'no names'
  return others.length === 0 ? first.value : `${first.value} and ${others.length} more`
}

function columns({ colors }: Terminal): Column<ReissueLine>[] {
  return [
    { title: 'LINE', text: ({ line }) => String(line) },
    { title: 'NAMES', text: namesText, gives: true },
    { title: 'WHY', text: ({ why }) => why, gives: true },
    { title: 'HOW', text: ({ way }) => (way === 'renew' ? 'renew' : 'same key') },
    { title: 'CA', text: ({ ca }) => ca ?? '-' },
    { title: 'KEPT AS', text: ({ certificate }) => certificate ?? '-', gives: true, from: 100 },
    {
      title: 'STATE',
      text: ({ state }) => state,
      paint: (text, { state }) =>
        state === 'done' ? colors.green(text) : state === 'failed' ? colors.red(text) : text,
    },
  ]
}
