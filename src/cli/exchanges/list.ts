import type { Command } from 'commander'
import { exchangeFilter } from '../../audit/inventory/exchange-filter.ts'
import type { RecordedExchange } from '../../audit/record-store.ts'
import { withFiles } from '../backend.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import {
  clientOf,
  complaintsOf,
  durationOf,
  operationOf,
  statusText,
  subjectOf,
  toneOf,
} from '../describe-exchange.ts'
import { addFilterOptions, type GivenOptions, givenFilters, readFilters } from '../lists/filter-options.ts'
import { followPages, type HowMany, type Part, wantedOf } from '../lists/follow-pages.ts'
import { MORE, nothing, writeArray } from '../lists/list-command.ts'
import { tellStanding } from '../lists/standing.ts'
import { addPlaces, type PlaceOptions, placesOf, withPlace } from '../places.ts'
import { type Column, TableWriter } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { relativeTime, utcTime } from '../time.ts'
import { renderTimeline } from '../timeline.ts'
import { recordFilterOf, refusedByRecord } from './filters.ts'

interface ListOptions extends HowMany, PlaceOptions {
  readonly utc?: boolean
  readonly timeline?: boolean
  readonly json?: boolean
}

const LIST = {
  one: 'exchange',
  many: 'exchanges',
  hint: 'Set up a client with: acmetap enroll. What is wrong: acmetap doctor',
} as const

export function listCommand(context: CommandContext) {
  const list = command('list', 'list recorded exchanges, newest first', [
    ['exchanges', 'the last fifty'],
    ['exchanges --problem rateLimited --since 1d', 'rate limits of the last day'],
    ['exchanges --name www.example.com --timeline', 'what happened to one name'],
    ['exchanges --diagnosis firewall --all --json', 'for other programs'],
    ['exchanges --data /mnt/a --data /mnt/b', 'several instances as one'],
  ])
  return addPlaces(addFilterOptions(list, exchangeFilter))
    .option('--limit <number>', 'at most so many, 1 to 1000 (default: 50)')
    .option('--all', 'all exchanges, however many there are')
    .option('--timeline', 'oldest first, grouped by issuance, with problems in words')
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON, one array')
    .action(async (_options: unknown, self: Command) => {
      const options = self.opts<ListOptions>()
      const { terminal } = context
      const given = givenFilters(exchangeFilter, self.opts<GivenOptions>())
      const filter = readFilters(exchangeFilter, given, terminal.now())
      const [wanted, places] = [wantedOf(options), placesOf(options, terminal)]
      const write = async (parts: AsyncIterable<Part<RecordedExchange>>) => {
        const count = await writeParts(terminal, options, parts, places.length > 1)
        if (count === 0) terminal.warn(nothing(LIST, given))
      }
      const progress = { terminal, what: LIST.many }
      if (places.length > 1) {
        refuse(refusedByRecord(filter))
        return withFiles(places, context.application, async (reader) => {
          const asked = recordFilterOf(filter)
          await write(
            followPages<RecordedExchange, NonNullable<Awaited<ReturnType<typeof reader.page>>['next']>>(
              async ({ limit, cursor }) => {
                const { exchanges, next } = await reader.page(asked, limit, cursor ?? null)
                return { items: exchanges, next }
              },
              wanted,
              progress,
            ),
          )
        })
      }
      await withPlace(context, self, options, async ({ operations: { inventory } }) => {
        const pages = followPages((page) => inventory.exchanges({ ...filter, ...page }), wanted, progress)
        await write(pages)
        await tellStanding(inventory, terminal)
      })
    })
}

function refuse(names: readonly string[]): void {
  if (names.length === 0) return
  const options = names.map((name) => `--${name}`).join(', ')
  throw new UsageError(`${options} can't be asked of several records at once: name one place with --data`)
}

async function writeParts(
  terminal: Terminal,
  options: ListOptions,
  parts: AsyncIterable<Part<RecordedExchange>>,
  several: boolean,
): Promise<number> {
  if (options.json === true) return writeArray(terminal, parts)
  if (options.timeline === true) {
    const found: RecordedExchange[] = []
    let cut = false
    for await (const { items, more } of parts) {
      found.push(...items)
      cut = more
    }
    if (found.length > 0) terminal.write(renderTimeline(found, terminal))
    if (cut) terminal.warn(MORE)
    return found.length
  }
  let table: TableWriter<RecordedExchange> | null = null
  let count = 0
  for await (const { items, more } of parts) {
    const instance = several && options.all === true ? INSTANCE_ALWAYS : instanceColumn(items)
    table ??= new TableWriter(terminal, columns(terminal, options.utc === true, instance))
    terminal.write(table.rows(items))
    count += items.length
    await terminal.drained?.()
    if (more) terminal.warn(MORE)
  }
  return count
}

/** A narrow terminal has no room for words beside the id; --timeline and show have them. */
const WIDE = 160

function columns(
  { colors, now }: Terminal,
  utc: boolean,
  instance: readonly Column<RecordedExchange>[],
): Column<RecordedExchange>[] {
  const clock = now()
  return [
    { title: 'TIME', text: ({ intent }) => (utc ? utcTime(intent.at) : relativeTime(intent.at, clock)) },
    ...instance,
    { title: 'CA', text: ({ intent }) => intent.ca ?? '-', gives: true, from: 100 },
    { title: 'CLIENT', text: clientOf, gives: true, from: 100 },
    { title: 'OPERATION', text: operationOf, gives: true },
    { title: 'ABOUT', text: subjectOf, gives: true },
    {
      title: 'STATUS',
      text: statusText,
      gives: true,
      paint: (text, row) => (toneOf(row) === 'bad' ? colors.red(text) : text),
    },
    { title: 'TOOK', text: durationOf, from: 100 },
    { title: 'ID', text: ({ id }) => id },
    { title: 'PROBLEM', text: (row) => complaintsOf(row)[0] ?? '', gives: true, from: WIDE },
  ]
}

/** Only where there is something to tell apart; instances of one label by the end of their stream's id. */
function instanceColumn(found: readonly RecordedExchange[]): Column<RecordedExchange>[] {
  const labels = new Map(found.map(({ intent }) => [intent.stream, intent.instance ?? '']))
  if (labels.size < 2) return []
  const shared = new Set(labels.values()).size < labels.size
  return [{ title: 'INSTANCE', text: (row) => instanceText(row, shared), gives: true }]
}

/** Where later pages may tell of others than the first. */
const INSTANCE_ALWAYS: readonly Column<RecordedExchange>[] = [
  { title: 'INSTANCE', text: (row) => instanceText(row, true), gives: true },
]

function instanceText({ intent }: RecordedExchange, shared: boolean): string {
  const parts = [intent.instance ?? '', ...(shared ? [intent.stream.slice(-6)] : [])]
  return parts.filter((part) => part !== '').join('/')
}
