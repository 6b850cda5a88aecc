import { Bits } from './bits.ts'

/** Those that are null. */
export function without(lists: readonly (readonly unknown[] | null)[]): Bits {
  return Bits.of(
    lists.length,
    lists.flatMap((list, i) => (list === null ? [i] : [])),
  )
}

/** Puts the clause into the list of the value. */
export function listedUnder<K>(lists: Map<K, number[]>, value: K, clause: number): void {
  const list = lists.get(value)
  if (list) list.push(clause)
  else lists.set(value, [clause])
}
