import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MergedCursor, MergedReader } from '../../src/audit/merged-reader.ts'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { openSqliteReader, openSqliteStore } from '../../src/store/sqlite/open.ts'
import type { SqliteReader } from '../../src/store/sqlite/sqlite-record-reader.ts'
import { entryOf, intentOf, outcomeOf, sha256 } from '../support/facts.ts'

let folder: string
let readers: SqliteReader[]
/** Ids by time. */
const ids: string[] = []
const COUNT = 25

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'merged-'))
  const open = (name: string) =>
    openSqliteStore({ folder: join(folder, name), now: 1, boot: newExchangeId(), software: 'test' })
  const [one, two] = [await open('one'), await open('two')]
  for (let n = 0; n < COUNT; n++) {
    const id = newExchangeId()
    // In no regular order, so that neither instance ever has the next two for sure.
    const [store, instance] = (n * 7) % 5 < 2 ? ([one.store, 'one'] as const) : ([two.store, 'two'] as const)
    const at = 1_000_000 * (n + 1)
    const content = { instance, operation: n % 2 === 0 ? 'newOrder' : 'order' }
    const bodies = [{ bytes: Buffer.from(`body ${n}`), repeats: false }]
    await store.append(entryOf([intentOf(id, { at, content, bodies })]))
    ids.push(id)
    // A backup from when the outcome of the exchange had not come yet, and what came later is missing.
    if (n === 20) await one.backup(join(folder, 'old.db'))
    if (n !== 3) await store.append(entryOf([outcomeOf(id, { at: at + 5 })]))
  }
  await one.close()
  await two.close()
  readers = ['one', 'two', 'old.db'].map((name) => openSqliteReader(join(folder, name)))
})
afterAll(async () => {
  for (const reader of readers) await reader.close()
  await rm(folder, { recursive: true })
})

const idsOf = (exchanges: readonly RecordedExchange[]) => exchanges.map(({ id }) => id)

async function pages(reader: MergedReader, limit: number, filter = {}): Promise<string[][]> {
  const found: string[][] = []
  let cursor: MergedCursor | null = null
  do {
    const page = await reader.page(filter, limit, cursor)
    found.push(idsOf(page.exchanges))
    cursor = page.next
  } while (cursor !== null)
  return found
}

const newest = () => [...ids].reverse()

test.each([1, 2, 3, 7, 24, 25, 26, 100])('two instances, newest first, pages of %i', async (limit) => {
  const found = await pages(new MergedReader(readers.slice(0, 2)), limit)
  expect(found.flat()).toEqual(newest())
  for (const page of found.slice(0, -1)) expect(page).toHaveLength(limit)
})

test.each([1, 4, 100])('a copy of one of them adds nothing: pages of %i', async (limit) => {
  expect((await pages(new MergedReader(readers), limit)).flat()).toEqual(newest())
  expect((await pages(new MergedReader([...readers].reverse()), limit)).flat()).toEqual(newest())
})

test('oldest first, each exchange once', async () => {
  const found: RecordedExchange[] = []
  for await (const exchange of new MergedReader([readers[2]!, readers[1]!, readers[0]!]).oldestFirst({})) {
    found.push(exchange)
  }
  expect(idsOf(found)).toEqual(ids)
  // The copy lacks an outcome that the original has; one exchange has none anywhere.
  expect(found.filter(({ outcome }) => outcome === null).map(({ id }) => id)).toEqual([ids[3]])
})

test('filters hold for all of them', async () => {
  const filter = { operation: 'newOrder', since: 4_000_000, until: 20_000_000 }
  const wanted = ids.filter((_, n) => n % 2 === 0 && n >= 3 && n < 20).reverse()
  expect((await pages(new MergedReader(readers), 3, filter)).flat()).toEqual(wanted)
})

test('one exchange and its body, wherever they are', async () => {
  for (const sources of [readers, [...readers].reverse()]) {
    const reader = new MergedReader(sources)
    for (const [n, id] of ids.entries()) {
      const exchange = await reader.exchange(id)
      expect([exchange?.id, exchange?.outcome === null]).toEqual([id, n === 3])
      expect(String(await reader.body(id, sha256(`body ${n}`)))).toBe(`body ${n}`)
    }
    expect(await reader.exchange(newExchangeId())).toBeNull()
  }
})
