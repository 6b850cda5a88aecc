import type { Failure } from '../../audit/inventory/failure.ts'
import { type CommandContext, command } from '../command-context.ts'
import { clientText, whatText } from '../describe-inventory.ts'
import { escapeText } from '../escape.ts'
import { findFirst } from '../lists/follow-pages.ts'
import { found } from '../lists/found.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { renderFields } from '../render.ts'
import { renderDiagnosis } from '../render-diagnosis.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { microsOf, relativeTime } from '../time.ts'

export function showFailureCommand(context: CommandContext) {
  const show = command('show', 'show one failure in full: what was said, why, what to do, who can do it', [
    ['failures show 0123456789abcdef', 'by its id in the list, or by the id of the exchange that showed it'],
    ['failures show 0123456789abcdef --json', 'for other programs'],
  ])
  return addPlace(show)
    .argument('<id>', 'which failure')
    .option('--json', 'as JSON')
    .action(async (id: string, options: PlaceOptions & { json?: boolean }, self) => {
      const { terminal } = context
      const first = await withPlace(context, self, options, ({ operations: { inventory } }) =>
        findFirst<Failure>(
          (page) => inventory.failures(page),
          (one) => one.id === id || one.exchange === id,
        ),
      )
      const failure = found(first, 'failure', id)
      if (options.json === true) return writeJson(terminal, failure)
      terminal.write(renderFailure(terminal, failure))
    })
}

/** One failure in full. Ends in a newline. */
export function renderFailure(terminal: Terminal, failure: Failure): string {
  const { colors } = terminal
  const { diagnosis, names, client, problem } = failure
  const details = Object.entries(diagnosis.details)
  const outcome = [failure.outcome, failure.status].filter((part) => part !== null).join(' ')
  const next = [
    ...(failure.order === null ? [] : [`acmetap orders show ${failure.order}`]),
    `acmetap exchanges show ${failure.exchange} --bodies`,
  ]
  return [
    `${colors.bold(`failure ${escapeText(failure.id)}`)}  ${colors.red(escapeText(diagnosis.class))}\n`,
    renderFields(terminal, [
      ['when', `${failure.at} (${relativeTime(microsOf(failure.at), terminal.now())})`],
      ['names', names.length === 0 ? null : names.join(', ')],
      ['what', whatText(failure)],
      ['outcome', outcome],
      ['asked by', client === null ? null : clientText(client)],
      ['client', client?.id ?? null],
      ['account', failure.account?.url ?? null],
      ['ca', failure.ca],
      ['mode', failure.mode],
    ]),
    '\n',
    renderDiagnosis(terminal, diagnosis, { indent: 2, problem, subject: failure }),
    details.length === 0 ? '' : `\n${colors.bold('details')}\n${renderFields(terminal, details)}`,
    `\n${colors.bold('more')}\n${next.map((line) => `  ${escapeText(line)}\n`).join('')}`,
  ].join('')
}
