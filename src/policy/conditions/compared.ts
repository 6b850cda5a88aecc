import { compareParts } from '../document/comparison.ts'
import type { Comparison } from '../document.ts'

/** Numbers and versions alike, part by part. */
export function meets(comparison: Comparison, value: number | readonly number[]): boolean {
  const order = orderOf(value, comparison.value)
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
      return order >= 0 && comparison.to !== null && orderOf(value, comparison.to) <= 0
  }
}

function orderOf(value: number | readonly number[], other: readonly number[]): number {
  if (typeof value !== 'number') return compareParts(value, other)
  return other.length === 1 ? value - other[0]! : compareParts([value], other)
}
