/** Comma-separated values (RFC 4180) that a spreadsheet shows and never computes. */

/** What spreadsheets take for a formula, also in their full-width forms. */
const FORMULA = /^ *[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/

export type Cell = string | number | boolean | null

/** One record with its line end. Every cell is quoted; a text that would be a formula gets an apostrophe before it. */
export function csvRecord(cells: readonly Cell[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`
}

function cellOf(cell: Cell): string {
  if (cell === null) return ''
  const text = String(cell)
  const harmless = typeof cell === 'string' && FORMULA.test(text) ? `'${text}` : text
  return `"${harmless.replaceAll('"', '""')}"`
}
