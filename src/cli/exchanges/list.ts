import type { RecordedExchange } from '../../audit/record-store.ts'
import { withRecords } from '../backend.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import {
  clientOf,
  complaintsOf,
  durationOf,
  operationOf,
  statusText,
  subjectOf,
  toneOf,
} from '../describe-exchange.ts'
import { addPlaces, type PlaceOptions, placesOf } from '../places.ts'
import { type Column, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { relativeTime, utcTime } from '../time.ts'
import { renderTimeline } from '../timeline.ts'
import { addFilters, type FilterOptions, filterOf, limitOf } from './filters.ts'

interface ListOptions extends FilterOptions, PlaceOptions {
  readonly utc?: boolean
  readonly timeline?: boolean
  readonly json?: boolean
}

export function listCommand(context: CommandContext) {
  const list = command('list', 'list recorded exchanges, newest first', [
    ['exchanges', 'the last fifty'],
    ['exchanges --problem rateLimited --since 1d', 'rate limits of the last day'],
    ['exchanges --name www.example.com --timeline', 'what happened to one name'],
    ['exchanges --json --limit 1000', 'for other programs'],
    ['exchanges --data /mnt/a --data /mnt/b', 'several instances as one'],
  ])
  return addPlaces(addFilters(list))
    .option('--limit <number>', 'at most so many, 1 to 1000', '50')
    .option('--timeline', 'oldest first, grouped by issuance, with problems in words')
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (_options: unknown, self) => {
      const options = self.opts() as ListOptions
      const { terminal } = context
      const [filter, limit] = [filterOf(options, terminal.now()), limitOf(options)]
      const places = { config: () => configOf(context, self).config, data: placesOf(options, terminal) }
      const found = await withRecords(
        places,
        context.application,
        async (reader) => (await reader.page(filter, limit)).exchanges,
      )
      if (options.json === true) return writeJson(terminal, found)
      if (found.length === 0) return terminal.warn('no exchange matches')
      if (options.timeline === true) return terminal.write(renderTimeline(found, terminal))
      terminal.write(renderTable(terminal, columns(terminal, options.utc === true, found), found))
    })
}

/** A narrow terminal has no room for words beside the id; --timeline and show have them. */
const WIDE = 160
const PROBLEM: Column<RecordedExchange> = {
  title: 'PROBLEM',
  text: (row) => complaintsOf(row)[0] ?? '',
  gives: true,
}

function columns(
  terminal: Terminal,
  utc: boolean,
  found: readonly RecordedExchange[],
): Column<RecordedExchange>[] {
  const { colors } = terminal
  const now = terminal.now()
  return [
    { title: 'TIME', text: ({ intent }) => (utc ? utcTime(intent.at) : relativeTime(intent.at, now)) },
    ...instanceColumn(found),
    { title: 'CA', text: ({ intent }) => intent.ca ?? '-', gives: true },
    { title: 'CLIENT', text: clientOf, gives: true },
    { title: 'OPERATION', text: operationOf },
    { title: 'ABOUT', text: subjectOf, gives: true },
    {
      title: 'STATUS',
      text: statusText,
      paint: (text, row) => (toneOf(row) === 'bad' ? colors.red(text) : text),
    },
    { title: 'TOOK', text: durationOf },
    { title: 'ID', text: ({ id }) => id },
    ...(terminal.columns >= WIDE ? [PROBLEM] : []),
  ]
}

/** Only where there is something to tell apart; instances of one label by the end of their stream's id. */
function instanceColumn(found: readonly RecordedExchange[]): Column<RecordedExchange>[] {
  const labels = new Map(found.map(({ intent }) => [intent.stream, intent.instance ?? '']))
  if (labels.size < 2) return []
  const shared = new Set(labels.values()).size < labels.size
  const text = ({ intent }: RecordedExchange) =>
    [intent.instance ?? '', ...(shared ? [intent.stream.slice(-6)] : [])]
      .filter((part) => part !== '')
      .join('/')
  return [{ title: 'INSTANCE', text, gives: true }]
}
