import { type Paging, paging } from '../../audit/inventory/every-page.ts'
import type { Page } from '../../audit/inventory/values.ts'
import { UsageError } from '../cli-error.ts'
import type { Terminal } from '../terminal.ts'

const LARGEST_PAGE = 1000
/** µs between two lines that tell how far a long list has come. */
const TELL_EVERY = 2_000_000

export interface HowMany {
  readonly limit?: string
  readonly all?: boolean
}

/** Infinity for all. Throws {@link UsageError}. */
export function wantedOf({ limit, all }: HowMany, usual = 50): number {
  if (all === true) {
    if (limit !== undefined) throw new UsageError('--limit and --all exclude one another')
    return Number.POSITIVE_INFINITY
  }
  const wanted = Number(limit ?? usual)
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= LARGEST_PAGE) return wanted
  throw new UsageError('--limit must be a whole number from 1 to 1000; --all has no limit')
}

export interface Part<T> {
  readonly items: readonly T[]
  /** Something may follow that was not asked for. */
  readonly more: boolean
}

/**
 * The pages of a list until `wanted` items are there, newest first; none is empty. Tells on standard error how far it
 * has come where it takes long.
 */
export async function* followPages<T, C = string>(
  fetch: (asked: Paging<C>) => Promise<{ readonly items: Page<T>['items']; readonly next: C | null }>,
  wanted: number,
  progress?: { readonly terminal: Terminal; readonly what: string },
): AsyncGenerator<Part<T>> {
  let [left, count, told] = [wanted, 0, progress?.terminal.now() ?? 0]
  let cursor: C | null = null
  for (;;) {
    const { items, next } = await fetch(paging(Math.min(left, LARGEST_PAGE), cursor))
    left -= items.length
    count += items.length
    const ends = next === null || left <= 0
    if (items.length > 0) yield { items, more: ends && next !== null }
    if (ends) return
    cursor = next
    if (progress === undefined || progress.terminal.now() - told < TELL_EVERY) continue
    told = progress.terminal.now()
    progress.terminal.warn(`${count} ${progress.what} so far`)
  }
}

/** All that was wanted, at once. */
export async function collect<T, C = string>(
  ...given: Parameters<typeof followPages<T, C>>
): Promise<Part<T>> {
  const items: T[] = []
  let more = false
  for await (const part of followPages<T, C>(...given)) {
    items.push(...part.items)
    more = part.more
  }
  return { items, more }
}

/** The first that is meant, newest first; null where there is none. */
export async function findFirst<T>(
  fetch: (asked: Paging) => Promise<Page<T>>,
  meant: (item: T) => boolean,
): Promise<T | null> {
  for await (const { items } of followPages(fetch, Number.POSITIVE_INFINITY)) {
    const found = items.find(meant)
    if (found !== undefined) return found
  }
  return null
}
