import type { Command } from 'commander'
import type { Paging } from '../../audit/inventory/every-page.ts'
import {
  type Correlation,
  type Failure,
  type FailureFilter,
  failureFilter,
} from '../../audit/inventory/failure.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { clientText, shortNames, whatText } from '../describe-inventory.ts'
import { collect, followPages, wantedOf } from '../lists/follow-pages.ts'
import {
  addListOptions,
  filtersOf,
  type ListOptions,
  MORE,
  nothing,
  writeArray,
  writeTable,
} from '../lists/list-command.ts'
import { tellStanding } from '../lists/standing.ts'
import { withPlace } from '../places.ts'
import type { Column } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { parseSince, whenText } from '../time.ts'
import { renderFailures, renderGroups } from './render-failures.ts'

interface FailureOptions extends ListOptions {
  readonly groups?: boolean
  readonly lines?: boolean
}

const LIST = {
  one: 'failure',
  many: 'failures',
  filter: failureFilter,
  named: true,
  hint: 'What passed at all: acmetap exchanges',
} as const

/** Groups are made of so many of the newest failures at most. */
const GROUPED = 5000
/** In words a failure takes several lines. */
const IN_WORDS = 10
const USUAL_SINCE = '7d'

export function listFailuresCommand(context: CommandContext) {
  const list = command('list', 'what fails most and why, then the failures in words, newest first', [
    ['failures', 'of the last 7 days'],
    ['failures www.example.com', 'for this name; .example.com takes all names below it too'],
    ['failures --diagnosis rate-limit --since 30d', 'of one class'],
    ['failures --groups --json', 'what fails most, for other programs'],
    ['failures --lines --all', 'one line each'],
    ['failures --all --json', 'for other programs'],
  ])
  return addListOptions(list, LIST)
    .option('--groups', 'only what fails most: failures of one class that have something in common')
    .option('--lines', 'one line each instead of words')
    .action(async (...words: unknown[]) => {
      const self = words.at(-1) as Command
      const options = self.opts<FailureOptions>()
      if (options.groups === true && options.lines === true) {
        throw new UsageError('--groups and --lines exclude one another')
      }
      await withPlace(context, self, options, async ({ operations: { inventory } }) => {
        await show(inventory, options, filtersOf(LIST, self, context.terminal), context.terminal)
        await tellStanding(inventory, context.terminal)
      })
    })
}

type Asked = ReturnType<typeof filtersOf<typeof failureFilter>>

async function show(
  inventory: InventoryReader,
  options: FailureOptions,
  { given, filter }: Asked,
  terminal: Terminal,
): Promise<void> {
  const pages = pagesOf(inventory, filter)
  if (options.lines === true || (options.json === true && options.groups !== true)) {
    const parts = followPages(pages, wantedOf(options), { terminal, what: LIST.many })
    const columns = failureColumns(terminal, options.utc === true)
    const count =
      options.json === true ? await writeArray(terminal, parts) : await writeTable(terminal, columns, parts)
    if (count === 0) terminal.warn(nothing(LIST, given))
    return
  }
  const limited = given.since === undefined && given.until === undefined
  const recent = limited ? { ...filter, since: parseSince(USUAL_SINCE, terminal.now()) } : filter
  const wanted = wantedOf(options, IN_WORDS)
  const { items, more } = await collect(pagesOf(inventory, recent), Math.max(GROUPED, wanted), {
    terminal,
    what: LIST.many,
  })
  const { correlate } = await import('../../audit/diagnosis/correlate.ts')
  const { validationsNear } = await import('../../audit/diagnosis/validations-near.ts')
  const others = await validationsNear(inventory, items)
  const groups: readonly Correlation[] = correlate(items, terminal.now(), others)
  if (options.groups === true && options.json === true) return writeJson(terminal, groups)
  if (items.length === 0) return terminal.warn(nothingIn(given, limited))
  const when = limited ? `in the last ${USUAL_SINCE.slice(0, -1)} days` : 'in the time asked for'
  if (items.length > 1 || options.groups === true) {
    const count = `${more ? 'the newest ' : ''}${items.length} ${items.length === 1 ? 'failure' : 'failures'} ${when}`
    terminal.write(renderGroups(terminal, groups, items, count))
  }
  if (options.groups === true) return
  const newest = items.slice(0, wanted)
  if (items.length > 1) terminal.write('\n')
  terminal.write(renderFailures(terminal, newest, options.utc === true))
  if (more || newest.length < items.length) terminal.warn(MORE)
}

function pagesOf(inventory: InventoryReader, filter: FailureFilter) {
  return (page: Paging) => inventory.failures({ ...filter, ...page })
}

function nothingIn(given: Readonly<Record<string, string>>, limited: boolean): string {
  if (!limited) return nothing(LIST, given)
  const { name, ...others } = given
  const about =
    name === undefined ? '' : ` for ${name.startsWith('.') ? `${name.slice(1)} or a name below it` : name}`
  const which = Object.keys(others).length === 0 ? '' : ' that matches'
  return `no failure${about}${which} in the last 7 days. Older ones: acmetap failures ${name ?? ''}${name === undefined ? '' : ' '}--since 90d`
}

export function failureColumns({ now }: Terminal, utc: boolean): Column<Failure>[] {
  const clock = { now: now(), utc }
  return [
    { title: 'WHEN', text: ({ at }) => whenText(at, clock) },
    { title: 'NAMES', text: ({ names }) => shortNames(names), gives: true },
    { title: 'WHY', text: ({ diagnosis }) => diagnosis.class, gives: true },
    { title: 'WHO', text: ({ diagnosis }) => diagnosis.fixer },
    { title: 'AT', text: whatText, from: 100 },
    { title: 'CLIENT', text: ({ client }) => clientText(client), gives: true, from: 120 },
    { title: 'CA', text: ({ ca }) => ca ?? '-', gives: true, from: 140 },
    { title: 'SAID', text: ({ problem }) => problem?.detail ?? '', gives: true, from: 160 },
    { title: 'ID', text: ({ id }) => id },
  ]
}
