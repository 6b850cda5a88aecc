/**
 * A process of its own that has a data folder open as a server has, store and inventory, and answers questions: its
 * memory is that of nothing else.
 */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type Measured, measure } from './measure.ts'

export interface MeasuredProcess extends Measured {
  /** ms from the opening to the first answer. */
  readonly start: number
  /** Bytes, at the end and at its highest. */
  readonly rss: number
  readonly highest: number
}

/** As it is shipped where it is built: reading sources takes memory in each thread. */
async function part<T>(path: string): Promise<T> {
  const built = new URL(`../../../dist/${path}.js`, import.meta.url)
  return import((existsSync(built) ? built : new URL(`../../../src/${path}.ts`, import.meta.url)).href)
}

type Heap = typeof import('../../../src/cli/bound-heap.ts')
type Store = typeof import('../../../src/store/sqlite/open.ts')
type Inventory = typeof import('../../../src/store/sqlite/inventory/open-inventory.ts')

;(await part<Heap>('cli/bound-heap')).boundHeap()
const [folder = ''] = process.argv.slice(2)
const began = performance.now()
const { openSqliteStore } = await part<Store>('store/sqlite/open')
const { openInventory } = await part<Inventory>('store/sqlite/inventory/open-inventory')
const store = await openSqliteStore({
  folder,
  now: Date.now() * 1000,
  boot: randomUUID(),
  software: 'soak',
})
const { reader, close } = await openInventory({ folder })
await reader.orders({ limit: 50 })
const start = performance.now() - began
let highest = 0
const watch = setInterval(() => {
  highest = Math.max(highest, process.memoryUsage.rss())
}, 100)
const measured = await measure(reader)
clearInterval(watch)
const rss = process.memoryUsage.rss()
await close()
await store.close()
process.stdout.write(
  JSON.stringify({ ...measured, start, rss, highest: Math.max(highest, rss) } satisfies MeasuredProcess),
)
