import type { Page } from './values.ts'

/** How a page of a list is asked for; without a cursor the first. */
export interface Paging<C = string> {
  readonly limit: number
  readonly cursor?: C
}

/** At most `limit` items from `cursor` on; null is the beginning. */
export function paging<C>(limit: number, cursor: C | null): Paging<C> {
  return cursor === null ? { limit } : { limit, cursor }
}

const LARGEST_PAGE = 1000

/** The pages of a list to its end, newest first; one may be empty before the end. */
export async function* everyPage<T>(
  fetch: (paging: Paging) => Promise<Page<T>>,
  limit = LARGEST_PAGE,
): AsyncGenerator<Page<T>> {
  let cursor: string | null = null
  do {
    const page: Page<T> = await fetch(paging(limit, cursor))
    yield page
    cursor = page.next
  } while (cursor !== null)
}
