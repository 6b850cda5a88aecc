import type { Command } from 'commander'
import type { z } from 'zod'
import type { RecordOperations } from '../../api/operations.ts'
import type { Page } from '../../audit/inventory/values.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { type Column, TableWriter } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import {
  addFilterOptions,
  type FilterShape,
  type GivenOptions,
  givenFilters,
  readFilters,
} from './filter-options.ts'
import { followPages, type HowMany, type Part, wantedOf } from './follow-pages.ts'
import { tellStanding } from './standing.ts'

export interface ListOptions extends HowMany, PlaceOptions {
  readonly json?: boolean
  readonly utc?: boolean
}

/** A list of the inventory, as a command. */
export interface InventoryList<T, F extends FilterShape> {
  /** What is listed, one and many: `order`, `orders`. */
  readonly one: string
  readonly many: string
  readonly description: string
  readonly examples: readonly (readonly [line: string, does: string])[]
  readonly filter: F
  /** Takes a name without an option before it: what people type most. */
  readonly named?: boolean
  page(operations: RecordOperations, filter: z.output<F>): Promise<Page<T>>
  columns(terminal: Terminal, utc: boolean): readonly Column<T>[]
  /** How it is said that there is nothing at all; left out: that none has been seen yet. */
  readonly none?: string
  /** What to do where there is nothing at all. */
  readonly hint: string
  /** More options, and what they ask for instead of the list: false where they were not given. */
  extend?(command: Command): Command
  instead?(self: Command): Promise<boolean>
}

export function listCommand<T, F extends FilterShape>(
  context: CommandContext,
  list: InventoryList<T, F>,
): Command {
  const base = addListOptions(command('list', list.description, list.examples), list)
  return (list.extend?.(base) ?? base).action(async (...words: unknown[]) => {
    const self = words.at(-1) as Command
    if ((await list.instead?.(self)) === true) return
    const options = self.opts<ListOptions>()
    const { terminal } = context
    const { given, filter } = filtersOf(list, self, terminal)
    const wanted = wantedOf(options)
    await withPlace(context, self, options, async ({ operations }) => {
      const parts = followPages<T>((page) => list.page(operations, { ...filter, ...page }), wanted, {
        terminal,
        what: list.many,
      })
      const columns = list.columns(terminal, options.utc === true)
      const count =
        options.json === true ? await writeArray(terminal, parts) : await writeTable(terminal, columns, parts)
      if (count === 0) terminal.warn(nothing(list, given))
      await tellStanding(operations.inventory, terminal)
    })
  })
}

/** The filters as options, the name that may stand alone, --limit, --all, --utc, --json and --data. */
export function addListOptions(
  base: Command,
  { filter, named, many }: Pick<InventoryList<never, FilterShape>, 'filter' | 'named' | 'many'>,
): Command {
  if (named === true) base.argument('[name]', 'the same as --name')
  return addPlace(addFilterOptions(base, filter))
    .option('--limit <number>', 'at most so many, 1 to 1000 (default: 50)')
    .option('--all', `all ${many}, however many there are`)
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON, one array')
}

/** What was asked for, as text and as the list takes it. Throws {@link UsageError}. */
export function filtersOf<F extends FilterShape>(
  { filter, named }: { readonly filter: F; readonly named?: boolean },
  self: Command,
  terminal: Terminal,
): { readonly given: Readonly<Record<string, string>>; readonly filter: z.output<F> } {
  const options = self.opts<GivenOptions>()
  const name = named === true ? self.args[0] : undefined
  if (name !== undefined && options.name !== undefined) {
    throw new UsageError('a name was given twice: once with --name and once without')
  }
  const given = { ...givenFilters(filter, options), ...(name === undefined ? {} : { name }) }
  return { given, filter: readFilters(filter, given, terminal.now()) }
}

export const MORE = 'more: --limit or --all'

/** One array, written as it comes. Returns how many there were. */
export async function writeArray<T>(terminal: Terminal, parts: AsyncIterable<Part<T>>): Promise<number> {
  let count = 0
  terminal.write('[')
  for await (const { items, more } of parts) {
    const texts = items.map((item) => JSON.stringify(item, null, 2).replace(/^/gm, '  '))
    terminal.write(`${count === 0 ? '' : ','}\n${texts.join(',\n')}`)
    count += items.length
    await terminal.drained?.()
    if (more) terminal.warn(MORE)
  }
  terminal.write(count === 0 ? ']\n' : '\n]\n')
  return count
}

export async function writeTable<T>(
  terminal: Terminal,
  columns: readonly Column<T>[],
  parts: AsyncIterable<Part<T>>,
): Promise<number> {
  const table = new TableWriter(terminal, columns)
  let count = 0
  for await (const { items, more } of parts) {
    terminal.write(table.rows(items))
    count += items.length
    await terminal.drained?.()
    if (more) terminal.warn(MORE)
  }
  return count
}

/** An empty result in words, with what to try. */
export function nothing(
  { one, many, none, hint }: Pick<InventoryList<never, FilterShape>, 'one' | 'many' | 'none' | 'hint'>,
  given: Readonly<Record<string, string>>,
): string {
  const names = Object.keys(given)
  if (names.length === 0) return `${none ?? `no ${one} has been seen yet`}. ${hint}`
  const { name } = given
  if (name === undefined || names.length > 1) {
    const asked = names.map((filter) => `--${filter.replaceAll('_', '-')}`).join(', ')
    return `no ${one} matches. Try fewer conditions (${asked}).`
  }
  if (name.startsWith('.')) return `no ${one} for ${name.slice(1)} or a name below it. All: acmetap ${many}`
  return `no ${one} for ${name}. It and all names below it: acmetap ${many} --name .${name.replace(/^\*\./, '')}`
}
