/** A process of its own that answers questions about a data folder, so that its memory is that of the answering alone. */
import { openInventory } from '../../../src/store/sqlite/inventory/open-inventory.ts'
import { type Measured, measure } from './measure.ts'

export interface MeasuredProcess extends Measured {
  /** ms from the opening to the first answer. */
  readonly start: number
  /** Bytes, at the end and at its highest. */
  readonly rss: number
  readonly highest: number
}

const [folder = ''] = process.argv.slice(2)
const began = performance.now()
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
process.stdout.write(
  JSON.stringify({ ...measured, start, rss, highest: Math.max(highest, rss) } satisfies MeasuredProcess),
)
