import type { Page } from '../../../../audit/inventory/values.ts'
import { Budget, type Limits } from './budget.ts'
import { encodeCursor, type ListName, type Place } from './cursor.ts'
import { Filters } from './filters.ts'
import type { Names } from './names.ts'
import type { Personal } from './personal.ts'
import type { Prepared } from './prepared.ts'
import type { References } from './references.ts'
import type { Vocabulary } from './vocabulary.ts'
import { type Found, type List, walk } from './walk.ts'

/** What every list reads with. */
export interface Reading {
  readonly inventory: Prepared
  readonly record: Prepared
  readonly vocabulary: Vocabulary
  readonly names: Names
  readonly personal: Personal
  readonly references: References
  readonly limits: Limits
  /** Wall time, µs. */
  now(): number
}

export const NOTHING = { items: [], next: null } as const

export function filtersOf({ vocabulary, limits }: Reading): Filters {
  return new Filters(vocabulary, limits)
}

interface Paged {
  readonly limit: number
  readonly cursor?: string | undefined
}

/** A page: places are found, then each is read. Ends early where either takes long. */
export async function pageOfList<T>(
  reading: Reading,
  name: ListName,
  list: List,
  filters: Filters,
  { limit, cursor }: Paged,
  read: (id: number) => T | null | Promise<T | null>,
): Promise<Page<T>> {
  const search = filters.search(name, cursor, limit)
  if (filters.impossible) return NOTHING
  const budget = new Budget(reading.limits)
  const found = await walk(reading.inventory, list, search, budget)
  return composed(name, found, budget, read)
}

export async function composed<T>(
  name: ListName,
  { places, next }: Found,
  budget: Budget,
  read: (id: number) => T | null | Promise<T | null>,
): Promise<Page<T>> {
  const items: T[] = []
  let last: Place | null = null
  for (const place of places) {
    if (last !== null && !(await budget.mayCompose())) return { items, next: encodeCursor(name, last) }
    const item = await read(place.id)
    if (item !== null) items.push(item)
    last = place
  }
  return { items, next: next && encodeCursor(name, next) }
}
