import { type Alert, alertFilter } from '../../alerts/alert.ts'
import type { CommandContext } from '../command-context.ts'
import { listCommand } from '../lists/list-command.ts'
import type { Column } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { whenText } from '../time.ts'
import { paintSeverity } from './severity.ts'

export function listAlertsCommand(context: CommandContext) {
  return listCommand(context, {
    one: 'alert',
    many: 'alerts',
    description: 'list what fires now, newest first; with --state resolved what is over',
    examples: [
      ['alerts', 'what is wrong now'],
      ['alerts www.example.com', 'about this name; .example.com takes all names below it too'],
      ['alerts --severity critical', 'the worst'],
      ['alerts --state resolved --rule renewal-overdue', 'what is over, of one rule'],
      ['alerts --all --json', 'for other programs'],
    ],
    filter: alertFilter,
    named: true,
    page: ({ alerts }, filter) => alerts.alerts({ state: 'firing', ...filter }),
    columns: alertColumns,
    none: 'nothing fires',
    hint: 'What is over: acmetap alerts --state resolved',
  })
}

export function alertColumns(terminal: Terminal, utc: boolean): Column<Alert>[] {
  const clock = { now: terminal.now(), utc }
  return [
    { title: 'SINCE', text: ({ since }) => whenText(since, clock) },
    {
      title: 'SEVERITY',
      text: ({ severity }) => severity,
      paint: (text, { severity }) => paintSeverity(terminal, severity, text),
    },
    { title: 'RULE', text: ({ rule }) => rule },
    { title: 'WHAT', text: ({ title }) => title, gives: true },
    { title: 'TIMES', text: ({ count }) => String(count), from: 100 },
    { title: 'LAST', text: ({ last }) => whenText(last, clock), from: 120 },
    { title: 'OVER', text: ({ resolved }) => whenText(resolved, clock), from: 140 },
    { title: 'TOLD', text: toldText },
    { title: 'ID', text: ({ id }) => id },
  ]
}

function toldText({ silenced, told }: Alert): string {
  return silenced === null ? String(told) : 'silenced'
}
