/** The filters of the lists as a query string: what their schemas read, written again from what they made of it. */
import type { NameFilter } from '../audit/inventory/values.ts'

const TIMES = new Set(['since', 'until'])

/** Accepts the output of any filter of `src/audit/inventory`; the schema that reads the answer yields an equal filter. */
export function filterQuery(filter: object): URLSearchParams {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(filter)) {
    const text = written(name, value)
    if (text !== null) query.set(name, text)
  }
  return query
}

function written(name: string, value: unknown): string | null {
  if (value === undefined || value === null) return null
  if (TIMES.has(name) && typeof value === 'number') return timeOf(value)
  if (Array.isArray(value)) return value.length === 0 ? null : value.join(',')
  if (typeof value === 'object') {
    const { kind, value: text } = value as NameFilter
    return kind === 'below' ? `.${text}` : text
  }
  return String(value)
}

/** Filters know milliseconds; nothing was recorded before 1970. */
function timeOf(at: number): string {
  return new Date(Math.max(0, Math.floor(at / 1000))).toISOString()
}
