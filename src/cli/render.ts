/** Tables for people. Data goes through {@link escapeText} here and nowhere later. */
import CliTable from 'cli-table3'
import { cutMiddle, escapeText } from './escape.ts'
import type { Terminal } from './terminal.ts'

export interface Column<T> {
  readonly title: string
  text(row: T): string
  /** Cut in the middle when the table is too wide; others are kept whole. */
  readonly gives?: boolean
  /** Left out on a terminal with fewer columns than this. */
  readonly from?: number
  paint?(text: string, row: T): string
}

const GAP = 2
const LEAST = 8

/** The rows as a table that fits the terminal as far as its giving columns allow. Ends in a newline. */
export function renderTable<T>(
  terminal: Terminal,
  columns: readonly Column<T>[],
  rows: readonly T[],
): string {
  return new TableWriter(terminal, columns).rows(rows)
}

/** A table that comes in parts: the titles once, every part as wide as the widest so far. */
export class TableWriter<T> {
  readonly #terminal: Terminal
  readonly #columns: readonly Column<T>[]
  #widths: readonly number[] | null = null

  constructor(terminal: Terminal, columns: readonly Column<T>[]) {
    this.#terminal = terminal
    this.#columns = columns.filter(({ from }) => (from ?? 0) <= terminal.columns)
  }

  /** Ends in a newline. */
  rows(rows: readonly T[]): string {
    const columns = this.#columns
    const cells = rows.map((row) => columns.map((column) => escapeText(column.text(row))))
    const titles = this.#widths === null ? [columns.map(({ title }) => this.#terminal.colors.dim(title))] : []
    const widths = columnWidths(columns, cells, this.#terminal.columns, this.#widths)
    this.#widths = widths
    const table = new CliTable({
      chars: NO_LINES,
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP, compact: true },
      colWidths: widths.map((width) => width + GAP),
    })
    table.push(...titles)
    for (const [at, row] of rows.entries()) {
      table.push(
        columns.map((column, index) => {
          const text = cutMiddle(cells[at]![index]!, widths[index]!)
          return column.paint === undefined ? text : column.paint(text, row)
        }),
      )
    }
    const lines = table.toString().split('\n')
    return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
  }
}

function columnWidths<T>(
  columns: readonly Column<T>[],
  cells: readonly (readonly string[])[],
  width: number,
  before: readonly number[] | null,
): number[] {
  const widths = columns.map((column, index) => {
    const widest = cells.reduce((most, row) => Math.max(most, [...row[index]!].length), column.title.length)
    return Math.max(widest, before?.[index] ?? 0)
  })
  let over = widths.reduce((sum, one) => sum + one + GAP, -GAP) - width
  while (over > 0) {
    const giving = columns.map((column, index) => (column.gives === true ? widths[index]! : 0))
    const widest = Math.max(...giving)
    if (widest <= LEAST) break
    const second = Math.max(LEAST, ...giving.filter((one) => one < widest))
    const at = giving.indexOf(widest)
    const take = Math.min(over, Math.max(1, widest - second))
    widths[at]! -= take
    over -= take
  }
  return widths
}

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
}

/** A table under a title of its own, an empty line before it; nothing where there are no rows. */
export function renderSection<T>(
  terminal: Terminal,
  title: string,
  columns: readonly Column<T>[],
  rows: readonly T[],
): string {
  if (rows.length === 0) return ''
  return `\n${terminal.colors.bold(title)}\n${renderTable(terminal, columns, rows)}`
}

/**
 * `name  value` lines under one another; null values are left out. Where `wrap` is asked for, values go on below
 * themselves; what has no spaces stays whole, so that it can be copied.
 */
export function renderFields(
  terminal: Terminal,
  fields: readonly (readonly [string, string | null])[],
  wrap = false,
): string {
  const present = fields.filter((field): field is readonly [string, string] => field[1] !== null)
  const width = Math.max(0, ...present.map(([name]) => name.length))
  const below = `\n${' '.repeat(width + 4)}`
  return present
    .map(([name, value]) => {
      const lines = wrap ? wrapped(escapeText(value), terminal.columns - width - 4) : [escapeText(value)]
      return `  ${terminal.colors.dim(name.padEnd(width))}  ${lines.join(below)}\n`
    })
    .join('')
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === undefined || [...line].length + 1 + [...word].length > width) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines
}

/** Prose is no easier to read in longer lines. */
const LONGEST_LINE = 100

/**
 * Prose in lines that fit the terminal: `first` before the first line, as many spaces before the others; a word that is
 * longer than a line is broken. The text is escaped here, `first` is not. Ends in a newline.
 */
export function renderProse(terminal: Terminal, first: string, text: string, indent = first.length): string {
  const width = Math.max(20, Math.min(terminal.columns, LONGEST_LINE) - indent)
  const lines: string[] = []
  let line: string[] = []
  for (const word of escapeText(text).split(' ')) {
    let rest = [...word]
    if (line.length > 0 && line.length + 1 + rest.length > width) {
      lines.push(line.join(''))
      line = []
    }
    while (rest.length > width) {
      lines.push(rest.slice(0, width).join(''))
      rest = rest.slice(width)
    }
    line = line.length === 0 ? rest : [...line, ' ', ...rest]
  }
  lines.push(line.join(''))
  return lines
    .map((one, index) => `${index === 0 ? first : ' '.repeat(indent)}${one}`.trimEnd())
    .join('\n')
    .concat('\n')
}
