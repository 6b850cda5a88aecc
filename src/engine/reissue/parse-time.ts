import { WhereError } from './where.ts'
import type { Token } from './where-tokens.ts'

const UNITS: Readonly<Record<string, number>> = { m: 60e6, h: 3600e6, d: 86_400e6, w: 604_800e6 }
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** A date, or so long from now (`14d`), in µs. Throws {@link WhereError}. */
export function parseTime({ text, column }: Token): { readonly at: number } | { readonly distance: number } {
  const duration = /^(\d{1,5})([mhdw])$/.exec(text)
  if (duration !== null) return { distance: Number(duration[1]) * UNITS[duration[2]!]! }
  const at = DATE.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at))
    throw new WhereError(
      column,
      `${JSON.stringify(text.slice(0, 60))} is no time: write 14d (m, h, d or w), 2026-01-31, or 2026-01-31T12:00:00Z`,
    )
  return { at: at * 1000 }
}
