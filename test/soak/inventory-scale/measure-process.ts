/**
 * A process of its own that has a data folder open as a server has, store and inventory, and answers questions: its
 * memory is that of nothing else.
 */
import { boundHeap } from '../../../src/cli/bound-heap.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { openInventory } from '../../../src/store/sqlite/inventory/open-inventory.ts'
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { type Measured, measure } from './measure.ts'

export interface MeasuredProcess extends Measured {
  /** ms from the opening to the first answer. */
  readonly start: number
  /** Bytes, at the end and at its highest. */
  readonly rss: number
  readonly highest: number
}

boundHeap()
const [folder = ''] = process.argv.slice(2)
const began = performance.now()
const store = await openSqliteStore({
  folder,
  now: Date.now() * 1000,
  boot: newExchangeId(),
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
