import { compareParts } from '../document/comparison.ts'
import type { Comparison } from '../document.ts'

/** Numbers and versions alike, part by part. */
export function meets(comparison: Comparison, value: number | readonly number[]): boolean {
  const order = compareParts(typeof value === 'number' ? [value] : value, comparison.value)
  switch (comparison.is) {
    case '>':
      return order > 0
    case '>=':
      return order >= 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '=':
      return order === 0
    case '..':
      return order >= 0 && comparison.to !== null && compareParts(partsOf(value), comparison.to) <= 0
  }
}

function partsOf(value: number | readonly number[]): readonly number[] {
  return typeof value === 'number' ? [value] : value
}
