import { parseDuration } from '../../config/values.ts'
import type { Comparison } from '../document.ts'

/** What is compared: numbers as they are, durations in milliseconds, versions part by part. */
export type Compared = 'number' | 'duration' | 'version'

export interface ComparisonFault {
  /** What is wrong and what to write instead, on one line. */
  readonly fault: string
}

const FORM = /^(>=|<=|>|<|=)?\s*(\S+)$/
const RANGE = /^(\S+?)\s*\.\.\s*(\S+)$/

const EXAMPLE: Readonly<Record<Compared, string>> = {
  number: '>10, >=10, <10, <=10, =10 or 2..5',
  duration: '>90d, <=12h or 1d..7d',
  version: '>=2.1, <3 or 2.0..2.9',
}

/** `>10`, `<=90d`, `2..5` (both ends belong to it), `=3` or just `3`. */
export function parseComparison(text: string, of: Compared = 'number'): Comparison | ComparisonFault {
  const trimmed = text.trim()
  const range = RANGE.exec(trimmed)
  if (range !== null) {
    const [value, to] = [operand(range[1]!, of), operand(range[2]!, of)]
    if (value === null || to === null) return refused(of)
    if (compareParts(value, to) > 0) return { fault: 'ends before it begins: write the smaller end first' }
    return { is: '..', value, to, text: trimmed }
  }
  const form = FORM.exec(trimmed)
  const value = form === null ? null : operand(form[2]!, of)
  if (form === null || value === null) return refused(of)
  return { is: (form[1] as Comparison['is'] | undefined) ?? '=', value, to: null, text: trimmed }
}

/** Part by part from the left; a part that is missing counts as 0, so that 2.1 and 2.1.0 are the same. */
export function compareParts(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function operand(text: string, of: Compared): readonly number[] | null {
  if (of === 'duration') {
    const duration = parseDuration(text)
    return duration === null ? null : [duration]
  }
  if (of === 'version') return /^\d{1,9}(\.\d{1,9}){0,7}$/.test(text) ? text.split('.').map(Number) : null
  return /^\d{1,9}$/.test(text) ? [Number(text)] : null
}

function refused(of: Compared): ComparisonFault {
  return { fault: `is not a comparison such as ${EXAMPLE[of]}` }
}
