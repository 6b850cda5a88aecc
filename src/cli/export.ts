import { hostname } from 'node:os'
import { type Command, Option } from 'commander'
import { VERSION } from '../app/version.ts'
import { contentsOf } from '../audit/formats/contents.ts'
import type { FormatName } from '../audit/formats/formats.ts'
import { type EndedRecord, type Format, operationOf, type Program } from '../audit/formats/line.ts'
import type { MergedFilter, MergedReader } from '../audit/merged-reader.ts'
import { connectServer, withFiles } from './backend.ts'
import { type CommandContext, command, configOf, type GlobalOptions } from './command-context.ts'
import { addFilters, type FilterOptions, filterOf } from './exchanges/filters.ts'
import { LOCAL } from './local-actor.ts'
import { openTarget, type Target } from './output-target.ts'
import { addPlaces, type PlaceOptions, placesOf } from './places.ts'
import type { Terminal } from './terminal.ts'
import { utcTime } from './time.ts'

interface ExportOptions extends FilterOptions, PlaceOptions {
  readonly format: FormatName
  readonly output?: string
}

export function exportCommand(context: CommandContext) {
  const base = command('export', 'write the record as lines for other programs, oldest first', [
    ['export > record.jsonl', 'everything, one JSON object a line'],
    ['export --since 1d --format amp --output day.json', "the last day as KeyChest Amp's lines"],
    ['export --data /mnt/a --data /mnt/b', 'two instances as one stream, by time'],
    ['export --outcome failed --since 2026-01-01', 'what failed this year'],
  ])
  const formats = ['json', 'amp', 'amp+'] as const satisfies readonly FormatName[]
  return addPlaces(addFilters(base))
    .addOption(
      new Option('--format <format>', 'json: everything; amp: as KeyChest Amp; amp+: with what Amp left out')
        .choices(formats)
        .default('json'),
    )
    .option('--output <file>', 'write to a file that does not exist yet instead of standard output')
    .action(async (_options: unknown, self) => {
      const options = self.opts() as ExportOptions
      const { terminal } = context
      const filter = filterOf(options, terminal.now())
      const { data, program } = whereFrom(context, self, options)
      // Loaded when needed: what reads certificates takes long to load.
      const { FORMATS } = await import('../audit/formats/formats.ts')
      const target = openTarget(terminal, options.output)
      try {
        const count = await withFiles(data, context.application, (reader) =>
          exportLines(filter, reader, FORMATS[options.format], program, target, terminal),
        )
        target.finish(`${count.lines} lines`)
        await note(context, self, options, filter, count.lines)
        if (count.running > 0) {
          terminal.warn(`${count.running} exchanges without an outcome were left out: they still ran`)
        }
      } catch (error) {
        target.discard()
        throw error
      }
    })
}

/** Who took what out of the record is told in it, where a server can write that. */
async function note(
  context: CommandContext,
  self: Command,
  options: ExportOptions,
  filter: MergedFilter,
  rows: number,
): Promise<void> {
  if (options.data !== undefined) return
  const server = await connectServer(configOf(context, self).config)
  const written = Object.entries(filter).map(([name, value]) => [name, String(value)])
  await server?.note(LOCAL, {
    event: 'exported',
    what: 'exchanges',
    filter: { format: options.format, ...Object.fromEntries(written) },
    rows,
  })
}

/** The record is read from the disk, also while a server writes to it: a long export costs the server nothing. */
function whereFrom(context: CommandContext, self: Command, options: ExportOptions) {
  const named = placesOf(options, context.terminal)
  const { config: file } = self.optsWithGlobals<GlobalOptions>()
  const config = named.length === 0 || file !== undefined ? configOf(context, self).config : null
  const program: Program = {
    version: VERSION,
    host: hostname(),
    ip: '127.0.0.1',
    hostOfCa(name) {
      const directory = config?.cas[name]?.directory?.[0]
      return directory === undefined ? null : new URL(directory).hostname
    },
  }
  return { data: named.length === 0 ? [config!.data] : named, program }
}

const PROGRESS = 2_000_000

async function exportLines(
  filter: MergedFilter,
  reader: MergedReader,
  format: Format,
  program: Program,
  target: Target,
  terminal: Terminal,
): Promise<{ readonly lines: number; readonly running: number }> {
  let [lines, running, told] = [0, 0, terminal.now()]
  for await (const exchange of reader.oldestFirst(filter)) {
    if (exchange.outcome === null) {
      running += 1
      continue
    }
    const record = exchange as EndedRecord
    const contents = await contentsOf(record, format.needs(operationOf(record)), (id, digest) =>
      reader.body(id, digest),
    )
    const writtenAt = terminal.now()
    const text = format.line(record, contents, { line: lines + 1, backlog: 0, writtenAt, program })
    if (text === null) continue
    await target.write(`${text}\n`)
    lines += 1
    if (writtenAt - told < PROGRESS) continue
    told = writtenAt
    terminal.warn(`${lines} lines, at ${utcTime(record.intent.at)}`)
  }
  return { lines, running }
}
