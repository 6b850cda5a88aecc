/** Tables for people. Data goes through {@link escapeText} here and nowhere later. */
import CliTable from 'cli-table3'
import { cutMiddle, escapeText } from './escape.ts'
import type { Terminal } from './terminal.ts'

export interface Column<T> {
  readonly title: string
  text(row: T): string
  /** Cut in the middle when the table is too wide; others are kept whole. */
  readonly gives?: boolean
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
  const cells = rows.map((row) => columns.map((column) => escapeText(column.text(row))))
  const widths = columnWidths(columns, cells, terminal.columns)
  const table = new CliTable({
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP, compact: true },
  })
  table.push(columns.map((column) => terminal.colors.dim(column.title)))
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

function columnWidths<T>(
  columns: readonly Column<T>[],
  cells: readonly (readonly string[])[],
  width: number,
): number[] {
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => [...row[index]!].length)),
  )
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

/** `name  value` lines under one another; null values are left out. */
export function renderFields(
  terminal: Terminal,
  fields: readonly (readonly [string, string | null])[],
): string {
  const present = fields.filter((field): field is readonly [string, string] => field[1] !== null)
  const width = Math.max(0, ...present.map(([name]) => name.length))
  return present
    .map(([name, value]) => `  ${terminal.colors.dim(name.padEnd(width))}  ${escapeText(value)}\n`)
    .join('')
}
