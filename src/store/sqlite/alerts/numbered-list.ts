import type { Page } from '../../../audit/inventory/values.ts'
import { decodeCursor, encodeCursor, type ListName } from '../inventory/queries/cursor.ts'
import type { Prepared, Value } from '../inventory/queries/prepared.ts'

export interface Condition {
  readonly sql: string
  readonly values: readonly Value[]
}

export interface NumberedList {
  readonly name: ListName
  readonly table: string
  /** Columns that a row needs, beside its number. */
  readonly columns: string
}

export interface Numbered {
  readonly number: number
}

/** Numbers looked at with one statement, and ms after which a page ends early: others wait for this thread. */
const WINDOW = 20_000
const LONG = 100

/** A page of a table, the highest number first. A search that finds little ends before its page is full. */
export function pageOfNumbered<Row extends Numbered, Item>(
  db: Prepared,
  list: NumberedList,
  conditions: readonly Condition[],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  item: (row: Row) => Item,
): Page<Item> {
  const { table, columns, name } = list
  const newest = db.get<{ newest: number | null }>(`select max(number) as newest from ${table}`)?.newest ?? 0
  const where = conditions.map(({ sql }) => ` and (${sql})`).join('')
  const values = conditions.flatMap(({ values }) => values)
  const sql = `select number, ${columns} from ${table} where number < ? and number >= ?${where} order by number desc limit ?`
  const items: Item[] = []
  const began = performance.now()
  let top = Math.min(decodeCursor(name, cursor).position, newest + 1)
  while (top > 1) {
    const floor = Math.max(1, top - WINDOW)
    const rows = db.all<Row>(sql, top, floor, ...values, limit + 1 - items.length)
    for (const row of rows) {
      if (items.length === limit) return { items, next: place(name, top) }
      items.push(item(row))
      top = row.number
    }
    top = floor
    const isOver = items.length === limit || performance.now() - began > LONG
    if (isOver && top > 1) return { items, next: place(name, top) }
  }
  return { items, next: null }
}

function place(name: ListName, number: number): string {
  return encodeCursor(name, { position: number, id: 0 })
}
