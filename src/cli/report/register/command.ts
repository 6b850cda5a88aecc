import { type Command, Option } from 'commander'
import { csvRecord } from '../../../api/csv.ts'
import type { RecordOperations } from '../../../api/operations.ts'
import { REGISTER_COLUMNS } from '../../../api/register-columns.ts'
import { instantOf } from '../../../audit/inventory/values.ts'
import { UsageError } from '../../cli-error.ts'
import { type CommandContext, command } from '../../command-context.ts'
import { tellStanding } from '../../lists/standing.ts'
import { LOCAL } from '../../local-actor.ts'
import { openTarget, type Target } from '../../output-target.ts'
import { addPlace, type PlaceOptions, withPlace } from '../../places.ts'
import type { Terminal } from '../../terminal.ts'
import { parseSince } from '../../time.ts'
import { endOf, type Period, reachOf, registerRows, surroundingsOf } from './collect.ts'
import { composeReport, type ShownRow, shownRow } from './compose.ts'
import { htmlOf } from './html.ts'
import { markdownOf } from './markdown.ts'

const FORMATS = ['markdown', 'html', 'csv'] as const

interface RegisterOptions extends PlaceOptions {
  readonly format: (typeof FORMATS)[number]
  readonly since: string
  readonly until?: string
  readonly output?: string
}

type Source = Pick<RecordOperations, 'inventory' | 'exchanges'>

export function registerCommand(context: CommandContext) {
  const register = command(
    'register',
    'the certificate register and what happened in a period, for an auditor',
    [
      ['report register', 'of the last 90 days, as Markdown'],
      ['report register --format html -o register.html', 'as one page that can be printed'],
      [
        'report register --format csv --since 2026-01-01 --until 2026-04-01',
        'the certificates of a quarter, for a spreadsheet',
      ],
    ],
  )
  return addPlace(register)
    .addHelpText(
      'after',
      '\nWithout --until the period ends with the last exchange in the record, and 90d counts from there: the same record\ngives the same report. CSV holds the certificates alone. Where a server runs, the export is noted in its record.',
    )
    .addOption(new Option('--format <format>', 'how it is written').choices(FORMATS).default('markdown'))
    .option(
      '--since <time>',
      'begin of the period: 30d, 12w before its end, or a time like 2026-01-31T12:00:00Z',
      '90d',
    )
    .option('--until <time>', 'end of the period, a time or so long ago')
    .option('-o, --output <file>', 'write to a file that does not exist yet instead of standard output')
    .action(async (options: RegisterOptions, self: Command) => {
      const { terminal } = context
      await withPlace(context, self, options, async ({ kind, operations }) => {
        const reach = await reachOf(operations)
        const until =
          options.until === undefined
            ? await endOf(reach, operations, terminal.now())
            : parseSince(options.until, terminal.now(), '--until')
        const period = { since: parseSince(options.since, until), until }
        if (period.since >= until)
          throw new UsageError('the period ends before it begins: see --since and --until')
        const target = openTarget(terminal, options.output)
        try {
          const rows = options.format === 'csv' ? await writeCsv(operations, period, target, terminal) : 0
          const shown = options.format === 'csv' ? [] : await rowsOf(operations, period, terminal)
          if (options.format !== 'csv') {
            const around = await surroundingsOf(operations, reach, period, terminal)
            const document = composeReport(shown, around, period)
            const parts = options.format === 'html' ? htmlOf(document) : markdownOf(document)
            for (const part of parts) await target.write(part)
          }
          const count = rows + shown.length
          target.finish(`${count} certificates`)
          await tellStanding(operations.inventory, terminal)
          if (kind !== 'server') return
          const filter = { format: options.format, since: instantOf(period.since), until: instantOf(until) }
          await operations.note(LOCAL, { event: 'exported', what: 'register', filter, rows: count })
        } catch (error) {
          target.discard()
          throw error
        }
      })
    })
}

async function rowsOf(source: Source, period: Period, terminal: Terminal): Promise<readonly ShownRow[]> {
  const shown: ShownRow[] = []
  for await (const row of registerRows(source, period, terminal)) shown.push(shownRow(row, period))
  return shown
}

/** Row by row: a register may be longer than memory. */
async function writeCsv(source: Source, period: Period, target: Target, terminal: Terminal): Promise<number> {
  const until = instantOf(period.until)
  await target.write(csvRecord([...REGISTER_COLUMNS.map(({ name }) => name), 'ordered_by', 'validated_by']))
  let rows = 0
  for await (const { certificate, orderedBy, validated } of registerRows(source, period, terminal)) {
    const cells = REGISTER_COLUMNS.map(({ cell }) => cell(certificate, until))
    await target.write(csvRecord([...cells, orderedBy, validated]))
    rows += 1
  }
  return rows
}
