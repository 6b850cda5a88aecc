import type { Alert } from '../../alerts/alert.ts'
import { FIXER_TEXTS } from '../../audit/diagnosis/classes.ts'
import { type CommandContext, command } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { found } from '../lists/found.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { renderFields, renderProse } from '../render.ts'
import { remedyText } from '../render-diagnosis.ts'
import { quoted } from '../shell-word.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { microsOf, relativeTime } from '../time.ts'
import { paintSeverity } from './severity.ts'

export function showAlertCommand(context: CommandContext) {
  const show = command('show', 'show one alert in full: what is wrong, why, what to do, how to silence it', [
    ['alerts show 5a1e9d3b7c2f4680', 'by its id in the list or in a message'],
    ['alerts show 5a1e9d3b7c2f4680 --json', 'for other programs'],
  ])
  return addPlace(show)
    .argument('<id>', 'which alert')
    .option('--json', 'as JSON')
    .action(async (id: string, options: PlaceOptions & { json?: boolean }, self) => {
      const { terminal } = context
      const first = await withPlace(context, self, options, ({ operations: { alerts } }) => alerts.alert(id))
      const alert = found(first, 'alert', id)
      if (options.json === true) return writeJson(terminal, alert)
      terminal.write(renderAlert(terminal, alert))
    })
}

/** One alert in full. Ends in a newline. */
export function renderAlert(terminal: Terminal, alert: Alert): string {
  const { colors } = terminal
  const { subject, evidence } = alert
  const item = (word: string, text: string) =>
    renderProse(terminal, `  ${colors.dim(word.padEnd(4))}  `, text, 8)
  const about = { names: subject.names, ca: subject.ca, exchange: evidence.exchange }
  const at = (instant: string) => `${instant} (${relativeTime(microsOf(instant), terminal.now())})`
  const next = [
    ...(evidence.order === null ? [] : [`acmetap orders show ${evidence.order}`]),
    ...(evidence.exchange === null ? [] : [`acmetap exchanges show ${evidence.exchange} --bodies`]),
    ...(evidence.certificate === null ? [] : [`acmetap certificates show ${evidence.certificate}`]),
    `acmetap alerts silence --rule ${alert.rule} --key ${quoted(alert.key)} --for 1d`,
  ]
  const others = subject.nameCount - subject.names.length
  return [
    `${colors.bold(`alert ${alert.id}`)}  ${paintSeverity(terminal, alert.severity, alert.severity)}  ${alert.rule}\n`,
    renderProse(terminal, '', alert.title),
    '\n',
    item('why', alert.cause),
    alert.said === null ? '' : item('said', alert.said),
    item('do', remedyText(alert, about)),
    alert.fixer === null ? '' : item('who', FIXER_TEXTS[alert.fixer]),
    '\n',
    renderFields(terminal, [
      ['state', alert.state],
      ['since', at(alert.since)],
      ['last seen', at(alert.last)],
      ['resolved', alert.resolved === null ? null : at(alert.resolved)],
      ['because', alert.resolution],
      ['times', String(alert.count)],
      ['told', `${alert.told} ${alert.told === 1 ? 'notification' : 'notifications'}`],
      ['silence', alert.silenced],
      [
        'names',
        subject.nameCount === 0
          ? null
          : `${subject.names.join(', ')}${others > 0 ? ` and ${others} more` : ''}`,
      ],
      ['ca', subject.ca],
      ['asked by', subject.clientText],
      ['client', subject.client],
      ['account', subject.account],
      ['key', alert.key],
      ...Object.entries(subject.details),
    ]),
    `\n${colors.bold('more')}\n${next.map((line) => `  ${escapeText(line)}\n`).join('')}`,
    `  docs/runbooks/${alert.rule}.md\n`,
  ].join('')
}
